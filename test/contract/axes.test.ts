/** @file Axes of strided loops: broadcasting as strides of 0, and as few axes as will do. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { broadcastStrides, collapse } from '../../src/contract/axes.ts';
import { type Shape, stridesOf } from '../../src/contract/shape.ts';

it('collapse joins what every operand goes along alike, and drops axes of size 1', () => {
  // [2, 3, 4, 5] in one piece; from an array whose rows have a pitch of 7 the last axis stands alone.
  const dense = [60, 20, 5, 1];
  expect(collapse([2, 3, 4, 5], [dense, dense])).toEqual({ sizes: [120], strides: [[1], [1]] });
  expect(collapse([2, 3, 4, 5], [[84, 28, 7, 1], dense])).toEqual({
    sizes: [24, 5],
    strides: [
      [7, 1],
      [5, 1],
    ],
  });
  expect(collapse([1, 1], [[9, 9]])).toEqual({ sizes: [], strides: [[]] });
});

/** The positions that operands of these strides visit, in order. */
function positions(sizes: readonly number[], strides: readonly (readonly number[])[]): number[][] {
  const [size, ...rest] = sizes;
  if (size === undefined) return [strides.map(() => 0)];
  const inner = positions(
    rest,
    strides.map((s) => s.slice(1)),
  );
  return Array.from({ length: size }, (_, i) => inner.map((at) => at.map((p, k) => p + i * strides[k]![0]!))).flat();
}

it('a collapsed loop visits the same elements of broadcast operands in the same order, and no two of its axes could be joined', () => {
  const shapes = fc.array(fc.constantFrom(1, 2, 3), { maxLength: 5 });
  const operands = shapes.chain((shape) =>
    fc.array(fc.nat(31), { minLength: 1, maxLength: 3 }).map((masks) => ({
      shape,
      operands: masks.map((mask): Shape => shape.map((d, i) => (mask & (1 << i) ? 1 : d))),
    })),
  );
  fc.assert(
    fc.property(operands, ({ shape, operands }) => {
      const strides = operands.map((operand) => broadcastStrides(operand, shape));
      const few = collapse(shape, strides);
      expect(positions(few.sizes, few.strides)).toEqual(positions(shape, strides));
      for (let i = 1; i < few.sizes.length; i++) expect(few.strides.every((s) => s[i - 1] === s[i]! * few.sizes[i]!)).toBe(false);
    }),
    { seed: 71, numRuns: 200 },
  );
});

it('leading axes that an operand lacks repeat it, and an operand of the whole shape is dense', () => {
  expect(broadcastStrides([3, 1], [2, 3, 4])).toEqual([0, 1, 0]);
  expect(broadcastStrides([2, 3, 4], [2, 3, 4])).toEqual(stridesOf([2, 3, 4]));
  expect(broadcastStrides([], [2, 3])).toEqual([0, 0]);
});
