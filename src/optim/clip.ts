/** @file Gradient clipping by global norm. */
import { OptionError } from '../contract/errors.ts';
import { noGrad } from '../core/grad-mode.ts';
import { globalNorm } from '../core/norm.ts';
import { add, div, minimum } from '../core/ops.ts';
import { scope } from '../core/scope.ts';
import type { Tensor } from '../core/tensor.ts';

export interface ClippedGradients {
  /** The gradients' global L2 norm before clipping, [1]: Infinity where a gradient is infinite, NaN where one is NaN. */
  readonly norm: Tensor;
  /**
   * min(1, maxNorm / (norm + 1e-6)), [1]: pass it to the optimiser's step, which multiplies the gradients. With an infinite gradient it
   * is 0, which makes NaN of that one and 0 of the others; with a NaN it is NaN, and so are all gradients (PyTorch).
   */
  readonly scale: Tensor;
}

/** PyTorch's clip_grad_norm_, scaled so that neither overflows nor underflows, as a factor for the optimiser instead of a pass over the gradients. */
export function clipGradNorm(gradients: readonly Tensor[], maxNorm: number): ClippedGradients {
  if (!(maxNorm > 0)) throw new OptionError(`clipGradNorm: maxNorm ${maxNorm} must be > 0`);
  return noGrad(() =>
    scope(() => {
      const norm = globalNorm(gradients);
      return { norm, scale: minimum(div(maxNorm, add(norm, 1e-6)), 1) };
    }),
  );
}
