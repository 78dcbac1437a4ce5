/** @file Forward convolution and input gradient as one operation: what is read and written, and where each tap falls. */
import type { ConvGeometry } from '../../../../contract/backend.ts';
import type { Shape } from '../../../../contract/shape.ts';

/** What a kernel reads and writes, so that forward and input gradient are one: see the shader's `struct Geometry`. */
export interface Roles {
  readonly source: Shape;
  readonly written: Shape;
  /** Channels summed and channels written, in each group. */
  readonly inputs: number;
  readonly outputs: number;
  readonly groups: number;
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly origin: readonly [number, number];
  readonly step: readonly [number, number];
  readonly ratio: readonly [number, number];
  /** Distances in the weight between groups, written channels and summed channels. */
  readonly weightGroup: number;
  readonly weightOut: number;
  readonly weightIn: number;
}

/** x -> y. */
export function forwardRoles(x: Shape, w: Shape, y: Shape, geometry: ConvGeometry): Roles {
  const [o, inputs, kh, kw] = w as readonly [number, number, number, number];
  const { groups, stride, padding, dilation } = geometry;
  const taps = kh * kw;
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
    weightGroup: (o / groups) * inputs * taps,
    weightOut: inputs * taps,
    weightIn: taps,
  };
}

/** g -> gx. */
export function inputRoles(g: Shape, w: Shape, x: Shape, geometry: ConvGeometry): Roles {
  const [o, inputs, kh, kw] = w as readonly [number, number, number, number];
  const { groups, stride, padding, dilation } = geometry;
  const taps = kh * kw;
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
    weightGroup: (o / groups) * inputs * taps,
    weightOut: taps,
    weightIn: inputs * taps,
  };
}

/** 1x1 of stride 1 without padding: channels are mixed pixel by pixel. */
export function isPointwise({ kernel, stride, ratio, origin, source, written }: Roles): boolean {
  const isPlain = [...kernel, ...stride, ...ratio].every((v) => v === 1) && origin.every((v) => v === 0);
  return isPlain && written[2] === source[2] && written[3] === source[3];
}

/** For a pointwise convolution a plane may have any height that divides it. */
export function flattened(roles: Roles): Roles {
  if (!isPointwise(roles)) return roles;
  const { source, written } = roles;
  const [n, c, h, w] = source as readonly [number, number, number, number];
  const height = [4, 8, 7, 6].find((rows) => (h * w) % rows === 0) ?? h;
  return { ...roles, source: [n, c, height, (h * w) / height], written: [n, written[1]!, height, (h * w) / height] };
}
