/** @file Pooling: maximum (gradient to each window's first maximum), average without counting padding, global average. */
import type { PoolGeometry } from '../contract/backend.ts';
import { conv2d } from './conv.ts';
import { apply } from './primitive.ts';
import { LimitError, OptionError } from '../contract/errors.ts';
import { type Fused, fusedByRow } from './fused.ts';
import { mean } from './composites.ts';
import { take } from './indexing.ts';
import { concat, div, reshape, slice } from './ops.ts';
import { hostNumbers, dims, showShape, showValue } from '../contract/shape.ts';
import type { Tensor } from './tensor.ts';
import { asPair, type Pair, pooledShape, settled, windowGeometry, type WindowOptions, windowOutput } from '../contract/window.ts';

function poolGeometry(op: string, x: Tensor, kernel: Pair, options: WindowOptions): PoolGeometry {
  const k = asPair(op, 'kernel', kernel, 1);
  const geometry = { ...windowGeometry(op, options, k), kernel: k };
  const { h, w } = dims(op, x, 'n c h w');
  for (const axis of [0, 1] as const) {
    if (hasEmptyWindow(op, geometry, axis, axis === 0 ? h : w)) {
      throw new OptionError(
        `${op}: padding ${showValue(options.padding ?? 0)} leaves a window with padding alone; kernel ${showValue(kernel)}, image ${h} x ${w}`,
      );
    }
  }
  return settled(geometry, k, [h, w]);
}

/** Positions in a plane that a float32 can hold. */
const EXACT = 2 ** 24;

/** [n, c, oh, ow]: for each window the flat index (y * w + x) of its first maximum in its plane. Not differentiable. */
export function maxPoolIndices(x: Tensor, geometry: PoolGeometry): Tensor {
  const { h, w } = dims('maxPool2d', x, 'n c h w');
  if (h * w > EXACT && x.device.dtype === 'float32') {
    throw new LimitError(
      `maxPoolIndices: a plane of ${h} x ${w} has positions above 2^24, which float32 does not hold; pool parts of it, or use float64`,
    );
  }
  return apply('maxPoolIndices', geometry, [x], pooledShape('maxPool2d', x.shape, geometry));
}

/** A pool over a plane with too many positions, as pools over two parts of it that share the rows or columns of windows between them. */
function maxPoolInHalves(x: Tensor, geometry: PoolGeometry): Tensor {
  const [, , oh, ow] = pooledShape('maxPool2d', x.shape, geometry) as readonly [number, number, number, number];
  const axis = oh >= ow ? 0 : 1;
  const windows = axis === 0 ? oh : ow;
  if (windows === 1) {
    throw new LimitError(
      `maxPool2d: one window has more than 2^24 positions of ${showShape(x.shape)}, which float32 does not hold; pool in two steps`,
    );
  }
  const size = x.shape[axis + 2]!;
  const reach = (geometry.kernel[axis] - 1) * geometry.dilation[axis] + 1;
  const part = (first: number, end: number): Tensor => {
    const from = first * geometry.stride[axis] - geometry.padding[axis][0];
    const to = (end - 1) * geometry.stride[axis] - geometry.padding[axis][0] + reach;
    const [low, high] = [Math.max(0, from), Math.min(size, to)];
    const own = [low - from, to - high] as const;
    const padding = axis === 0 ? ([own, geometry.padding[1]] as const) : ([geometry.padding[0], own] as const);
    return maxPoolFused.composite([axis === 0 ? slice(x, [0, 0, low], [undefined, undefined, high]) : columns(x, low, high)], {
      ...geometry,
      padding,
    });
  };
  const middle = Math.floor(windows / 2);
  return concat([part(0, middle), part(middle, windows)], axis + 2);
}

function columns(x: Tensor, low: number, high: number): Tensor {
  return slice(x, [0, 0, 0, low], [undefined, undefined, undefined, high]);
}

/** The fused maximum pool; use `maxPool2d`. */
export const maxPoolFused: Fused<readonly [Tensor], PoolGeometry, Tensor> = fusedByRow(
  'maxPool2d',
  ([x]: readonly [Tensor], geometry: PoolGeometry): Tensor => {
    const { n, c, h, w } = dims('maxPool2d', x, 'n c h w');
    if (h * w > EXACT && x.device.dtype === 'float32') return maxPoolInHalves(x, geometry);
    const index = maxPoolIndices(x, geometry);
    const { shape } = index;
    const rows = shape[2]! * shape[3]!;
    return reshape(take(reshape(x, [n * c, h * w]), reshape(index, [n * c, rows])), shape);
  },
);

/**
 * Largest value of each window: x [n, c, h, w] -> [n, c, oh, ow]; padding is never chosen. The gradient goes to the first
 * maximum (row-major) of each window. Stride defaults to the kernel's size.
 */
export function maxPool2d(x: Tensor, kernel: Pair, options: WindowOptions = {}): Tensor {
  return maxPoolFused([x], poolGeometry('maxPool2d', x, kernel, options));
}

/** The fused average pool; use `avgPool2d`. */
export const avgPoolFused: Fused<readonly [Tensor], PoolGeometry, Tensor> = fusedByRow(
  'avgPool2d',
  ([x]: readonly [Tensor], geometry: PoolGeometry): Tensor => {
    const { c, h, w } = dims('avgPool2d', x, 'n c h w');
    // A convolution has at least one group; without channels there is nothing to average.
    if (c === 0) return reshape(x, pooledShape('avgPool2d', x.shape, geometry));
    const [kh, kw] = geometry.kernel;
    const ones = x.device.ones([c, 1, kh, kw]);
    const counts = x.device.constant(`avgPool2d ${h} ${w} ${JSON.stringify(geometry)}`, () => windowCounts(h, w, geometry));
    return div(conv2d(x, ones, { ...geometry, groups: c }), counts);
  },
);

/** How many taps of window p along an axis fall on the image and not on the padding. */
function pixelsInWindow(geometry: PoolGeometry, axis: 0 | 1, size: number, p: number): number {
  const dilation = geometry.dilation[axis];
  const from = p * geometry.stride[axis] - geometry.padding[axis][0];
  const first = Math.max(0, Math.ceil(-from / dilation));
  const last = Math.min(geometry.kernel[axis] - 1, Math.floor((size - 1 - from) / dilation));
  return Math.max(0, last - first + 1);
}

/** Whether a window along an axis has no pixel. The outermost are looked at first: with much padding there are many. */
function hasEmptyWindow(op: string, geometry: PoolGeometry, axis: 0 | 1, size: number): boolean {
  const windows = windowOutput(op, geometry, axis, size, geometry.kernel[axis]);
  const empty = (p: number): boolean => pixelsInWindow(geometry, axis, size, p) === 0;
  if (empty(0) || empty(windows - 1)) return true;
  for (let p = 1; p < windows - 1; p++) if (empty(p)) return true;
  return false;
}

function windowCounts(h: number, w: number, geometry: PoolGeometry): { data: ArrayLike<number>; shape: number[] } {
  const along = (axis: 0 | 1, size: number): Float64Array =>
    hostNumbers('avgPool2d', windowOutput('avgPool2d', geometry, axis, size, geometry.kernel[axis]), (p) =>
      pixelsInWindow(geometry, axis, size, p),
    );
  const rows = along(0, h);
  const columns = along(1, w);
  const data = hostNumbers('avgPool2d', rows.length * columns.length, (i) => {
    const row = Math.floor(i / columns.length);
    return rows[row]! * columns[i - row * columns.length]!;
  });
  return { data, shape: [1, 1, rows.length, columns.length] };
}

/** Mean of each window over the pixels inside the image (count_include_pad = false): x [n, c, h, w] -> [n, c, oh, ow]. */
export function avgPool2d(x: Tensor, kernel: Pair, options: WindowOptions = {}): Tensor {
  return avgPoolFused([x], poolGeometry('avgPool2d', x, kernel, options));
}

/** Mean of each plane: x [n, c, h, w] -> [n, c]. */
export function globalAvgPool2d(x: Tensor): Tensor {
  dims('globalAvgPool2d', x, 'n c h w');
  return mean(x, [2, 3]);
}
