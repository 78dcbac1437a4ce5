/** @file Gradient clipping by global norm. */
import { OptionError } from '../contract/errors.ts';
import { noGrad } from '../core/grad-mode.ts';
import { minimum, square } from '../core/composites.ts';
import { add, concat, div, reshape, sqrt, sum } from '../core/ops.ts';
import { scope } from '../core/scope.ts';
import type { Tensor } from '../core/tensor.ts';

export interface ClippedGradients {
  /** The gradients' global L2 norm before clipping, [1]. */
  readonly norm: Tensor;
  /** min(1, maxNorm / (norm + 1e-6)), [1]: pass it to the optimiser's step, which multiplies the gradients. */
  readonly scale: Tensor;
}

/** PyTorch's clip_grad_norm_, as a factor for the optimiser instead of a pass over the gradients. */
export function clipGradNorm(gradients: readonly Tensor[], maxNorm: number): ClippedGradients {
  if (!(maxNorm > 0)) throw new OptionError(`clipGradNorm: maxNorm ${maxNorm} must be > 0`);
  return noGrad(() =>
    scope(() => {
      const flat = concat(gradients.map((g) => reshape(g, [g.size])));
      const norm = sqrt(sum(square(flat), 0, { keepDims: true }));
      return { norm, scale: minimum(div(maxNorm, add(norm, 1e-6)), 1) };
    }),
  );
}
