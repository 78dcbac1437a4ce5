/** @file Convolution and its derivatives by input and by filter as direct loops: the specification of faster kernels. */
import type { ConvGeometry, TypedArray } from '../../../contract/backend.ts';
import { dims, type Shape, sizeOf } from '../../../contract/shape.ts';
import type { CpuKernel } from '../kernel.ts';

/** First and end of a range of indices. */
type Range = readonly [first: number, end: number];

/**
 * Visits every weight (output channel, input channel, i, j) for every image, with the first elements of x's and g's channels and the
 * range of outputs that read a pixel inside the image: outputs p in [p0, p1), q in [q0, q1) read pixel (y0 + p sy, x0 + q sx).
 */
function forEachWeight(
  x: { readonly shape: Shape },
  w: { readonly shape: Shape },
  g: { readonly shape: Shape },
  geometry: ConvGeometry,
  visit: (x: number, w: number, g: number, rows: Range, columns: Range, y0: number, x0: number) => void,
): void {
  const { n: batch, c: channels, h: height, w: width } = dims('conv2d', x, 'n c h w');
  const { o: outputs, c: inputs, kh, kw } = dims('conv2d', w, 'o c kh kw');
  const { oh, ow } = dims('conv2d', g, 'n o oh ow');
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
function range(origin: number, stride: number, size: number, outputs: number): Range {
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

export const conv2d: CpuKernel<'conv2d'> = (geometry, [x, w], [y]) => {
  const { w: width } = dims('conv2d', x, 'n c h w');
  const { ow } = dims('conv2d', y, 'n o oh ow');
  const [sy, sx] = geometry.stride;
  const source = x.data;
  const sums = accumulator(y.data, sizeOf(y.shape));
  forEachWeight(x, w, y, geometry, (xi, wi, gi, [p0, p1], [q0, q1], y0, x0) => {
    const weight = w.data[wi]!;
    for (let p = p0; p < p1; p++) {
      const from = xi + (y0 + p * sy) * width + x0;
      const to = gi + p * ow;
      for (let q = q0; q < q1; q++) sums[to + q]! += weight * source[from + q * sx]!;
    }
  });
  store(sums, y.data);
};

export const conv2dInput: CpuKernel<'conv2dInput'> = (geometry, [g, w], [x]) => {
  const { w: width } = dims('conv2dInput', x, 'n c h w');
  const { ow } = dims('conv2dInput', g, 'n o oh ow');
  const [sy, sx] = geometry.stride;
  const source = g.data;
  const sums = accumulator(x.data, sizeOf(x.shape));
  forEachWeight(x, w, g, geometry, (xi, wi, gi, [p0, p1], [q0, q1], y0, x0) => {
    const weight = w.data[wi]!;
    for (let p = p0; p < p1; p++) {
      const to = xi + (y0 + p * sy) * width + x0;
      const from = gi + p * ow;
      for (let q = q0; q < q1; q++) sums[to + q * sx]! += weight * source[from + q]!;
    }
  });
  store(sums, x.data);
};

export const conv2dFilter: CpuKernel<'conv2dFilter'> = (geometry, [x, g], [w]) => {
  const { w: width } = dims('conv2dFilter', x, 'n c h w');
  const { ow } = dims('conv2dFilter', g, 'n o oh ow');
  const [sy, sx] = geometry.stride;
  const source = x.data;
  const cotangent = g.data;
  const sums = accumulator(w.data, sizeOf(w.shape));
  forEachWeight(x, w, g, geometry, (xi, wi, gi, [p0, p1], [q0, q1], y0, x0) => {
    let sum = 0;
    for (let p = p0; p < p1; p++) {
      const from = xi + (y0 + p * sy) * width + x0;
      const at = gi + p * ow;
      for (let q = q0; q < q1; q++) sum += cotangent[at + q]! * source[from + q * sx]!;
    }
    sums[wi]! += sum;
  });
  store(sums, w.data);
};
