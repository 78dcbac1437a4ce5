/** @file Strategies that learn nothing: random search over one-hot Z, and relaxed samples from uniform probabilities. */
import type { Device } from '../core/tensor.ts';
import { checkTemperature, gumbelSoftmax } from '../distributions/gumbel.ts';
import { noGrad } from '../core/grad-mode.ts';
import { uniforms, foldIn, type Key } from '../core/random.ts';
import {
  CELL_TYPES,
  type CellType,
  edgesOf,
  type Genotype,
  genotypeFromChoices,
  oneHotRows,
  OPERATIONS,
} from '../snas/space/genotype.ts';
import type { ArchitectureStrategy, StrategyStep } from '../snas/strategies/strategy.ts';
import type { Tensor } from '../core/tensor.ts';
import type { CellWeights } from '../snas/space/cell-weights.ts';

/** The column of one operation an edge, each equally likely. */
function randomChoices(key: Key, type: CellType, nodes: number): number[] {
  const drawn = uniforms(foldIn(key, CELL_TYPES.indexOf(type)), edgesOf(nodes).length);
  return Array.from(drawn, (u) => Math.floor(u * OPERATIONS.length));
}

/** One operation an edge, each equally likely, edges independent: `none` included. */
export function randomGenotype(key: Key, nodes: number): Genotype {
  return genotypeFromChoices({ normal: randomChoices(key, 'normal', nodes), reduce: randomChoices(key, 'reduce', nodes) }, nodes);
}

/** What both share: Z is drawn on the host and proposed as it is, uniform probabilities, no parameters. */
abstract class FixedStrategy implements ArchitectureStrategy<CellWeights> {
  abstract readonly name: string;
  readonly level = 'single';
  readonly nodes: number;
  protected readonly device: Device;
  protected readonly key: Key;

  constructor(device: Device, key: Key, options: { readonly nodes?: number } = {}) {
    this.device = device;
    this.key = key;
    this.nodes = options.nodes ?? 4;
  }

  parameters(): readonly Tensor[] {
    return [];
  }

  stateDict(): ReadonlyMap<string, Tensor> {
    return new Map();
  }

  abstract inputs(step: StrategyStep): CellWeights;

  propose(z: CellWeights): CellWeights {
    return z;
  }

  gradients(): readonly Tensor[] {
    return [];
  }

  /** [edges, 8] */
  protected get shape(): readonly number[] {
    return [edgesOf(this.nodes).length, OPERATIONS.length];
  }

  probabilities(): CellWeights {
    const uniform = (): Tensor => noGrad(() => this.device.full(this.shape, 1 / OPERATIONS.length));
    return { normal: uniform(), reduce: uniform() };
  }

  abstract derive(): Promise<Genotype>;
}

/**
 * Random search with shared weights (Li and Talwalkar, UAI 2019): each step trains one architecture drawn uniformly. `candidates` are
 * further draws, to be scored on validation images; `choose` says which was best, and `derive` gives it (else the first).
 */
export class RandomSearch extends FixedStrategy {
  readonly name = 'random';
  #chosen: Genotype | undefined;

  inputs({ key }: StrategyStep): CellWeights {
    const draw = (type: CellType): Tensor => this.device.tensor(oneHotRows(randomChoices(key, type, this.nodes)), this.shape);
    return { normal: draw('normal'), reduce: draw('reduce') };
  }

  candidates(count: number): Genotype[] {
    return Array.from({ length: count }, (_, i) => randomGenotype(foldIn(this.key, i), this.nodes));
  }

  choose(genotype: Genotype): void {
    this.#chosen = genotype;
  }

  derive(): Promise<Genotype> {
    return Promise.resolve(this.#chosen ?? randomGenotype(foldIn(this.key, 0), this.nodes));
  }
}

/** SNAS's relaxed samples with log alpha fixed at 0: what is left of SNAS when nothing is learned. The child is drawn uniformly. */
export class UniformAlpha extends FixedStrategy {
  readonly name = 'uniform';

  inputs({ key, temperature }: StrategyStep): CellWeights {
    checkTemperature(this.name, temperature);
    const logits = this.device.zeros(this.shape);
    const draw = (type: CellType): Tensor =>
      noGrad(() => gumbelSoftmax(logits, { key: foldIn(key, CELL_TYPES.indexOf(type)), temperature }));
    return { normal: draw('normal'), reduce: draw('reduce') };
  }

  derive(): Promise<Genotype> {
    return Promise.resolve(randomGenotype(this.key, this.nodes));
  }
}
