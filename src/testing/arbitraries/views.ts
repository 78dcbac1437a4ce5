/** @file Views: permutations of axes, strided slices, reshapes and padding of a given shape. */
import { fc } from '../fast-check.ts';
import { type Shape, sizeOf } from '../../contract/shape.ts';

/** A permutation of the axes of a shape. */
export function permutationsOf(shape: Shape): fc.Arbitrary<number[]> {
  const axes = shape.map((_, i) => i);
  return fc.shuffledSubarray(axes, { minLength: axes.length, maxLength: axes.length });
}

/** Arguments of `slice`: start and stop may count from the end; steps are 1 to 3; at least one element is left on each axis. */
export interface SliceBounds {
  readonly start: number[];
  readonly stop: number[];
  readonly steps: number[];
}

/** Slices of a shape without empty dimensions. */
export function slicesOf(shape: Shape): fc.Arbitrary<SliceBounds> {
  const axis = (size: number): fc.Arbitrary<readonly [number, number, number]> =>
    fc
      .tuple(fc.nat(size - 1), fc.integer({ min: 1, max: size }), fc.integer({ min: 1, max: 3 }), fc.boolean())
      .map(([start, length, step, fromEnd]) => {
        const stop = Math.min(size, start + length);
        return [fromEnd ? start - size : start, fromEnd && stop < size ? stop - size : stop, step];
      });
  return fc.tuple(...shape.map(axis)).map((bounds) => ({
    start: bounds.map(([start]) => start),
    stop: bounds.map(([, stop]) => stop),
    steps: bounds.map(([, , step]) => step),
  }));
}

/** Another shape of the same number of elements, of rank 0 (for one element) to 4. */
export function reshapesOf(shape: Shape): fc.Arbitrary<number[]> {
  const split = (n: number, parts: number): fc.Arbitrary<number[]> => {
    if (parts <= 1) return fc.constant([n]);
    const divisors = Array.from({ length: n }, (_, i) => i + 1).filter((d) => n % d === 0);
    return fc.constantFrom(...divisors).chain((d) => split(n / d, parts - 1).map((rest) => [d, ...rest]));
  };
  return fc.integer({ min: 1, max: 4 }).chain((rank) => split(sizeOf(shape), rank));
}

/** [before, after] for each axis, 0 to 2. */
export function paddingOf(shape: Shape): fc.Arbitrary<[number, number][]> {
  return fc.array(fc.tuple(fc.nat(2), fc.nat(2)), { minLength: shape.length, maxLength: shape.length });
}
