/** @file The Euclidean length of many numbers at once, which neither overflows nor underflows. */
import { square } from './composites.ts';
import { noGrad } from './grad-mode.ts';
import { add, concat, div, equal, greater, max, maximum, mul, neg, reshape, sqrt, sum, where } from './ops.ts';
import { scope } from './scope.ts';
import type { Tensor } from './tensor.ts';

/** Magnitudes whose squares, and sums of many of those, float32 can hold to all digits. */
const [LEAST, LARGEST] = [1e-10, 1e10];

/** sqrt(sum of all squares) of the tensors together, [1]: Infinity where an element is infinite, NaN where one is. Takes no gradient. */
export function globalNorm(tensors: readonly Tensor[]): Tensor {
  return noGrad(() =>
    scope(() => {
      const flat = concat(tensors.map((t) => reshape(t, [t.size])));
      const unit = unitOf(flat);
      return mul(unit, sqrt(sum(square(div(flat, unit)), 0, { keepDims: true })));
    }),
  );
}

/** What the length is measured in: 1 where the largest magnitude is an ordinary number, that magnitude where it is not. */
function unitOf(flat: Tensor): Tensor | number {
  if (flat.size === 0) return 1;
  const largest = maximum(max(flat, 0, { keepDims: true }), max(neg(flat), 0, { keepDims: true }));
  const apart = add(greater(largest, LARGEST), greater(LEAST, largest));
  const unusable = add(equal(largest, 0), equal(largest, Infinity));
  return where(unusable, 1, where(apart, largest, 1));
}
