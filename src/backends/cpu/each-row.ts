/** @file The loop of strided operands: along the rows of a shape, with each operand's place in its own array. */
import { type Shape, sizeOf } from '../../contract/shape.ts';
import type { CpuOperand } from './kernel.ts';

/** Visits a shape row by row (rows run along the last axis) with the position of each strided operand. */
export function eachRow(
  shape: Shape,
  strides: readonly (readonly number[])[],
  visit: (at: number, positions: readonly number[], length: number, lastStrides: readonly number[]) => void,
): void {
  const total = sizeOf(shape);
  if (total === 0) return;
  const rank = shape.length;
  const length = rank === 0 ? 1 : shape[rank - 1]!;
  const last = strides.map((s) => (rank === 0 ? 0 : s[rank - 1]!));
  const positions = strides.map(() => 0);
  const index = Array.from<number>({ length: Math.max(0, rank - 1) }).fill(0);
  for (let at = 0; at < total; at += length) {
    visit(at, positions, length, last);
    for (let axis = rank - 2; axis >= 0; axis--) {
      index[axis]!++;
      for (let k = 0; k < strides.length; k++) positions[k]! += strides[k]![axis]!;
      if (index[axis]! < shape[axis]!) break;
      for (let k = 0; k < strides.length; k++) positions[k]! -= strides[k]![axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
}

/** Fills y from the elements of `source` that lie at these strides from `origin` on. */
export function copyStrided(source: CpuOperand['data'], origin: number, strides: readonly number[], y: CpuOperand): void {
  const target = y.data;
  eachRow(y.shape, [strides], (at, [from], length, [step]) => {
    for (let j = 0, u = origin + from!; j < length; j++, u += step!) target[at + j] = source[u]!;
  });
}
