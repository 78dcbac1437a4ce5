/**
 * @file Tensor values for properties: real numbers mapped from integers and permutations.
 *
 * fast-check shrinks towards zero and towards equal values, which is where relu has its kink and a maximum its ties. Here what
 * shrinks is an integer or a permutation, so the smallest counterexample is as far from kinks and ties as the first one. All
 * small values are multiples of 2^-9 or so: exact in float32, and short in a message.
 */
import { fc } from '../fast-check.ts';
import type { Device } from '../../core/tensor.ts';
import { key, permutation, uniforms } from '../../core/random.ts';
import { type Shape, sizeOf } from '../../contract/shape.ts';
import type { Tensor } from '../../core/tensor.ts';

/** A tensor as plain data, so that a counterexample prints, and can be kept in a file. */
export interface TensorValue {
  readonly shape: Shape;
  readonly values: readonly number[];
  /** Default: the device's float type. */
  readonly dtype?: 'uint32';
}

/** The value on a device. */
export function toTensor(device: Device, value: TensorValue): Tensor {
  return device.tensor(value.dtype === 'uint32' ? Uint32Array.from(value.values) : value.values, value.shape);
}

function filled(shape: Shape, element: fc.Arbitrary<number>): fc.Arbitrary<TensorValue> {
  const size = sizeOf(shape);
  return fc.array(element, { minLength: size, maxLength: size }).map((values) => ({ shape, values }));
}

/** Values in +-[0.064, 2.02], never nearer to 0: for relu, abs and whatever has a kink there. */
export function kinkSafe(shape: Shape): fc.Arbitrary<TensorValue> {
  return filled(shape, fc.integer({ min: -1000, max: 999 }).map(awayFromZero));
}

function awayFromZero(k: number): number {
  // 0 maps to the smallest positive value, so that shrinking ends there.
  return k < 0 ? k / 512 - 1 / 16 : (k + 1) / 512 + 1 / 16;
}

/**
 * Lists of numbers in +-[0.064, 2.02] for `checkGradFunction`: `fc.tuple(realNumbers(3))` draws f's one argument. fast-check's own `double`
 * draws mostly numbers like 1e-200, of which differences cannot tell anything.
 */
export function realNumbers(length: number | { readonly min: number; readonly max: number }): fc.Arbitrary<number[]> {
  const { min, max } = typeof length === 'number' ? { min: length, max: length } : length;
  return fc.array(fc.integer({ min: -1000, max: 999 }).map(awayFromZero), { minLength: min, maxLength: max });
}

/** Values any two of which differ by 1/8 or more, and none nearer to 0 than 1/16: for maxima, and for relu too. */
export function tieSafe(shape: Shape): fc.Arbitrary<TensorValue> {
  return tieSafeParts([shape]).map(([only]) => only!);
}

/** Several tensors no two of whose values tie, within one tensor or across: for the maximum of two. */
export function tieSafeParts(shapes: readonly Shape[]): fc.Arbitrary<TensorValue[]> {
  const sizes = shapes.map(sizeOf);
  const total = sizes.reduce((a, b) => a + b, 0);
  const ranks = Array.from({ length: total }, (_, i) => i);
  return fc.shuffledSubarray(ranks, { minLength: total, maxLength: total }).map((order) => {
    const values = order.map((rank) => spacedApart(rank, total));
    let at = 0;
    return shapes.map((shape, k) => ({ shape, values: values.slice(at, (at += sizes[k]!)) }));
  });
}

function spacedApart(rank: number, total: number): number {
  return (rank - Math.floor(total / 2)) / 8 + 1 / 16;
}

/** Positive values, spaced by exponent in [1/16, 16]: for log, sqrt and denominators. */
export function positive(shape: Shape): fc.Arbitrary<TensorValue> {
  return filled(
    shape,
    fc.integer({ min: -2048, max: 2048 }).map((k) => Math.fround(2 ** (k / 512))),
  );
}

/** Values in (0, 1), 1/64 or more from both ends: probabilities, gates. */
export function unit(shape: Shape): fc.Arbitrary<TensorValue> {
  return filled(
    shape,
    fc.integer({ min: 8, max: 504 }).map((k) => k / 512),
  );
}

/** Words of a random key. */
export function keyWords(): fc.Arbitrary<TensorValue> {
  return fc.tuple(fc.nat(2 ** 31), fc.nat(2 ** 31)).map((words) => ({ shape: [2], values: words, dtype: 'uint32' }));
}

/** Integers in [0, count): labels, indices. */
export function labels(shape: Shape, count: number): fc.Arbitrary<TensorValue> {
  return filled(shape, fc.integer({ min: 0, max: count - 1 }));
}

/** How values spread; `wide` is kink-safe in +-[1/64, 16]. */
export type Spread = 'kink-safe' | 'tie-safe' | 'positive' | 'wide';

/**
 * The same kinds of value for tensors of thousands of elements: what shrinks is one seed, not every element. For comparing a
 * kernel with its reference, where no counterexample of that size is read by eye. All bits of float32 are used, so that
 * products and sums have to be rounded.
 */
export function bulk(shape: Shape, spread: Spread): fc.Arbitrary<TensorValue> {
  const size = sizeOf(shape);
  return fc.nat(2 ** 20).map((seed) => ({ shape, values: bulkValues(seed, size, spread) }));
}

function bulkValues(seed: number, size: number, spread: Spread): number[] {
  if (spread === 'tie-safe') return Array.from(permutation(key(seed), size), (rank) => spacedApart(rank, size));
  return Array.from(uniforms(key(seed), size), (u) => {
    if (spread === 'positive') return Math.fround(2 ** (8 * u - 4));
    const sign = u < 0.5 ? -1 : 1;
    const distance = Math.abs(2 * u - 1);
    return Math.fround(spread === 'wide' ? sign * (1 / 64 + 16 * distance) : sign * (1 / 16 + 2 * distance));
  });
}
