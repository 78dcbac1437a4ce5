/** @file customVjp: an operation whose derivative its author writes, where the derivative of its parts is not what is wanted. */
import { OptionError } from '../contract/errors.ts';
import { isGradEnabled, noGrad } from './grad-mode.ts';
import { addNode } from './tensor.ts';
import { detach } from './ops.ts';
import { scope } from './scope.ts';
import { synchronous } from './synchronous.ts';
import type { Tensor } from './tensor.ts';

export interface VjpContext<Inputs extends readonly Tensor[]> {
  readonly inputs: Inputs;
  readonly output: Tensor;
  /** Which inputs need a cotangent. */
  readonly needs: readonly boolean[];
}

/**
 * An operation with a VJP of your own: `forward` computes the value (nothing inside is captured), `backward` the cotangents of
 * the inputs from the cotangent g of the output, each of its input's shape, or undefined for an input that takes none. Write
 * `backward` in differentiable operations of g, the inputs and the output, and it can be differentiated again.
 *
 * Nothing checks that `backward` is the derivative of `forward` (a straight-through estimator is meant not to be); where it
 * should be, use `checkGrads` of `reparam/testing`. JAX's custom_vjp, PyTorch's autograd.Function.
 */
export function customVjp<const Inputs extends readonly Tensor[]>(
  name: string,
  forward: (...inputs: Inputs) => Tensor,
  backward: (g: Tensor, context: VjpContext<Inputs>) => readonly (Tensor | undefined)[],
): (...inputs: Inputs) => Tensor {
  return (...inputs) => {
    const output = scope(() => detach(noGrad(() => synchronous(name, 'forward', forward(...inputs)))));
    if (isGradEnabled()) {
      addNode(name, inputs, output, (g, needs) => {
        const parts = synchronous(name, 'backward', backward(g, { inputs, output, needs }));
        if (parts.length !== inputs.length) {
          throw new OptionError(`${name}: backward returned ${parts.length} cotangents for ${inputs.length} inputs`);
        }
        return parts;
      });
    }
    return output;
  };
}
