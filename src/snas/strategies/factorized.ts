/** @file What strategies with one independent row of log alpha an edge share: parameters, probabilities, argmax children. */
import type { Device } from '../../core/tensor.ts';
import { noGrad } from '../../core/grad-mode.ts';
import { foldIn, gumbels, type Key } from '../../core/random.ts';
import { CELL_TYPES, type CellType, type Genotype } from '../space/genotype.ts';
import { type ArchitectureInit, architectureParameters, argmaxGenotype } from './snas.ts';
import type { ArchitectureStrategy, CellWeights, Feedback, StrategyStep } from './strategy.ts';
import { softmax } from '../../core/softmax.ts';
import type { Tensor } from '../../core/tensor.ts';

/** A factorised p(Z), equation 7: log alpha [edges, 8] a cell type. Subclasses say how Z comes from it and what is its gradient. */
export abstract class FactorizedStrategy implements ArchitectureStrategy {
  abstract readonly name: string;
  abstract readonly level: 'single' | 'bilevel';
  readonly logAlpha: CellWeights;
  readonly nodes: number;

  /** Log alpha: Z is a sample, unless a subclass says otherwise. */
  get sampled(): CellWeights | undefined {
    return this.logAlpha;
  }

  constructor(device: Device, key: Key, init: ArchitectureInit = {}) {
    this.nodes = init.nodes ?? 4;
    this.logAlpha = architectureParameters(device, key, init);
  }

  parameters(): readonly Tensor[] {
    return [this.logAlpha.normal, this.logAlpha.reduce];
  }

  stateDict(): ReadonlyMap<string, Tensor> {
    return new Map(CELL_TYPES.map((type) => [`log_alpha.${type}`, this.logAlpha[type]]));
  }

  abstract inputs(step: StrategyStep): readonly Tensor[];
  abstract propose(inputs: readonly Tensor[]): CellWeights;
  abstract gradients(z: CellWeights, feedback: Feedback): readonly Tensor[];

  probabilities(): CellWeights {
    return noGrad(() => ({ normal: softmax(this.logAlpha.normal), reduce: softmax(this.logAlpha.reduce) }));
  }

  /** The child of the most likely operation on every edge, `none` included. */
  async derive(): Promise<Genotype> {
    return withProbabilities(this, (p) => argmaxGenotype(p, this.nodes));
  }
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

/** Standard Gumbel noise of log alpha's shapes, drawn in float64 on the host: [normal, reduce]. */
export function gumbelInputs(logAlpha: CellWeights, key: Key): [Tensor, Tensor] {
  const noise = (type: CellType, i: number): Tensor => {
    const { device, size, shape } = logAlpha[type];
    return device.tensor(gumbels(foldIn(key, i), size), shape);
  };
  return [noise('normal', 0), noise('reduce', 1)];
}
