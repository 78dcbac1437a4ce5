/** @file Adam. Kingma and Ba, ICLR 2015. */
import { applyInPlace } from '../core/primitive.ts';
import { OptionError } from '../contract/errors.ts';
import type { Tensor } from '../core/tensor.ts';
import { Optimizer } from './optimizer.ts';

export interface AdamOptions {
  /** Default 1e-3. */
  readonly lr?: number;
  /** Default [0.9, 0.999]. */
  readonly betas?: readonly [number, number];
  /** Default 1e-8. */
  readonly eps?: number;
  /** L2 penalty, added to the gradient (not AdamW's decoupled decay). Default 0. */
  readonly weightDecay?: number;
}

/**
 * PyTorch's Adam: g := scale g + weightDecay p; m := m + (1 - b1) (g - m); v := v + (1 - b2) (g^2 - v);
 * p := p - lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps).
 */
export class Adam extends Optimizer {
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weightDecay: number;

  constructor(parameters: readonly Tensor[], options: AdamOptions = {}) {
    super(parameters, options.lr ?? 1e-3, 2, 7);
    this.betas = options.betas ?? [0.9, 0.999];
    this.eps = options.eps ?? 1e-8;
    this.weightDecay = options.weightDecay ?? 0;
    for (const beta of this.betas) if (!(beta >= 0 && beta < 1)) throw new OptionError(`Adam: beta ${beta} must be in [0, 1)`);
  }

  protected slotNames(): readonly string[] {
    return ['exp_avg', 'exp_avg_sq'];
  }

  protected hyperparameters(): readonly number[] {
    const [b1, b2] = this.betas;
    // 1 - b in float64: a float32 device would form it of a b that is rounded, and lose most of it where b is near 1.
    return [this.lr, 1 - b1, 1 - b2, this.eps, this.weightDecay, 1 - b1 ** this.steps, 1 - b2 ** this.steps];
  }

  protected update(parameter: Tensor, [first, second]: readonly Tensor[], gradient: Tensor, hyper: Tensor): void {
    applyInPlace('adam', {}, [gradient, hyper], [parameter, first!, second!]);
  }
}
