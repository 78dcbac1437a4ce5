/** @file Shapes: any rank, pairs that broadcast, axes, and sizes at the edges of a workgroup. */
import { largestOf } from '../../contract/extremes.ts';
import { fc } from '../fast-check.ts';
import { type Shape, sizeOf } from '../../contract/shape.ts';

export interface ShapeOptions {
  /** Default 0. */
  readonly minRank?: number;
  /** Default 4. */
  readonly maxRank?: number;
  /** Largest number of elements; dimensions are cut to keep it. Default 48. */
  readonly maxSize?: number;
  /** Whether dimensions of 0 occur. Default false. */
  readonly empty?: boolean;
}

/** Sizes around the number of threads in a workgroup, where a kernel's last group is full, one short or one over. */
export const boundarySizes: readonly number[] = [
  1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 1023, 1025, 4097,
];

/**
 * Shapes; dimensions are small, 1 among them often, because that is where broadcasting goes wrong, and all of them equal
 * sometimes, because that is where exchanged axes go unnoticed by a shape check.
 */
export function shapes(options: ShapeOptions = {}): fc.Arbitrary<Shape> {
  const { minRank = 0, maxRank = 4, maxSize = 48, empty = false } = options;
  const dimension = fc.oneof(
    ...(empty ? [{ weight: 1, arbitrary: fc.constant(0) }] : []),
    { weight: 2, arbitrary: fc.constant(1) },
    { weight: 6, arbitrary: fc.integer({ min: 2, max: 4 }) },
    { weight: 2, arbitrary: fc.integer({ min: 5, max: 9 }) },
  );
  const any = fc.array(dimension, { minLength: minRank, maxLength: maxRank }).map((dims) => capped(dims, maxSize));
  const equal = fc.tuple(fc.integer({ min: Math.max(1, minRank), max: Math.max(1, maxRank) }), fc.nat(3)).map(([rank, more]) => {
    const largest = Math.max(1, Math.floor(maxSize ** (1 / rank)));
    return Array.from({ length: rank }, () => Math.min(2 + more, largest));
  });
  return maxRank === 0 ? any : fc.oneof({ weight: 4, arbitrary: any }, { weight: 1, arbitrary: equal });
}

/** Cuts dimensions, last first, until the product is at most `maxSize`. */
function capped(dims: readonly number[], maxSize: number): Shape {
  const out = [...dims];
  for (let i = out.length - 1; i >= 0 && sizeOf(out) > maxSize; i--) {
    out[i] = Math.max(1, Math.floor((out[i]! * maxSize) / sizeOf(out)));
  }
  return out;
}

/** A shape whose number of elements is one of `boundarySizes`, flat or as a matrix with an odd number of columns. */
export function boundaryShapes(largest: number = Infinity): fc.Arbitrary<Shape> {
  const sizes = boundarySizes.filter((n) => n <= largest);
  return fc
    .tuple(fc.constantFrom(...sizes), fc.constantFrom(1, 3, 5))
    .map(([n, columns]) => (columns === 1 || n < 3 * columns ? [n] : [Math.floor(n / columns), columns]));
}

/** Shapes that broadcast with one another to `out`. */
export interface Broadcast {
  readonly operands: readonly Shape[];
  readonly out: Shape;
}

/** Operands of `count` shapes and what they broadcast to: dimensions of `out` set to 1, leading ones dropped; one may be `out`. */
export function broadcasts(count: number, options: ShapeOptions = {}): fc.Arbitrary<Broadcast> {
  return shapes(options).chain((full) => {
    const operand = fc
      .tuple(fc.array(fc.boolean(), { minLength: full.length, maxLength: full.length }), fc.nat(full.length))
      .map(([keep, drop]) => full.map((d, i) => (keep[i] ? d : 1)).slice(drop));
    return fc.tuple(...Array.from({ length: count }, () => operand)).map((operands) => ({ operands, out: broadcastOf(operands) }));
  });
}

/** Two shapes that broadcast. */
export function broadcastPairs(options: ShapeOptions = {}): fc.Arbitrary<Broadcast> {
  return broadcasts(2, options);
}

function broadcastOf(operands: readonly Shape[]): Shape {
  const rank = largestOf(operands.map((s) => s.length));
  return Array.from({ length: rank }, (_, i) => {
    const dims = operands.map((s) => s[s.length - rank + i] ?? 1);
    return dims.find((d) => d !== 1) ?? 1;
  });
}

/** A set of axes of a shape, in increasing order, some written as negative numbers. */
export function axesOf(shape: Shape, minLength: number = 0): fc.Arbitrary<number[]> {
  const all = shape.map((_, i) => i);
  return fc
    .tuple(fc.subarray(all, { minLength: Math.min(minLength, all.length) }), fc.boolean())
    .map(([axes, negative]) => (negative ? axes.map((a) => a - shape.length) : axes));
}

/** One axis of a shape of rank 1 or more, perhaps as a negative number. */
export function axisOf(shape: Shape): fc.Arbitrary<number> {
  return fc.integer({ min: -shape.length, max: shape.length - 1 });
}
