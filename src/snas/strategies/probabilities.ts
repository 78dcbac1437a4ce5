/** @file What is read from the probability of each operation on each edge: the argmax child, and the mean entropy. */
import { largestOf } from '../../contract/extremes.ts';
import type { CellWeights } from '../space/cell-weights.ts';
import { CELL_TYPES, type CellType, type Genotype, genotypeFromChoices, OPERATIONS } from '../space/genotype.ts';
import type { ArchitectureStrategy } from './strategy.ts';

/** The column of the largest of the eight numbers of each row [edges * 8]; ties go to the first. */
export function argmaxRows(rows: ArrayLike<number>): number[] {
  return Array.from({ length: rows.length / OPERATIONS.length }, (_, e) => {
    const row = Array.from(OPERATIONS, (_name, k) => rows[e * OPERATIONS.length + k]!);
    return row.indexOf(largestOf(row));
  });
}

/** The child of per-edge argmax over all eight operations, `none` included; ties go to the first. SNAS, section 4.2. */
export async function argmaxGenotype(probabilities: CellWeights, nodes: number): Promise<Genotype> {
  const choices = async (type: CellType): Promise<number[]> => argmaxRows(await probabilities[type].data());
  return genotypeFromChoices({ normal: await choices('normal'), reduce: await choices('reduce') }, nodes);
}

/** Mean entropy of the rows, in nats: ln 8 = 2.079 where all operations are equally likely. Sum of entropies, not of a product. */
export async function meanEntropy(probabilities: CellWeights): Promise<number> {
  let total = 0;
  let rows = 0;
  for (const type of CELL_TYPES) {
    const p = await probabilities[type].data();
    for (const v of p) if (v > 0) total -= v * Math.log(v);
    rows += p.length / OPERATIONS.length;
  }
  return total / rows;
}

/** Runs `body` with a strategy's probabilities and frees them. */
export async function withProbabilities<T>(strategy: ArchitectureStrategy, body: (p: CellWeights) => Promise<T>): Promise<T> {
  const p = strategy.probabilities();
  try {
    return await body(p);
  } finally {
    for (const type of CELL_TYPES) p[type].dispose();
  }
}
