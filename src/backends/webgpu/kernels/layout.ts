/** @file Layout primitives on WebGPU: all are one strided copy. */
import { largestOf } from '../../../contract/extremes.ts';
import { broadcastStrides, collapse } from '../../../contract/axes.ts';
import type { Operand } from '../../../contract/backend.ts';
import { type Shape, sizeOf, stridesOf } from '../../../contract/shape.ts';
import { invocationsOf, padAxes } from '../runtime/axes.ts';
import { foldedGrid } from '../runtime/grid.ts';
import { kernelOf } from '../runtime/shader.ts';
import type { Gpu, WebGpuKernel } from '../kernel.ts';
import { layoutConcat, layoutPad, layoutStridedCopy } from '../shaders.gen.ts';

/** Where a strided copy starts in an operand, and its stride along each axis. */
interface Strided {
  readonly from: number;
  readonly strides: readonly number[];
}

/** Copies an element from x to y for every index of `shape`. */
function stridedCopy(gpu: Gpu, op: string, shape: Shape, x: Operand, source: Strided, y: Operand, target: Strided): void {
  if (sizeOf(shape) === 0) return;
  const { sizes, strides } = collapse(shape, [source.strides, target.strides]);
  const share = invocationsOf(sizes);
  const kernel = kernelOf(layoutStridedCopy, {
    constants: { AXES: sizes.length },
    uniforms: {
      sizes: padAxes(op, shape, sizes, 1),
      xStrides: padAxes(op, shape, strides[0]!, 0),
      yStrides: padAxes(op, shape, strides[1]!, 0),
      xOrigin: source.from,
      yOrigin: target.from,
      ...share,
    },
    workgroups: foldedGrid(gpu.traits, share.invocations, 64),
  });
  gpu.launch(kernel, [x], [y]);
}

function dense(shape: Shape): Strided {
  return { from: 0, strides: stridesOf(shape) };
}

/** Copies all elements of x to y, of the same size. */
export function copyInto(gpu: Gpu, x: Operand, y: Operand): void {
  const shape = [sizeOf(y.shape)];
  stridedCopy(gpu, 'copy', shape, x, dense(shape), y, dense(shape));
}

export const assign: WebGpuKernel<object> = (gpu, _params, [x], [target]) => copyInto(gpu, x!, target!);

export const broadcastTo: WebGpuKernel<object> = (gpu, _params, [x], [y]) => {
  const source = { from: 0, strides: broadcastStrides(x!.shape, y!.shape) };
  stridedCopy(gpu, 'broadcastTo', y!.shape, x!, source, y!, dense(y!.shape));
};

export const permute: WebGpuKernel<{ readonly axes: readonly number[] }> = (gpu, { axes }, [x], [y]) => {
  const strides = stridesOf(x!.shape);
  const source = { from: 0, strides: axes.map((a) => strides[a]!) };
  stridedCopy(gpu, 'permute', y!.shape, x!, source, y!, dense(y!.shape));
};

/** The elements start, start + step, ... of a dense array of this shape. */
function elementsFrom(shape: Shape, start: readonly number[], step: readonly number[]): Strided {
  const strides = stridesOf(shape);
  return {
    from: start.reduce((sum, s, i) => sum + s * strides[i]!, 0),
    strides: strides.map((s, i) => s * step[i]!),
  };
}

export const slice: WebGpuKernel<{ readonly start: readonly number[]; readonly step: readonly number[] }> = (
  gpu,
  { start, step },
  [x],
  [y],
) => {
  stridedCopy(gpu, 'slice', y!.shape, x!, elementsFrom(x!.shape, start, step), y!, dense(y!.shape));
};

/** One axis of a pad: of y, of x, and where x lies in y. */
interface PaddedAxis {
  readonly size: number;
  readonly xSize: number;
  readonly low: number;
  readonly step: number;
}

/** Axes in as few as possible: one that x fills joins the one before it. */
function paddedAxes(x: Shape, y: Shape, low: readonly number[], step: readonly number[]): PaddedAxis[] {
  const axes: PaddedAxis[] = [];
  y.forEach((size, i) => {
    const axis = { size, xSize: x[i]!, low: low[i]!, step: step[i]! };
    const before = axes.at(-1);
    const whole = axis.xSize === size && axis.low === 0 && axis.step === 1;
    if (before?.step === 1 && whole) {
      axes[axes.length - 1] = { size: before.size * size, xSize: before.xSize * size, low: before.low * size, step: 1 };
    } else if (size !== 1 || !whole) axes.push(axis);
  });
  return axes;
}

export const pad: WebGpuKernel<{ readonly low: readonly number[]; readonly step: readonly number[] }> = (
  gpu,
  { low, step },
  [x],
  [y],
) => {
  const axes = paddedAxes(x!.shape, y!.shape, low, step);
  const share = invocationsOf(axes.map((a) => a.size));
  const table = (of: keyof PaddedAxis, fill: number): number[] =>
    padAxes(
      'pad',
      y!.shape,
      axes.map((a) => a[of]),
      fill,
    );
  const kernel = kernelOf(layoutPad, {
    constants: { AXES: Math.max(1, axes.length) },
    uniforms: { sizes: table('size', 1), xSizes: table('xSize', 1), low: table('low', 0), step: table('step', 1), ...share },
    workgroups: foldedGrid(gpu.traits, share.invocations, 64),
  });
  gpu.launch(kernel, [x!], [y!]);
};

/** Inputs that a dispatch of concat takes, with the output eight bindings. */
const CONCAT_SLOTS = 7;
const CONCAT_PER_GROUP = 512;

/** Joins some of the inputs: those whose parts start at `offsets` (elements of a row of y, which has `total`). */
function joinSome(
  gpu: Gpu,
  inputs: readonly Operand[],
  offsets: readonly number[],
  outer: number,
  total: number,
  y: Operand,
): void {
  const sizes = inputs.map((x) => sizeOf(x.shape));
  const table = (values: readonly number[]): number[] => Array.from({ length: 8 }, (_, i) => values[i] ?? 1);
  const kernel = kernelOf(layoutConcat, {
    uniforms: { inner: table(sizes.map((size) => size / outer)), offset: table(offsets), size: table(sizes), total },
    workgroups: [Math.ceil(largestOf(sizes) / CONCAT_PER_GROUP), inputs.length, 1],
  });
  gpu.launch(
    kernel,
    Array.from({ length: CONCAT_SLOTS }, (_, i) => inputs[i] ?? inputs[0]!),
    [y],
  );
}

export const concat: WebGpuKernel<{ readonly axis: number }> = (gpu, { axis }, all, [y]) => {
  const outer = sizeOf(y!.shape.slice(0, axis));
  const total = sizeOf(y!.shape.slice(axis));
  const inputs = all.filter((x) => sizeOf(x.shape) > 0);
  const inCopies = inputs.some((x) => sizeOf(x.shape) > CONCAT_PER_GROUP * gpu.traits.maxWorkgroups);
  let offset = 0;
  const offsets = inputs.map((x) => (offset += sizeOf(x.shape) / outer) - sizeOf(x.shape) / outer);
  if (inCopies) {
    const strides = stridesOf(y!.shape);
    inputs.forEach((x, i) => stridedCopy(gpu, 'concat', x.shape, x, dense(x.shape), y!, { from: offsets[i]!, strides }));
    return;
  }
  for (let i = 0; i < inputs.length; i += CONCAT_SLOTS) {
    joinSome(gpu, inputs.slice(i, i + CONCAT_SLOTS), offsets.slice(i, i + CONCAT_SLOTS), outer, total, y!);
  }
};
