/** @file What strategies with one independent row of log alpha an edge share: parameters, probabilities, argmax children. */
import type { Device } from '../../core/tensor.ts';
import { noGrad } from '../../core/grad-mode.ts';
import type { Key } from '../../core/random.ts';
import { scope } from '../../core/scope.ts';
import { softmax } from '../../core/softmax.ts';
import type { Tensor } from '../../core/tensor.ts';
import type { CellWeights } from '../space/cell-weights.ts';
import { CELL_TYPES, type Genotype } from '../space/genotype.ts';
import { type ArchitectureInit, architectureParameters } from './log-alpha.ts';
import { argmaxGenotype, withProbabilities } from './probabilities.ts';
import type { ArchitectureStrategy, Feedback, StrategyInputs, StrategyStep } from './strategy.ts';

/** A factorised p(Z), equation 7: log alpha [edges, 8] a cell type. Subclasses say how Z comes from it and what is its gradient. */
export abstract class FactorizedStrategy<Inputs extends StrategyInputs = StrategyInputs> implements ArchitectureStrategy<Inputs> {
  abstract readonly name: string;
  abstract readonly level: 'single' | 'bilevel';
  readonly logAlpha: CellWeights;
  readonly nodes: number;

  constructor(device: Device, key: Key, init: ArchitectureInit = {}) {
    this.nodes = init.nodes ?? 4;
    this.logAlpha = architectureParameters(device, key, init);
  }

  /** Log alpha: Z is a sample, unless a subclass says otherwise. */
  get sampled(): CellWeights | undefined {
    return this.logAlpha;
  }

  parameters(): readonly Tensor[] {
    return [this.logAlpha.normal, this.logAlpha.reduce];
  }

  stateDict(): ReadonlyMap<string, Tensor> {
    return new Map(CELL_TYPES.map((type) => [`log_alpha.${type}`, this.logAlpha[type]]));
  }

  abstract inputs(step: StrategyStep): Inputs;
  abstract propose(inputs: Inputs): CellWeights;
  abstract gradients(z: CellWeights, feedback: Feedback): readonly Tensor[];

  probabilities(): CellWeights {
    return scope(() => noGrad(() => ({ normal: softmax(this.logAlpha.normal), reduce: softmax(this.logAlpha.reduce) })));
  }

  /** The child of the most likely operation on every edge, `none` included. */
  async derive(): Promise<Genotype> {
    return withProbabilities(this, (p) => argmaxGenotype(p, this.nodes));
  }
}
