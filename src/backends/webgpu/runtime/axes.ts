/** @file Fewer axes for the same elements: axes of size 1 go, and neighbours that every operand goes through as through one are joined. */
import { LimitError } from '../../../contract/errors.ts';
import { type Shape, showShape, sizeOf, stridesOf } from '../../../contract/shape.ts';

/** Axes that the strided shaders take. */
export const MAX_AXES = 8;

/** Axes as few as possible, outermost first. */
export interface MergedAxes {
  readonly sizes: number[];
  /** Strides of each operand along these axes. */
  readonly strides: number[][];
}

/** `shape`, for operands of the given strides, in as few axes as possible. */
export function mergeAxes(shape: Shape, strides: readonly (readonly number[])[]): MergedAxes {
  const sizes: number[] = [];
  const out: number[][] = strides.map(() => []);
  shape.forEach((size, axis) => {
    if (size === 1) return;
    const last = sizes.length - 1;
    if (last >= 0 && strides.every((s, k) => out[k]![last] === s[axis]! * size)) {
      sizes[last]! *= size;
      strides.forEach((s, k) => (out[k]![last] = s[axis]!));
    } else {
      sizes.push(size);
      strides.forEach((s, k) => out[k]!.push(s[axis]!));
    }
  });
  return { sizes, strides: out };
}

/** Strides of an operand that broadcasts to `out`: 0 along the axes where it repeats. */
export function broadcastStrides(shape: Shape, out: Shape): number[] {
  const strides = stridesOf(shape);
  const lead = out.length - shape.length;
  return out.map((_, i) => (i < lead || shape[i - lead] === 1 ? 0 : strides[i - lead]!));
}

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
