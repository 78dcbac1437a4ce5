/** @file Keys and what is drawn from them against JAX's. */
import { describe, expect, it } from 'vitest';
import { bits, foldIn, key, permutation, split, uniforms } from '../../src/index.ts';

// The values on the right are JAX's: its documentation of jax.random (uniform) and tests of ports against it (split, uniform).
describe('keys mean what they mean in JAX with jax_threefry_partitionable', () => {
  it('key(seed) is the high and the low word of the seed', () => {
    expect(key(0)).toEqual([0, 0]);
    expect(key(42)).toEqual([0, 42]);
    expect(key(2 ** 32 * 7 + 0xffffffff)).toEqual([7, 0xffffffff]);
  });

  it('split(key(0), 3) gives the keys of jax.random.split', () => {
    expect(split(key(0), 3)).toEqual([
      [1797259609, 2579123966],
      [928981903, 3453687069],
      [4146024105, 2718843009],
    ]);
  });

  it('uniforms are those of jax.random.uniform, moved up by half a step of the grid into the open interval', () => {
    // Ten digits as a port's test expects them of JAX; for the second key as JAX's documentation prints it.
    const jax = [0.9476670027, 0.9785798788, 0.3322914839, 0.4686684608];
    uniforms(key(0), 4).forEach((u, i) => expect(Math.abs(u - 2 ** -24 - jax[i]!)).toBeLessThan(1e-10));
    expect(Math.abs(uniforms(split(key(0))[1]!, 1)[0]! - 2 ** -24 - 0.00729382)).toBeLessThan(1e-8);
  });

  it('split and foldIn agree, and every word of a long stream depends on its own index alone', () => {
    const k = key(123456789);
    expect(split(k, 5)).toEqual([0, 1, 2, 3, 4].map((i) => foldIn(k, i)));
    expect(bits(k, 1000).slice(0, 10)).toEqual(bits(k, 10));
  });
});

it('refuses seeds and data that are not integers in range, naming the value', () => {
  for (const bad of [-1, 0.5, Number.NaN, 2 ** 53]) expect(() => key(bad)).toThrow(`key: seed ${bad} must be an integer >= 0`);
  for (const bad of [-1, 1.5, 2 ** 32]) expect(() => foldIn(key(1), bad)).toThrow(`foldIn: ${bad} must be an integer in [0, 2^32)`);
});

it('different keys of a hundred thousand steps, edges and seeds do not collide', () => {
  const seen = new Set<number>();
  for (let seed = 0; seed < 10; seed++) {
    for (let i = 0; i < 10_000; i++) {
      const [a, b] = foldIn(key(seed), i);
      seen.add(a * 2 ** 20 + (b >>> 12));
    }
  }
  // Expected collisions of 10^5 draws from 2^52 values: 10^10 / 2^53, about 1e-6.
  expect(seen.size).toBe(100_000);
});

it('permutation holds every index once', () => {
  for (const length of [0, 1, 2, 100]) {
    expect([...permutation(key(length), length)].sort((a, b) => a - b)).toEqual(Array.from({ length }, (_, i) => i));
  }
});
