/** @file The moving average of past rewards that a policy gradient subtracts, on the device, so that a step reads nothing back. */
import type { Device } from '../core/tensor.ts';
import { OptionError } from '../contract/errors.ts';
import { noGrad } from '../core/grad-mode.ts';
import { stack } from '../core/composites.ts';
import { add, assign, detach, div, maximum, mul, reshape, slice, where } from '../core/ops.ts';
import { scope } from '../core/scope.ts';
import type { Tensor } from '../core/tensor.ts';

/**
 * An exponential moving average without the bias of its start: m := d m + (1 - d) r, c := d c + (1 - d), value m / c. It holds past
 * rewards alone, so that subtracting it leaves the gradient's expectation as it is; before the first update it is the reward
 * itself, and the first step changes nothing.
 */
export class RewardBaseline {
  /** [2]: m and c. */
  readonly state: Tensor;
  readonly decay: number;

  constructor(device: Device, decay: number) {
    if (!(decay >= 0 && decay < 1)) throw new OptionError(`reward baseline: decay ${decay} must be in [0, 1)`);
    this.decay = decay;
    this.state = device.parameter([0, 0], [2]);
  }

  /** The average so far, a scalar; `reward` where there is none yet. */
  value(reward: Tensor): Tensor {
    return noGrad(() => {
      const m = reshape(slice(this.state, [0], [1]), []);
      const c = reshape(slice(this.state, [1], [2]), []);
      return where(c, div(m, maximum(c, 1e-12)), reshape(detach(reward), []));
    });
  }

  /** Takes a reward, a scalar, in. */
  update(reward: Tensor): void {
    noGrad(() =>
      scope(() => {
        const r = reshape(detach(reward), []);
        const seen = stack([r, reward.device.scalar(1)]);
        assign(this.state, add(mul(this.state, this.decay), mul(seen, 1 - this.decay)));
      }),
    );
  }
}
