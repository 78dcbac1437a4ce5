/** @file Inputs of the golden tests, made by name as scripts/golden/fill.py makes them, and comparisons that print what differs. */
import { expect } from 'vitest';
import type { Device, Shape, Tensor } from '../../src/index.ts';

/** Element i is the murmur3 finaliser of (FNV-1a hash of the name) + i, as a multiple of 2^-23 in [-1, 1), times scale. */
export function fillData(name: string, shape: Shape, scale = 1): Float64Array<ArrayBuffer> {
  let seed = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) seed = Math.imul(seed ^ byte, 0x01000193);
  return Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => {
    let h = (seed + i) | 0;
    h ^= h >>> 16;
    h = Math.imul(h, 0x85ebca6b);
    h ^= h >>> 13;
    h = Math.imul(h, 0xc2b2ae35);
    h ^= h >>> 16;
    return ((h >>> 8) / 2 ** 23 - 1) * scale;
  });
}

export function fill(device: Device, name: string, shape: Shape, scale = 1): Tensor {
  return device.tensor(fillData(name, shape, scale), shape);
}

/** The product with a fixed direction, and the norm: what the goldens store of a large tensor. */
export async function project(name: string, tensor: Tensor): Promise<[number, number]> {
  const direction = fillData(`direction.${name}`, tensor.shape);
  const data = await tensor.data();
  let [product, squares] = [0, 0];
  for (let i = 0; i < data.length; i++) {
    product += data[i]! * direction[i]!;
    squares += data[i]! ** 2;
  }
  return [product, Math.sqrt(squares)];
}

/**
 * All elements within `tolerance` times the largest expected magnitude, or the magnitude of the terms that the values are small
 * differences of, where that is given. A failure names the value, the element and both numbers.
 */
export async function expectClose(
  what: string,
  actual: Tensor,
  expected: readonly number[],
  tolerance: number,
  terms = 1e-12,
): Promise<void> {
  expectNumbers(what, await actual.data(), expected, tolerance, terms);
}

export function expectNumbers(
  what: string,
  actual: ArrayLike<number>,
  expected: readonly number[],
  tolerance: number,
  terms = 1e-12,
): void {
  expect(actual.length, `${what}: number of elements`).toBe(expected.length);
  const size = Math.max(...expected.map(Math.abs), terms);
  let [worst, at] = [0, 0];
  expected.forEach((e, i) => {
    const error = Math.abs(actual[i]! - e) / size;
    if (!(error <= worst)) [worst, at] = [error, i];
  });
  expect(worst, `${what}, element ${at}: ${actual[at]} against PyTorch's ${expected[at]}`).toBeLessThanOrEqual(tolerance);
}

/** The tolerance of a device: float64 agrees to rounding, float32 to about its own. */
export function toleranceOf(device: Device, float64 = 1e-11, float32 = 2e-5): number {
  return device.dtype === 'float64' ? float64 : float32;
}
