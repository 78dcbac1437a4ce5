/** @file The three partials of convolution and the maxima of pooling as direct loops: the specification of faster kernels. */
import type { ConvGeometry, PoolGeometry, TypedArray } from '../../../contract/backend.ts';
import type { Shape } from '../../../contract/shape.ts';
import type { CpuKernel } from '../kernel.ts';

/**
 * Visits every (n, group, output channel, input channel, tap) with the range of outputs whose tap lies inside the image:
 * outputs p in [p0, p1), q in [q0, q1) read pixel (y0 + p sy, x0 + q sx).
 */
function forEachTap(
  xShape: Shape,
  wShape: Shape,
  gShape: Shape,
  geometry: ConvGeometry,
  visit: (
    x: number,
    w: number,
    g: number,
    rows: readonly [number, number],
    columns: readonly [number, number],
    y0: number,
    x0: number,
  ) => void,
): void {
  const [batch, channels, height, width] = xShape as [number, number, number, number];
  const [outputs, inputs, kh, kw] = wShape as [number, number, number, number];
  const [, , oh, ow] = gShape as [number, number, number, number];
  const { stride, padding, dilation, groups } = geometry;
  const perGroup = outputs / groups;
  const rowRanges = Array.from({ length: kh }, (_, i) => range(i * dilation[0] - padding[0][0], stride[0], height, oh));
  const columnRanges = Array.from({ length: kw }, (_, j) => range(j * dilation[1] - padding[1][0], stride[1], width, ow));
  for (let n = 0; n < batch; n++) {
    for (let o = 0; o < outputs; o++) {
      const base = Math.floor(o / perGroup) * inputs;
      for (let c = 0; c < inputs; c++) {
        for (let i = 0; i < kh; i++) {
          for (let j = 0; j < kw; j++) {
            visit(
              (n * channels + base + c) * height * width,
              ((o * inputs + c) * kh + i) * kw + j,
              (n * outputs + o) * oh * ow,
              rowRanges[i]!,
              columnRanges[j]!,
              i * dilation[0] - padding[0][0],
              j * dilation[1] - padding[1][0],
            );
          }
        }
      }
    }
  }
}

/** Outputs p whose pixel origin + p stride is inside [0, size). */
function range(origin: number, stride: number, size: number, outputs: number): readonly [number, number] {
  const first = Math.max(0, Math.ceil(-origin / stride));
  const end = Math.min(outputs, Math.ceil((size - origin) / stride));
  return [Math.min(first, outputs), Math.max(end, Math.min(first, outputs))];
}

/** Sums are kept in float64 whatever the device's type. */
function accumulator(target: TypedArray, length: number): Float64Array {
  return target instanceof Float64Array ? target.subarray(0, length).fill(0) : new Float64Array(length);
}

function store(sums: Float64Array, target: TypedArray): void {
  if (sums.buffer !== target.buffer) target.set(sums);
}

export const conv2d: CpuKernel<ConvGeometry> = (geometry, [x, w], [y]) => {
  const [, , , width] = x!.shape as [number, number, number, number];
  const [n, o, oh, ow] = y!.shape as [number, number, number, number];
  const [sy, sx] = geometry.stride;
  const source = x!.data;
  const sums = accumulator(y!.data, n * o * oh * ow);
  forEachTap(x!.shape, w!.shape, y!.shape, geometry, (xi, wi, gi, [p0, p1], [q0, q1], y0, x0) => {
    const c = w!.data[wi]!;
    for (let p = p0; p < p1; p++) {
      const from = xi + (y0 + p * sy) * width + x0;
      const to = gi + p * ow;
      for (let q = q0; q < q1; q++) sums[to + q]! += c * source[from + q * sx]!;
    }
  });
  store(sums, y!.data);
};

export const conv2dInput: CpuKernel<ConvGeometry> = (geometry, [g, w], [x]) => {
  const [n, c, h, width] = x!.shape as [number, number, number, number];
  const ow = g!.shape[3]!;
  const [sy, sx] = geometry.stride;
  const source = g!.data;
  const sums = accumulator(x!.data, n * c * h * width);
  forEachTap(x!.shape, w!.shape, g!.shape, geometry, (xi, wi, gi, [p0, p1], [q0, q1], y0, x0) => {
    const c_ = w!.data[wi]!;
    for (let p = p0; p < p1; p++) {
      const to = xi + (y0 + p * sy) * width + x0;
      const from = gi + p * ow;
      for (let q = q0; q < q1; q++) sums[to + q * sx]! += c_ * source[from + q]!;
    }
  });
  store(sums, x!.data);
};

export const conv2dFilter: CpuKernel<ConvGeometry> = (geometry, [x, g], [w]) => {
  const width = x!.shape[3]!;
  const ow = g!.shape[3]!;
  const [sy, sx] = geometry.stride;
  const source = x!.data;
  const cotangent = g!.data;
  const [o, i, kh, kw] = w!.shape as [number, number, number, number];
  const sums = accumulator(w!.data, o * i * kh * kw);
  forEachTap(x!.shape, w!.shape, g!.shape, geometry, (xi, wi, gi, [p0, p1], [q0, q1], y0, x0) => {
    let sum = 0;
    for (let p = p0; p < p1; p++) {
      const from = xi + (y0 + p * sy) * width + x0;
      const at = gi + p * ow;
      for (let q = q0; q < q1; q++) sum += cotangent[at + q]! * source[from + q * sx]!;
    }
    sums[wi]! += sum;
  });
  store(sums, w!.data);
};

export const maxPoolIndices: CpuKernel<PoolGeometry> = ({ kernel, stride, padding, dilation }, [x], [y]) => {
  const [n, c, h, w] = x!.shape as [number, number, number, number];
  const [, , oh, ow] = y!.shape as [number, number, number, number];
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
            const value = x!.data[plane * h * w + row * w + column]!;
            // A NaN is larger than anything, so that it is not lost.
            if (at < 0 || value > best || Number.isNaN(value)) {
              best = value;
              at = row * w + column;
            }
          }
        }
        y!.data[(plane * oh + p) * ow + q] = at;
      }
    }
  }
};
