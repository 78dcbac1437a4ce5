/** @file Comparisons of float32 kernels with float64 loops, scaled by the sum of the absolute terms. */
import { key, normals, type Shape } from '../../src/index.ts';

/** Half an ulp of 1 in float32. */
export const UNIT: number = 2 ** -24;

/** Standard normal numbers that float32 holds exactly. */
export function numbers(seed: number, shape: Shape): Float32Array<ArrayBuffer> {
  return Float32Array.from(
    normals(
      key(seed),
      shape.reduce((a, b) => a * b, 1),
    ),
  );
}

/**
 * What is wrong with `got`: the first element whose error exceeds what rounding allows for a sum of n terms, (n + 4) u S, or the tripwire
 * 8 u S, where S is the sum of the terms' absolute values. Undefined if nothing is.
 */
export function roundingFault(
  got: ArrayLike<number>,
  expected: ArrayLike<number>,
  sizes: ArrayLike<number>,
  terms: number,
  tripwire = 8,
): string | undefined {
  if (got.length !== expected.length) return `${got.length} elements instead of ${expected.length}`;
  const allowed = Math.min(tripwire, terms + 4);
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(got[i]! - expected[i]!);
    if (!(error <= allowed * UNIT * sizes[i]!)) {
      return `element ${i} is ${got[i]}, not ${expected[i]}: an error of ${(error / (UNIT * sizes[i]!)).toFixed(2)} u S, where ${allowed} is allowed`;
    }
  }
  return undefined;
}
