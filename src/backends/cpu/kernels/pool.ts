/** @file The maxima of pooling as a direct loop. */
import { dims } from '../../../contract/shape.ts';
import type { CpuKernel } from '../kernel.ts';

export const maxPoolIndices: CpuKernel<'maxPoolIndices'> = ({ kernel, stride, padding, dilation }, [x], [y]) => {
  const { n, c, h, w } = dims('maxPoolIndices', x, 'n c h w');
  const { h: oh, w: ow } = dims('maxPoolIndices', y, 'n c h w');
  for (let plane = 0; plane < n * c; plane++) {
    for (let p = 0; p < oh; p++) {
      for (let q = 0; q < ow; q++) {
        let best = -Infinity;
        let at = -1;
        for (let i = 0; i < kernel[0]; i++) {
          const row = p * stride[0] - padding[0][0] + i * dilation[0];
          if (row < 0 || row >= h) continue;
          for (let j = 0; j < kernel[1]; j++) {
            const column = q * stride[1] - padding[1][0] + j * dilation[1];
            if (column < 0 || column >= w) continue;
            const value = x.data[plane * h * w + row * w + column]!;
            // A NaN is larger than anything, so that it is not lost.
            if (at < 0 || value > best || Number.isNaN(value)) {
              best = value;
              at = row * w + column;
            }
          }
        }
        y.data[(plane * oh + p) * ow + q] = at;
      }
    }
  }
};
