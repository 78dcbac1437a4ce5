/** @file Layout primitives on WebGPU: all are one strided copy. */
import type { Operand } from '../backend.ts';
import { type Shape, sizeOf, stridesOf } from '../shape.ts';
import { broadcastStrides, collapse, invocationsOf, padAxes } from './collapse.ts';
import { foldedGrid } from './grid.ts';
import type { Gpu, WebGpuKernel } from './kernel.ts';
import { fill as fillCode, stridedCopy as copyCode } from './shaders.gen.ts';

/** Where a strided walk starts in an operand, and its stride along each axis. */
interface Strided {
  readonly from: number;
  readonly strides: readonly number[];
}

/** Copies the elements of a walk over `shape` from x to y. */
function stridedCopy(gpu: Gpu, op: string, shape: Shape, x: Operand, source: Strided, y: Operand, target: Strided): void {
  if (sizeOf(shape) === 0) return;
  const walk = collapse(shape, [source.strides, target.strides]);
  const { sizes, strides } = walk;
  const { words, count } = invocationsOf(walk);
  gpu.launch(
    {
      kind: 'wgsl',
      name: 'strided copy',
      code: copyCode,
      constants: { AXES: sizes.length },
      uniforms: [
        ...padAxes(op, shape, sizes, 1),
        ...padAxes(op, shape, strides[0]!, 0),
        ...padAxes(op, shape, strides[1]!, 0),
        source.from,
        target.from,
        ...words,
      ],
      workgroups: foldedGrid(gpu.facts, count, 64),
    },
    [x],
    [y],
  );
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
function walkOf(shape: Shape, start: readonly number[], step: readonly number[]): Strided {
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
  stridedCopy(gpu, 'slice', y!.shape, x!, walkOf(x!.shape, start, step), y!, dense(y!.shape));
};

export const pad: WebGpuKernel<{ readonly low: readonly number[]; readonly step: readonly number[] }> = (
  gpu,
  { low, step },
  [x],
  [y],
) => {
  const n = sizeOf(y!.shape);
  gpu.launch({ kind: 'wgsl', name: 'fill', code: fillCode, uniforms: [n, 0], workgroups: foldedGrid(gpu.facts, n, 256) }, [], [y!]);
  stridedCopy(gpu, 'pad', x!.shape, x!, dense(x!.shape), y!, walkOf(y!.shape, low, step));
};

export const concat: WebGpuKernel<{ readonly axis: number }> = (gpu, { axis }, inputs, [y]) => {
  const strides = stridesOf(y!.shape);
  let offset = 0;
  for (const x of inputs) {
    stridedCopy(gpu, 'concat', x.shape, x, dense(x.shape), y!, { from: offset * strides[axis]!, strides });
    offset += x.shape[axis]!;
  }
};
