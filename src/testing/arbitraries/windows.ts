/**
 * @file Convolution and pool geometries, generated from the OUTPUT size back to the input's, so that every one is valid and a
 * shrunk one stays valid: in = (o - 1) s + d (k - 1) + 1 - padding + r, with r < s unused rows at the end.
 */
import { fc } from '../fast-check.ts';
import type { Shape } from '../../contract/shape.ts';

/** One axis of a window. */
interface Axis {
  readonly input: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly padding: readonly [number, number];
}

export interface WindowLimits {
  /** Largest output size, default 3. */
  readonly output?: number;
  /** Largest kernel, default 3. */
  readonly kernel?: number;
}

type Draw = readonly [
  output: number,
  kernel: number,
  stride: number,
  dilation: number,
  before: number,
  after: number,
  tail: number,
];

function draws({ output = 3, kernel = 3 }: WindowLimits): fc.Arbitrary<Draw> {
  const oneTo = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max });
  return fc.tuple(oneTo(output), oneTo(kernel), oneTo(3), oneTo(3), fc.nat(6), fc.nat(6), fc.nat(2));
}

/** Padding up to the reach of the kernel, d (k - 1), on each side, cut where the image would vanish. */
function convAxis([output, kernel, stride, dilation, before, after, tail]: Draw): Axis {
  const reach = dilation * (kernel - 1);
  const covered = (output - 1) * stride + reach + 1 + (tail % stride);
  const left = Math.min(before % (reach + 1), covered - 1);
  const right = Math.min(after % (reach + 1), covered - 1 - left);
  return { input: covered - left - right, kernel, stride, dilation, padding: [left, right] };
}

/** The same, but without padding where a window would see padding alone, which a pool refuses. */
function poolAxis(draw: Draw): Axis {
  const axis = convAxis(draw);
  const { input, kernel, stride, dilation, padding } = axis;
  const seesImage = (p: number): boolean =>
    Array.from({ length: kernel }, (_, i) => p * stride - padding[0] + i * dilation).some((v) => v >= 0 && v < input);
  const output = draw[0];
  if (Array.from({ length: output }, (_, p) => p).every(seesImage)) return axis;
  return { ...axis, input: input + padding[0] + padding[1], padding: [0, 0] };
}

/** The options of `conv2d` and the pools, as plain data. */
export interface WindowParams {
  readonly stride: [number, number];
  readonly dilation: [number, number];
  readonly padding: [[number, number], [number, number]];
}

function paramsOf(rows: Axis, columns: Axis): WindowParams {
  return {
    stride: [rows.stride, columns.stride],
    dilation: [rows.dilation, columns.dilation],
    padding: [[...rows.padding], [...columns.padding]],
  };
}

export interface Convolution {
  readonly input: Shape;
  readonly weight: Shape;
  readonly output: Shape;
  readonly options: WindowParams & { readonly groups: number };
}

/**
 * Convolutions: stride and dilation 1 to 3, padding and size different on all four sides, groups from 1 to depthwise, kernels
 * larger than the image, strides larger than the kernel, unused rows at the end.
 */
export function convolutions(limits: WindowLimits & { readonly channels?: number } = {}): fc.Arbitrary<Convolution> {
  const { channels = 2 } = limits;
  const few = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max });
  return fc
    .record({
      rows: draws(limits),
      columns: draws(limits),
      batch: few(2),
      groups: few(3),
      perGroup: few(channels),
      outPerGroup: few(channels),
    })
    .map(({ rows, columns, batch, groups, perGroup, outPerGroup }) => {
      const [y, x] = [convAxis(rows), convAxis(columns)];
      return {
        input: [batch, groups * perGroup, y.input, x.input],
        weight: [groups * outPerGroup, perGroup, y.kernel, x.kernel],
        output: [batch, groups * outPerGroup, rows[0], columns[0]],
        options: { ...paramsOf(y, x), groups },
      };
    });
}

export interface Pooling {
  readonly input: Shape;
  readonly output: Shape;
  readonly kernel: [number, number];
  readonly options: WindowParams;
}

/** Pools: as convolutions, every window with at least one pixel of the image. */
export function pools(limits: WindowLimits = {}): fc.Arbitrary<Pooling> {
  return fc
    .record({
      rows: draws(limits),
      columns: draws(limits),
      batch: fc.integer({ min: 1, max: 2 }),
      channels: fc.integer({ min: 1, max: 2 }),
    })
    .map(({ rows, columns, batch, channels }) => {
      const [y, x] = [poolAxis(rows), poolAxis(columns)];
      return {
        input: [batch, channels, y.input, x.input],
        output: [batch, channels, rows[0], columns[0]],
        kernel: [y.kernel, x.kernel],
        options: paramsOf(y, x),
      };
    });
}
