/** @file SNAS's strategy: log alpha a choice, the Concrete relaxation with an annealed temperature, argmax children. */
import type { Device } from '../../core/tensor.ts';
import { gumbelSoftmax } from '../../distributions/index.ts';
import type { Key } from '../../core/random.ts';
import type { Tensor } from '../../core/tensor.ts';
import type { ChoiceWeights } from '../space/layout.ts';
import { FactorizedStrategy } from './factorized.ts';
import { type ArchitectureInit, pathwiseGradients, type RelaxationInputs, relaxationInputs } from './log-alpha.ts';
import type { Feedback, StrategySpace, StrategyStep } from './strategy.ts';

export interface SnasOptions extends ArchitectureInit {
  /** Forward the one-hot sample and differentiate the relaxed one (straight-through). Default false. */
  readonly hard?: boolean;
}

/** SNAS: Z = softmax((log alpha + G) / lambda), equation 13; the gradient flows through Z; children by argmax. */
export class Snas extends FactorizedStrategy<RelaxationInputs> {
  readonly name: string = 'snas';
  readonly level: 'single' | 'bilevel' = 'single';
  readonly #hard: boolean;

  constructor(device: Device, key: Key, space: StrategySpace, options: SnasOptions = {}) {
    super(device, key, space, options);
    this.#hard = options.hard ?? false;
  }

  inputs(step: StrategyStep): RelaxationInputs {
    return relaxationInputs(this.name, this.layout, this.logAlpha, step);
  }

  propose({ temperature, noise }: RelaxationInputs): ChoiceWeights {
    return this.logAlpha.map((rows, m) => gumbelSoftmax(rows, { noise: noise[m]!, temperature, hard: this.#hard }));
  }

  gradients(z: ChoiceWeights, feedback: Feedback): readonly Tensor[] {
    return pathwiseGradients(z, feedback.gradient, this.parameters());
  }
}
