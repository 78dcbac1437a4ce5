/** @file Stochastic gradient descent with momentum, Nesterov and weight decay. */
import { applyInPlace } from '../core/primitive.ts';
import { inPlaceByRow, rowOf } from '../core/fused-rows.ts';
import { OptionError } from '../contract/errors.ts';
import type { Tensor } from '../core/tensor.ts';
import { Optimizer } from './optimizer.ts';

export interface SGDOptions {
  readonly lr: number;
  /** Default 0. */
  readonly momentum?: number;
  readonly nesterov?: boolean;
  /** L2 penalty, added to the gradient. Default 0. */
  readonly weightDecay?: number;
}

/** [hyper, gradient, ...] -> [parameter, velocity, ...]: several parameters at once. */
const sgdMany = inPlaceByRow('sgdMany', 'sgd', (params, [hyper, ...gradients], targets) => {
  for (const [i, g] of gradients.entries()) applyInPlace('sgd', params, [g, hyper!], targets.slice(2 * i, 2 * i + 2));
});

/**
 * PyTorch's SGD: g := scale g + weightDecay p; v := momentum v + g; p := p - lr v (Nesterov: p - lr (g + momentum v)).
 * v starts at 0, so the first v is g.
 */
export class SGD extends Optimizer {
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;

  constructor(parameters: readonly Tensor[], options: SGDOptions) {
    super(parameters, options.lr, 1, 3);
    this.momentum = options.momentum ?? 0;
    this.nesterov = options.nesterov ?? false;
    this.weightDecay = options.weightDecay ?? 0;
    if (!(this.momentum >= 0)) throw new OptionError(`SGD: momentum ${this.momentum} must be >= 0`);
    if (this.nesterov && this.momentum === 0) throw new OptionError('SGD: nesterov needs a momentum above 0');
  }

  protected slotNames(): readonly string[] {
    return ['momentum_buffer'];
  }

  protected hyperparameters(): readonly number[] {
    return [this.lr, this.momentum, this.weightDecay];
  }

  protected override updateAll(gradients: readonly Tensor[], hyper: Tensor): void {
    const row = rowOf(hyper.device, 'sgdMany');
    if (!row) return super.updateAll(gradients, hyper);
    for (let first = 0; first < gradients.length; first += row.atMost) {
      const end = first + row.atMost;
      const targets = this.parameters.slice(first, end).flatMap((p, i) => [p, ...this.slots[first + i]!]);
      sgdMany({ nesterov: this.nesterov }, [hyper, ...gradients.slice(first, end)], targets);
    }
  }

  protected update(parameter: Tensor, [velocity]: readonly Tensor[], gradient: Tensor, hyper: Tensor): void {
    applyInPlace('sgd', { nesterov: this.nesterov }, [gradient, hyper], [parameter, velocity!]);
  }
}
