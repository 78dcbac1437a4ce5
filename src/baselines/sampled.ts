/** @file Strategies that sample one-hot Z from a factorised p(Z): DSNAS, straight-through (GDAS), and plain REINFORCE. */
import { grad } from '../core/autograd.ts';
import type { Device } from '../core/tensor.ts';
import { gumbelMax, gumbelSoftmax } from '../distributions/gumbel.ts';
import { OptionError } from '../contract/errors.ts';
import { add, detach, mul, sub, sum } from '../core/ops.ts';
import type { Key } from '../core/random.ts';
import { scope } from '../core/scope.ts';
import { oneHotLogProb } from '../snas/cost/expected-cost.ts';
import { CELL_TYPES } from '../snas/space/genotype.ts';
import { type ArchitectureInit, pathwiseGradients } from '../snas/strategies/snas.ts';
import type { CellWeights, Feedback, StrategyStep } from '../snas/strategies/strategy.ts';
import type { Tensor } from '../core/tensor.ts';
import { FactorizedStrategy, gumbelInputs } from '../snas/strategies/factorized.ts';
import { RewardBaseline } from './reward-baseline.ts';

/**
 * DSNAS (Hu et al., CVPR 2020): Z is one-hot, and each edge's score dlog p(Z_ij)/dlog alpha is multiplied by the edge's own credit
 * <dL/dZ_ij, Z_ij>, the derivative of the loss by the chosen entry. Single level.
 */
export class Dsnas extends FactorizedStrategy {
  readonly name = 'dsnas';
  readonly level = 'single';

  inputs({ key }: StrategyStep): readonly Tensor[] {
    return gumbelInputs(this.logAlpha, key);
  }

  propose([normal, reduce]: readonly Tensor[]): CellWeights {
    return {
      normal: gumbelMax(this.logAlpha.normal, { noise: normal! }),
      reduce: gumbelMax(this.logAlpha.reduce, { noise: reduce! }),
    };
  }

  gradients(z: CellWeights, feedback: Feedback): readonly Tensor[] {
    return scope(() => {
      const terms = CELL_TYPES.map((type) => {
        const credit = detach(sum(mul(feedback.gradient[type], z[type]), 1));
        return sum(mul(oneHotLogProb(this.logAlpha[type], z[type]), credit));
      });
      return grad(add(terms[0]!, terms[1]!), this.parameters());
    });
  }
}

/**
 * GDAS (Dong and Yang, CVPR 2019): the forward pass sees the one-hot argmax of the relaxed sample, the backward pass the relaxed
 * sample (straight-through). Bi-level, as published.
 */
export class Gdas extends FactorizedStrategy {
  readonly name = 'gdas';
  readonly level = 'bilevel';

  inputs({ key, temperature }: StrategyStep): readonly Tensor[] {
    if (!(temperature > 0)) throw new OptionError(`gdas: temperature ${temperature} must be > 0`);
    return [...gumbelInputs(this.logAlpha, key), this.logAlpha.normal.device.tensor([temperature], [1])];
  }

  propose([normal, reduce, temperature]: readonly Tensor[]): CellWeights {
    const options = { temperature: temperature!, hard: true };
    return {
      normal: gumbelSoftmax(this.logAlpha.normal, { ...options, noise: normal! }),
      reduce: gumbelSoftmax(this.logAlpha.reduce, { ...options, noise: reduce! }),
    };
  }

  gradients(z: CellWeights, feedback: Feedback): readonly Tensor[] {
    return pathwiseGradients(z, feedback.gradient, this.parameters());
  }
}

export interface ReinforceOptions extends ArchitectureInit {
  /** Decay of the moving average that is subtracted from the loss. Default 0.95. */
  readonly baselineDecay?: number;
}

/** REINFORCE on the same factorised p(Z): the whole loss, less a moving average, times the score of every edge. Single level. */
export class Reinforce extends FactorizedStrategy {
  readonly name = 'reinforce';
  readonly level = 'single';
  readonly #baseline: RewardBaseline;

  constructor(device: Device, key: Key, options: ReinforceOptions = {}) {
    super(device, key, options);
    this.#baseline = new RewardBaseline(device, options.baselineDecay ?? 0.95);
  }

  override stateDict(): ReadonlyMap<string, Tensor> {
    return new Map([...super.stateDict(), ['baseline', this.#baseline.state]]);
  }

  inputs({ key }: StrategyStep): readonly Tensor[] {
    return gumbelInputs(this.logAlpha, key);
  }

  propose([normal, reduce]: readonly Tensor[]): CellWeights {
    return {
      normal: gumbelMax(this.logAlpha.normal, { noise: normal! }),
      reduce: gumbelMax(this.logAlpha.reduce, { noise: reduce! }),
    };
  }

  gradients(z: CellWeights, { loss }: Feedback): readonly Tensor[] {
    return scope(() => {
      const advantage = detach(sub(loss, this.#baseline.value(loss)));
      const logP = CELL_TYPES.map((type) => sum(oneHotLogProb(this.logAlpha[type], z[type])));
      const found = grad(mul(add(logP[0]!, logP[1]!), advantage), this.parameters());
      this.#baseline.update(loss);
      return found;
    });
  }
}
