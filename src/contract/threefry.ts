/**
 * @file Threefry-2x32 with 20 rounds: the random words that every backend must agree on, and what makes uniform numbers of them.
 *
 * Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 */

/** A random key: two unsigned 32-bit words. */
export type Key = readonly [number, number];

const PARITY = 0x1bd11bda;
const ROTATIONS = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
] as const;

/** The block function Threefry-2x32-20: two words from a key and a counter of two words. */
export function threefry(k: Key, counter0: number, counter1: number): Key {
  const words = [k[0] | 0, k[1] | 0, k[0] ^ k[1] ^ PARITY];
  let x = (counter0 + words[0]!) | 0;
  let y = (counter1 + words[1]!) | 0;
  // Plain loops: closures made anew in every call cost more than the rounds.
  for (let group = 0; group < 5; group++) {
    for (const r of ROTATIONS[group % 2]!) {
      x = (x + y) | 0;
      y = ((y << r) | (y >>> (32 - r))) ^ x;
    }
    x = (x + words[(group + 1) % 3]!) | 0;
    y = (y + words[(group + 2) % 3]! + group + 1) | 0;
  }
  return [x >>> 0, y >>> 0];
}

/** ((word >> 9) + 1/2) 2^-23: one of 2^23 values in the open interval (0, 1), exact in float32, never 0 or 1. */
export function toUniform(word: number): number {
  return ((word >>> 9) + 0.5) * 2 ** -23;
}
