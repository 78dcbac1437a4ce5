/** @file Sums and maxima over axes on WebGPU: in parts, then over the parts, in a fixed order. */
import { collapse } from '../../../contract/axes.ts';
import type { Operand } from '../../../contract/backend.ts';
import { LimitError } from '../../../contract/errors.ts';
import { showShape, sizeOf, stridesOf } from '../../../contract/shape.ts';
import { foldedGrid } from '../runtime/grid.ts';
import { kernelOf } from '../runtime/shader.ts';
import type { Gpu, WebGpuKernel } from '../kernel.ts';
import { reduce as reduceShader } from '../shaders.gen.ts';

/** Enough invocations to fill a device; more parts would only add work for the second launch. */
const INVOCATIONS = 4096;
/** A part sums at least this many elements. */
const LEAST_PART = 32;

interface Axes {
  readonly sizes: number[];
  readonly strides: number[];
}

interface Reduction {
  readonly kept: Axes;
  readonly reduced: Axes;
  /** The innermost axis is a reduced one. */
  readonly inner: boolean;
}

function reductionOf(op: string, x: Operand, y: Operand): Reduction {
  const strides = stridesOf(x.shape);
  // Each axis has a stride in x and one in y, 0 where y is reduced: axes join only with their own kind.
  const outer = stridesOf(y.shape).map((s, i) => (y.shape[i] === 1 ? 0 : s));
  const merged = collapse(x.shape, [strides, outer]);
  const kept: Axes = { sizes: [], strides: [] };
  const reduced: Axes = { sizes: [], strides: [] };
  merged.sizes.forEach((size, i) => {
    const axes = merged.strides[1]![i] === 0 ? reduced : kept;
    axes.sizes.push(size);
    axes.strides.push(merged.strides[0]![i]!);
  });
  if (kept.sizes.length > 4 || reduced.sizes.length > 4) {
    throw new LimitError(
      `${op}: reducing ${showShape(x.shape)} to ${showShape(y.shape)} has more than four separate groups of axes`,
    );
  }
  return { kept, reduced, inner: merged.strides[1]!.at(-1) === 0 };
}

function four(values: readonly number[], fill: number): number[] {
  return [...Array.from<number>({ length: 4 - values.length }).fill(fill), ...values];
}

function launch(gpu: Gpu, maximum: boolean, { kept, reduced, inner }: Reduction, parts: number, x: Operand, y: Operand): void {
  const outputs = sizeOf(kept.sizes);
  const count = sizeOf(reduced.sizes);
  const kernel = kernelOf(reduceShader, {
    constants: { MAXIMUM: Number(maximum), INNER: Number(inner), AXES: reduced.sizes.length },
    uniforms: {
      keptSizes: four(kept.sizes, 1),
      keptStrides: four(kept.strides, 0),
      reducedSizes: four(reduced.sizes, 1),
      reducedStrides: four(reduced.strides, 0),
      outputs,
      count,
      parts,
      chunk: Math.ceil(count / parts),
      zero: 0,
    },
    workgroups: foldedGrid(gpu.traits, outputs * parts, 64),
  });
  gpu.launch(kernel, [x], [y]);
}

function reduce(op: 'sumTo' | 'maxTo'): WebGpuKernel<object> {
  return (gpu, _params, [x], [y]) => {
    const maximum = op === 'maxTo';
    const reduction = reductionOf(op, x!, y!);
    const { inner } = reduction;
    const outputs = sizeOf(reduction.kept.sizes);
    const count = sizeOf(reduction.reduced.sizes);
    let parts = Math.max(1, Math.min(Math.ceil(INVOCATIONS / outputs), Math.floor(count / LEAST_PART)));
    // No part may be empty: a maximum has no neutral element.
    if (!inner) parts = Math.ceil(count / Math.ceil(count / parts)) || 1;
    if (parts === 1) {
      launch(gpu, maximum, reduction, 1, x!, y!);
      return;
    }
    const partial = gpu.temporary([outputs * parts]);
    launch(gpu, maximum, reduction, parts, x!, partial);
    const again: Reduction = inner
      ? { kept: { sizes: [outputs], strides: [parts] }, reduced: { sizes: [parts], strides: [1] }, inner }
      : { kept: { sizes: [outputs], strides: [1] }, reduced: { sizes: [parts], strides: [outputs] }, inner };
    launch(gpu, maximum, again, 1, partial, y!);
  };
}

export const sumTo: WebGpuKernel<object> = reduce('sumTo');
export const maxTo: WebGpuKernel<object> = reduce('maxTo');
