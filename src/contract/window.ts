/** @file Window geometry shared by convolution and pooling: options as users write them, resolved and checked. */
import type { PoolGeometry, WindowGeometry } from './backend.ts';
import { OptionError, ShapeError } from './errors.ts';
import { dims, type Shape, showValue } from './shape.ts';

/** One number for both axes, or [height, width]. */
export type Pair = number | readonly [number, number];
/** One number, [height, width], or [[top, bottom], [left, right]]. */
export type Padding = Pair | readonly [readonly [number, number], readonly [number, number]];

export interface WindowOptions {
  /** Default 1 for convolution, the kernel's size for pools. */
  readonly stride?: Pair;
  /** Zeros (or, in pools, nothing) around the image. Default 0. */
  readonly padding?: Padding;
  /** Distance between taps of the kernel. Default 1. */
  readonly dilation?: Pair;
}

/** Kernels count pixels in 32 bits. */
const LARGEST = 2 ** 31 - 1;

export function asPair(op: string, name: string, value: Pair, least: number): readonly [number, number] {
  const pair: readonly number[] = Array.isArray(value) ? value : [value as number, value as number];
  if (pair.length !== 2) throw new OptionError(`${op}: ${name} ${showValue(value)} must be one number or two, [height, width]`);
  for (const v of pair) {
    if (!Number.isInteger(v) || v < least || v > LARGEST)
      throw new OptionError(`${op}: ${name} ${showValue(value)} must be integers >= ${least} below 2^31`);
  }
  return pair as readonly [number, number];
}

export function windowGeometry(op: string, options: WindowOptions, stride: Pair): WindowGeometry {
  const p = options.padding ?? 0;
  const sides: readonly Pair[] = Array.isArray(p) ? (p as readonly Pair[]) : [p as number, p as number];
  if (sides.length !== 2) {
    throw new OptionError(`${op}: padding ${showValue(p)} must be a number, [height, width] or [[top, bottom], [left, right]]`);
  }
  const padding = sides.map((side) => asPair(op, 'padding', side, 0)) as [readonly [number, number], readonly [number, number]];
  return {
    stride: asPair(op, 'stride', options.stride ?? stride, 1),
    padding,
    dilation: asPair(op, 'dilation', options.dilation ?? 1, 1),
  };
}

/** Output size along one axis: floor((size + padding - dilation (kernel - 1) - 1) / stride) + 1. */
export function windowOutput(op: string, geometry: WindowGeometry, axis: 0 | 1, size: number, kernel: number): number {
  const [before, after] = geometry.padding[axis];
  const extent = geometry.dilation[axis] * (kernel - 1) + 1;
  const out = Math.floor((size + before + after - extent) / geometry.stride[axis]) + 1;
  if (out < 1) {
    throw new ShapeError(
      `${op}: a window of ${extent} (kernel ${kernel}, dilation ${geometry.dilation[axis]}) does not fit ${size} + padding ${before} + ${after} ` +
        `along the ${axis === 0 ? 'height' : 'width'}`,
    );
  }
  return out;
}

/**
 * The same windows of an image in numbers that are no larger than it: a stride beyond the padded image makes one window, as one of its size
 * does, and one tap has no dilation.
 */
export function settled<G extends WindowGeometry>(geometry: G, kernel: readonly number[], image: readonly number[]): G {
  const { stride, padding, dilation } = geometry;
  const stepOf = (axis: 0 | 1): number => Math.max(1, Math.min(stride[axis], image[axis]! + padding[axis][0] + padding[axis][1]));
  return {
    ...geometry,
    stride: [stepOf(0), stepOf(1)],
    dilation: [kernel[0] === 1 ? 1 : dilation[0], kernel[1] === 1 ? 1 : dilation[1]],
  };
}

/** The output of a pool, [n, c, oh, ow], for x [n, c, h, w]. */
export function pooledShape(op: string, x: Shape, geometry: PoolGeometry): Shape {
  const { n, c, h, w } = dims(op, { shape: x }, 'n c h w');
  const { kernel } = geometry;
  return [n, c, windowOutput(op, geometry, 0, h, kernel[0]), windowOutput(op, geometry, 1, w, kernel[1])];
}
