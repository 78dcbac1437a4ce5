/** @file What strategies with one independent row of log alpha a choice share: parameters, probabilities, argmax children. */
import type { Device } from '../../core/tensor.ts';
import { noGrad } from '../../core/grad-mode.ts';
import type { Key } from '../../core/random.ts';
import { scope } from '../../core/scope.ts';
import { softmax } from '../../core/softmax.ts';
import type { Tensor } from '../../core/tensor.ts';
import type { Architecture } from '../space/architecture.ts';
import type { ChoiceWeights, SpaceLayout } from '../space/layout.ts';
import { type ArchitectureInit, architectureParameters } from './log-alpha.ts';
import { argmaxArchitecture, withProbabilities } from './probabilities.ts';
import type { ArchitectureStrategy, Feedback, StrategyInputs, StrategySpace, StrategyStep } from './strategy.ts';

/** A factorised p(Z), equation 7: a row of log alpha a choice. Subclasses say how Z comes from it and what is its gradient. */
export abstract class FactorizedStrategy<Inputs extends StrategyInputs = StrategyInputs> implements ArchitectureStrategy<Inputs> {
  abstract readonly name: string;
  abstract readonly level: 'single' | 'bilevel';
  readonly layout: SpaceLayout;
  readonly logAlpha: ChoiceWeights;

  constructor(device: Device, key: Key, space: StrategySpace, init: ArchitectureInit = {}) {
    this.layout = space.layout;
    this.logAlpha = architectureParameters(device, key, space.layout, init);
  }

  /** Log alpha: Z is a sample, unless a subclass says otherwise. */
  get sampled(): ChoiceWeights | undefined {
    return this.logAlpha;
  }

  parameters(): readonly Tensor[] {
    return this.logAlpha;
  }

  stateDict(): ReadonlyMap<string, Tensor> {
    return logAlphaState(this.layout, this.logAlpha);
  }

  abstract inputs(step: StrategyStep): Inputs;
  abstract propose(inputs: Inputs): ChoiceWeights;
  abstract gradients(z: ChoiceWeights, feedback: Feedback): readonly Tensor[];

  probabilities(): ChoiceWeights {
    return scope(() => noGrad(() => this.logAlpha.map((rows) => softmax(rows))));
  }

  /** The child of the most likely option of every choice, `none` included. */
  async derive(): Promise<Architecture> {
    return withProbabilities(this, (p) => argmaxArchitecture(this.layout, p));
  }
}

/** log alpha by the names under which it is saved: 'log_alpha.8' is the matrix of the choices of eight options. */
export function logAlphaState(layout: SpaceLayout, logAlpha: ChoiceWeights): Map<string, Tensor> {
  return new Map(layout.matrices.map(({ options }, m) => [`log_alpha.${options}`, logAlpha[m]!]));
}
