/** @file SNAS's strategy: log alpha an edge, the Concrete relaxation with an annealed temperature, argmax children. */
import type { Device } from '../../core/tensor.ts';
import { gumbelSoftmax } from '../../distributions/index.ts';
import type { Key } from '../../core/random.ts';
import type { Tensor } from '../../core/tensor.ts';
import type { CellWeights } from '../space/cell-weights.ts';
import type { CellType } from '../space/genotype.ts';
import { FactorizedStrategy } from './factorized.ts';
import { type ArchitectureInit, pathwiseGradients, type RelaxationInputs, relaxationInputs } from './log-alpha.ts';
import type { Feedback, StrategyStep } from './strategy.ts';

export interface SnasOptions extends ArchitectureInit {
  /** Forward the one-hot sample and differentiate the relaxed one (straight-through). Default false. */
  readonly hard?: boolean;
}

/** SNAS: Z = softmax((log alpha + G) / lambda), equation 13; the gradient flows through Z; children by argmax. */
export class Snas extends FactorizedStrategy<RelaxationInputs> {
  readonly name: string = 'snas';
  readonly level: 'single' | 'bilevel' = 'single';
  readonly #hard: boolean;

  constructor(device: Device, key: Key, options: SnasOptions = {}) {
    super(device, key, options);
    this.#hard = options.hard ?? false;
  }

  inputs(step: StrategyStep): RelaxationInputs {
    return relaxationInputs(this.name, this.logAlpha, step);
  }

  propose({ temperature, ...noise }: RelaxationInputs): CellWeights {
    const sample = (type: CellType): Tensor =>
      gumbelSoftmax(this.logAlpha[type], { noise: noise[type], temperature, hard: this.#hard });
    return { normal: sample('normal'), reduce: sample('reduce') };
  }

  gradients(z: CellWeights, feedback: Feedback): readonly Tensor[] {
    return pathwiseGradients(z, feedback.gradient, this.parameters());
  }
}
