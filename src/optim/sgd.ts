/** @file Stochastic gradient descent with momentum, Nesterov and weight decay. */
import { applyInPlace } from '../core/primitive.ts';
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
    const kernel = hyper.device.backend.fusedKernels.get('sgdMany');
    const triple = (i: number): readonly Tensor[] => [gradients[i]!, this.parameters[i]!, this.slots[i]![0]!];
    const count = this.parameters.length;
    for (let i = 0; i < count;) {
      const many = [5, 2].find((n) => {
        const triples = Array.from({ length: Math.min(n, count - i) }, (_, k) => triple(i + k));
        return triples.length === n && kernel?.forward([hyper, ...triples.flat()], { nesterov: this.nesterov }, false);
      });
      if (many === undefined) this.update(this.parameters[i]!, this.slots[i]!, gradients[i]!, hyper);
      i += many ?? 1;
    }
  }

  protected update(parameter: Tensor, [velocity]: readonly Tensor[], gradient: Tensor, hyper: Tensor): void {
    applyInPlace('sgd', { nesterov: this.nesterov }, [gradient, hyper], [parameter, velocity!]);
  }
}
