/** @file Strategies that sample one-hot Z from a factorised p(Z): DSNAS, straight-through (GDAS), and plain REINFORCE. */
import { grad } from '../core/autograd.ts';
import type { Device } from '../core/tensor.ts';
import { gumbelMax } from '../distributions/gumbel.ts';
import { add, detach, mul, sub, sum } from '../core/ops.ts';
import type { Key } from '../core/random.ts';
import { scope } from '../core/scope.ts';
import { oneHotLogProb } from '../snas/cost/expected-cost.ts';
import type { Feedback, StrategyInputs, StrategySpace, StrategyStep } from '../snas/strategies/strategy.ts';
import type { Tensor } from '../core/tensor.ts';
import { FactorizedStrategy } from '../snas/strategies/factorized.ts';
import { RewardBaseline } from './reward-baseline.ts';
import { type ArchitectureInit, gumbelNoise } from '../snas/strategies/log-alpha.ts';
import { Snas } from '../snas/strategies/snas.ts';
import type { ChoiceWeights } from '../snas/space/layout.ts';

/** Gumbel noise of log alpha's shapes. */
type NoiseInputs = StrategyInputs & { readonly noise: ChoiceWeights };

/** One-hot Z from p(Z), by the argmax of log alpha and Gumbel noise. */
abstract class OneHotStrategy extends FactorizedStrategy<NoiseInputs> {
  inputs({ key }: StrategyStep): NoiseInputs {
    return { noise: gumbelNoise(this.logAlpha[0]!.device, this.layout, key) };
  }

  propose({ noise }: NoiseInputs): ChoiceWeights {
    return this.logAlpha.map((rows, m) => gumbelMax(rows, { noise: noise[m]! }));
  }
}

/**
 * DSNAS (Hu et al., CVPR 2020): Z is one-hot, and each choice's score dlog p(Z_ij)/dlog alpha is multiplied by that choice's credit
 * <dL/dZ_ij, Z_ij>, the derivative of the loss by the chosen entry. Single level.
 */
export class Dsnas extends OneHotStrategy {
  readonly name = 'dsnas';
  readonly level = 'single';

  gradients(z: ChoiceWeights, feedback: Feedback): readonly Tensor[] {
    return scope(() => {
      const terms = z.map((rows, m) => {
        const credit = detach(sum(mul(feedback.gradient[m]!, rows), 1));
        return sum(mul(oneHotLogProb(this.logAlpha[m]!, rows), credit));
      });
      return grad(
        terms.reduce((a, b) => add(a, b)),
        this.parameters(),
      );
    });
  }
}

/**
 * GDAS (Dong and Yang, CVPR 2019): the forward pass sees the one-hot argmax of the relaxed sample, the backward pass the relaxed
 * sample (straight-through). Bi-level, as published.
 */
export class Gdas extends Snas {
  override readonly name = 'gdas';
  override readonly level = 'bilevel';

  constructor(device: Device, key: Key, space: StrategySpace, init: ArchitectureInit = {}) {
    super(device, key, space, { ...init, hard: true });
  }
}

export interface ReinforceOptions extends ArchitectureInit {
  /** Decay of the moving average that is subtracted from the loss. Default 0.95. */
  readonly baselineDecay?: number;
}

/** REINFORCE on the same factorised p(Z): the whole loss, less a moving average, times the score of every choice. Single level. */
export class Reinforce extends OneHotStrategy {
  readonly name = 'reinforce';
  readonly level = 'single';
  readonly #baseline: RewardBaseline;

  constructor(device: Device, key: Key, space: StrategySpace, options: ReinforceOptions = {}) {
    super(device, key, space, options);
    this.#baseline = new RewardBaseline(device, options.baselineDecay ?? 0.95);
  }

  override stateDict(): ReadonlyMap<string, Tensor> {
    return new Map([...super.stateDict(), ['baseline', this.#baseline.state]]);
  }

  gradients(z: ChoiceWeights, { loss }: Feedback): readonly Tensor[] {
    return scope(() => {
      const advantage = detach(sub(loss, this.#baseline.value(loss)));
      const logP = z.map((rows, m) => sum(oneHotLogProb(this.logAlpha[m]!, rows))).reduce((a, b) => add(a, b));
      const found = grad(mul(logP, advantage), this.parameters());
      this.#baseline.update(loss);
      return found;
    });
  }
}
