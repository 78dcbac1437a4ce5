/** @file Strategies that learn nothing: random search over one-hot Z, and relaxed samples from uniform probabilities. */
import type { Device } from '../core/tensor.ts';
import { gumbelSoftmax } from '../distributions/gumbel.ts';
import { OptionError } from '../contract/errors.ts';
import { noGrad } from '../core/grad-mode.ts';
import { uniforms, foldIn, type Key } from '../core/random.ts';
import { CELL_TYPES, type CellType, edgesOf, type Genotype, genotypeFromChoices, OPERATIONS } from '../snas/space/genotype.ts';
import type { ArchitectureStrategy, CellWeights, StrategyStep } from '../snas/strategies/strategy.ts';
import type { Tensor } from '../core/tensor.ts';

/** One operation an edge, each equally likely, edges independent: `none` included. */
export function randomGenotype(key: Key, nodes: number): Genotype {
  const edges = edgesOf(nodes).length;
  const choices = (type: CellType): number[] =>
    Array.from(uniforms(foldIn(key, CELL_TYPES.indexOf(type)), edges), (u) => Math.floor(u * OPERATIONS.length));
  return genotypeFromChoices({ normal: choices('normal'), reduce: choices('reduce') }, nodes);
}

/** What both share: uniform probabilities, no parameters. */
abstract class FixedStrategy implements ArchitectureStrategy {
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

  abstract inputs(step: StrategyStep): readonly Tensor[];
  abstract propose(inputs: readonly Tensor[]): CellWeights;

  gradients(): readonly Tensor[] {
    return [];
  }

  probabilities(): CellWeights {
    const shape = [edgesOf(this.nodes).length, OPERATIONS.length];
    const uniform = (): Tensor => noGrad(() => this.device.full(shape, 1 / OPERATIONS.length));
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

  inputs({ key }: StrategyStep): readonly Tensor[] {
    const shape = [edgesOf(this.nodes).length, OPERATIONS.length];
    return CELL_TYPES.map((_, i) => {
      const rows = Array.from(uniforms(foldIn(key, i), shape[0]!), (u) => Math.floor(u * OPERATIONS.length));
      return this.device.tensor(
        rows.flatMap((choice) => OPERATIONS.map((_name, k) => (k === choice ? 1 : 0))),
        shape,
      );
    });
  }

  propose([normal, reduce]: readonly Tensor[]): CellWeights {
    return { normal: normal!, reduce: reduce! };
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

/** SNAS's relaxed samples with log alpha held at 0: what is left of SNAS when nothing is learned. The child is drawn uniformly. */
export class UniformAlpha extends FixedStrategy {
  readonly name = 'uniform';

  inputs({ key, temperature }: StrategyStep): readonly Tensor[] {
    if (!(temperature > 0)) throw new OptionError(`uniform: temperature ${temperature} must be > 0`);
    const shape = [edgesOf(this.nodes).length, OPERATIONS.length];
    const zero = this.device.zeros(shape);
    return CELL_TYPES.map((_, i) => noGrad(() => gumbelSoftmax(zero, { key: foldIn(key, i), temperature })));
  }

  propose([normal, reduce]: readonly Tensor[]): CellWeights {
    return { normal: normal!, reduce: reduce! };
  }

  derive(): Promise<Genotype> {
    return Promise.resolve(randomGenotype(this.key, this.nodes));
  }
}
