/**
 * @file Forward convolution and input gradient as one operation: what is read and written, and where each tap falls.
 *
 * A pass writes row y = u ratio + phase from the rows u stride + (phase + origin + i step) / ratio of its source, for the taps i where that
 * is whole: see shaders/conv/tile/packed.wgsl.
 */
import type { ConvGeometry } from '../../../../contract/backend.ts';
import type { Shape } from '../../../../contract/shape.ts';

/** A forward convolution, or the input gradient of one. */
export interface ConvPass {
  readonly source: Shape;
  readonly written: Shape;
  /** Channels summed and channels written, in each group. */
  readonly inputs: number;
  readonly outputs: number;
  readonly groups: number;
  readonly kernel: readonly [number, number];
  /** Rows and columns of the source from one of what is written to the next of its phase. */
  readonly stride: readonly [number, number];
  /** Where the first tap falls, in steps of 1 / ratio of a source row. */
  readonly origin: readonly [number, number];
  /** From one tap to the next, likewise. */
  readonly step: readonly [number, number];
  /** Phases: rows written for a row of the source. */
  readonly ratio: readonly [number, number];
  /** Distances in the weight between groups, written channels and summed channels. */
  readonly weightGroup: number;
  readonly weightOut: number;
  readonly weightIn: number;
}

/** x -> y. */
export function forwardPass(x: Shape, w: Shape, y: Shape, geometry: ConvGeometry): ConvPass {
  const [o, inputs, kh, kw] = w as readonly [number, number, number, number];
  const { groups, stride, padding, dilation } = geometry;
  const tapCount = kh * kw;
  return {
    source: x,
    written: y,
    inputs,
    outputs: o / groups,
    groups,
    kernel: [kh, kw],
    stride,
    origin: [-padding[0][0], -padding[1][0]],
    step: dilation,
    ratio: [1, 1],
    weightGroup: (o / groups) * inputs * tapCount,
    weightOut: inputs * tapCount,
    weightIn: tapCount,
  };
}

/** g -> gx. */
export function inputPass(g: Shape, w: Shape, x: Shape, geometry: ConvGeometry): ConvPass {
  const [o, inputs, kh, kw] = w as readonly [number, number, number, number];
  const { groups, stride, padding, dilation } = geometry;
  const tapCount = kh * kw;
  return {
    source: g,
    written: x,
    inputs: o / groups,
    outputs: inputs,
    groups,
    kernel: [kh, kw],
    stride: [1, 1],
    origin: [padding[0][0], padding[1][0]],
    step: [-dilation[0], -dilation[1]],
    ratio: stride,
    weightGroup: (o / groups) * inputs * tapCount,
    weightOut: tapCount,
    weightIn: inputs * tapCount,
  };
}

/** How many summed channels a kernel adds in a row, so that neither these nor their sums make a long chain. 0: all, for they are few. */
export function blockOf({ inputs, kernel }: ConvPass): number {
  const products = inputs * kernel[0] * kernel[1];
  return products <= 512 ? 0 : products <= 2048 ? 32 : 64;
}

/** 1x1 of stride 1 without padding: channels are mixed pixel by pixel. */
export function isPointwise({ kernel, stride, ratio, origin, source, written }: ConvPass): boolean {
  const isPlain = [...kernel, ...stride, ...ratio].every((v) => v === 1) && origin.every((v) => v === 0);
  return isPlain && written[2] === source[2] && written[3] === source[3];
}

/** For a pointwise convolution a plane may have any height that divides it. */
export function flattened(pass: ConvPass): ConvPass {
  if (!isPointwise(pass)) return pass;
  const { source, written } = pass;
  const [n, c, h, w] = source as readonly [number, number, number, number];
  const height = [4, 8, 7, 6].find((rows) => (h * w) % rows === 0) ?? h;
  return { ...pass, source: [n, c, height, (h * w) / height], written: [n, written[1]!, height, (h * w) / height] };
}
