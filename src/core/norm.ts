/** @file The Euclidean length of many numbers at once, which neither overflows nor underflows. */
import { square } from './composites.ts';
import { noGrad } from './grad-mode.ts';
import { concat, div, greater, mul, reshape, sqrt, sum, where } from './ops.ts';
import { scope } from './scope.ts';
import type { Tensor } from './tensor.ts';

/** Of a sum of squares: below and above what it is measured again, and in which units, so that no square leaves the range of the type. */
const RANGES = {
  float32: { least: 1e-20, most: 1e30, unit: 1e25 },
  float64: { least: 1e-290, most: 1e290, unit: 1e160 },
} as const;

/** sqrt(sum of all squares) of the tensors together, [1]: Infinity where an element is infinite, NaN where one is. Takes no gradient. */
export function globalNorm(tensors: readonly Tensor[]): Tensor {
  return noGrad(() =>
    scope(() => {
      const flat = concat(tensors.map((t) => reshape(t, [t.size])));
      const squares = (x: Tensor): Tensor => sum(square(x), 0, { keepDims: true });
      const { least, most, unit } = RANGES[flat.device.dtype];
      const first = squares(flat);
      const units = where(greater(first, most), unit, where(greater(least, first), 1 / unit, 1));
      return mul(units, sqrt(squares(div(flat, units))));
    }),
  );
}
