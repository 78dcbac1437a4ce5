/** @file The axes that a strided kernel visits: how an operand broadcasts along them, and how few of them are enough. */
import type { Shape } from './shape.ts';

/** Axes of a loop over elements, outermost first, and the strides of each operand along them. */
export interface StridedAxes {
  readonly sizes: number[];
  readonly strides: number[][];
}

/** The same loop over `shape` by operands of these strides in as few axes: those of size 1 go, neighbours that join for every operand do. */
export function collapse(shape: Shape, strides: readonly (readonly number[])[]): StridedAxes {
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
  const strides = out.map(() => 0);
  const lead = out.length - shape.length;
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    const size = shape[i]!;
    if (size !== 1) strides[lead + i] = stride;
    stride *= size;
  }
  return strides;
}
