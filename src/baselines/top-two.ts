/** @file DARTS's child: for each node the two inputs with the strongest operation other than none, and that operation. */
import { CELL_INPUTS, type CellType, edgesOf, type Genotype, type GenotypeEdge, OPERATIONS } from '../snas/space/genotype.ts';
import type { CellWeights } from '../snas/space/cell-weights.ts';

/**
 * The top-2 rule on mixing weights [edges, 8]. `none` is never chosen and takes part in nothing: neither in the choice of an
 * operation nor in the ranking of edges. Ties go to the lower column and the lower input. Liu et al., ICLR 2019, section 2.4.
 */
export function topTwoEdges(weights: ArrayLike<number>, nodes: number): GenotypeEdge[] {
  const none = OPERATIONS.indexOf('none');
  const strongest = edgesOf(nodes).map(({ from, to }, e) => {
    let best = -1;
    for (let k = 0; k < OPERATIONS.length; k++) {
      if (k !== none && (best < 0 || weights[e * OPERATIONS.length + k]! > weights[e * OPERATIONS.length + best]!)) best = k;
    }
    return { from, to, operation: OPERATIONS[best]!, weight: weights[e * OPERATIONS.length + best]! };
  });
  return Array.from({ length: nodes }, (_, n) => n + CELL_INPUTS).flatMap((to) =>
    strongest
      .filter((e) => e.to === to)
      .sort((a, b) => b.weight - a.weight || a.from - b.from)
      .slice(0, 2)
      .sort((a, b) => a.from - b.from)
      .map(({ operation, from }) => ({ operation, from, to })),
  );
}

/** Both cells by the top-2 rule. */
export async function topTwoGenotype(probabilities: CellWeights, nodes: number): Promise<Genotype> {
  const concat = Array.from({ length: nodes }, (_, i) => i + CELL_INPUTS);
  const cell = async (type: CellType): Promise<GenotypeEdge[]> => topTwoEdges(await probabilities[type].data(), nodes);
  return { normal: await cell('normal'), normalConcat: concat, reduce: await cell('reduce'), reduceConcat: concat };
}
