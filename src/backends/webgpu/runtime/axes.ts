/** @file How the strided shaders are told their axes. */
import { LimitError } from '../../../contract/errors.ts';
import { type Shape, showShape, sizeOf } from '../../../contract/shape.ts';

/** Axes that the strided shaders take. */
export const MAX_AXES = 8;

/** `values` with `fill` in front until there are MAX_AXES of them; a LimitError if there are more. */
export function padAxes(op: string, shape: Shape, values: readonly number[], fill: number): number[] {
  if (values.length > MAX_AXES) {
    throw new LimitError(`${op}: ${showShape(shape)} does not reduce to ${MAX_AXES} axes, the most that WebGPU's kernels walk`);
  }
  return [...Array.from<number>({ length: MAX_AXES - values.length }).fill(fill), ...values];
}

/** Elements of a row that one invocation of a strided shader takes. */
const SHARE = 8;

/** How a strided shader shares the elements of these axes: its invocations, and how many of them take a row. */
export function invocationsOf(sizes: readonly number[]): { readonly invocations: number; readonly chunks: number } {
  const inner = sizes.at(-1) ?? 1;
  const chunks = Math.ceil(inner / SHARE);
  return { invocations: (sizeOf(sizes) / inner) * chunks, chunks };
}
