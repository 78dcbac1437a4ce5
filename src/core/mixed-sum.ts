/** @file The mixed operation of architecture search: a sum of equally shaped tensors weighted by the entries of one vector. */
import { ShapeError } from '../contract/errors.ts';
import { type Fused, fusedByRow } from './fused.ts';
import { add, mul, reshape, slice } from './ops.ts';
import { sameShape, showShape } from '../contract/shape.ts';
import type { Tensor } from './tensor.ts';

type None = Readonly<Record<never, never>>;

/** The fused weighted sum: inputs [z, x_0, ..., x_(K-1)]; use `mixedSum`. */
export const mixedSumFused: Fused<readonly [Tensor, ...Tensor[]], None, Tensor> = fusedByRow(
  'mixedSum',
  ([z, ...xs]: readonly [Tensor, ...Tensor[]]): Tensor =>
    xs.map((x, k) => mul(x, reshape(slice(z, [k], [k + 1]), []))).reduce((sum, term) => add(sum, term)),
);

/**
 * sum_k z_k x_k: z [K], xs K tensors of one shape, which is the result's. VJP: dx_k = z_k g, dz_k = <g, x_k>.
 * SNAS, equation 10.
 */
export function mixedSum(z: Tensor, xs: readonly Tensor[]): Tensor {
  const head = xs[0];
  if (!head || z.rank !== 1 || z.shape[0] !== xs.length || xs.some((x) => !sameShape(x.shape, head.shape))) {
    throw new ShapeError(
      `mixedSum: weights ${showShape(z.shape)} and ${xs.length} tensors ${xs.map((x) => showShape(x.shape)).join(' ')}: ` +
        'needs one weight a tensor, at least one tensor, and one shape for all tensors',
    );
  }
  return mixedSumFused([z, ...xs], {});
}
