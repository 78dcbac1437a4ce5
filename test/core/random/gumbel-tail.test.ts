/**
 * @file The upper tail of Gumbel noise by exact integration: how often the rare one of two classes wins under gumbelMax, over the very
 * numbers that the words of a key can become.
 */
import { describe, expect, it } from 'vitest';
import { bits, gumbels, key } from '../../../src/index.ts';
import { gumbelOf } from '../../../src/core/random.ts';
import { toUniform } from '../../../src/contract/threefry.ts';

const MOST = 2n ** 64n;

/** The noise of the word and the extra word that make this number of 64 bits; it grows with the number. */
function noiseAt(words: bigint): number {
  return gumbelOf(Number(words >> 32n), Number(words & 0xffff_ffffn));
}

/** The probability that the noise is above g: how many of all pairs of words give that, by bisection. */
function probabilityAbove(g: number): number {
  let [low, high] = [0n, MOST];
  while (low < high) {
    const middle = (low + high) / 2n;
    if (noiseAt(middle) > g) high = middle;
    else low = middle + 1n;
  }
  return Number(MOST - low) / 2 ** 64;
}

describe('a class of probability p wins with probability p', () => {
  it.each([20, 23, 24, 25, 26, 30, 35, 40])('p = 2^-%d', (exponent) => {
    const p = 2 ** -exponent;
    // Over the noise of the common class in 2,048 strata of equal probability; the mean of e^-(its noise) over them is 1 within 1e-3.
    const strata = 2048;
    let [wins, weight] = [0, 0];
    for (let i = 0; i < strata; i++) {
      const common = noiseAt(((2n * BigInt(i) + 1n) * MOST) / BigInt(2 * strata));
      wins += probabilityAbove(common - Math.log(p / (1 - p))) / strata;
      weight += Math.exp(-common) / strata;
    }
    // P(G > g) is 1 - exp(-e^-g), e^-g to first order.
    expect(wins / (p * weight)).toBeGreaterThan(0.999);
    expect(wins / (p * weight)).toBeLessThan(1.001);
  });
});

it('below 1 - 2^-16 a word means the number that it always meant, and above it stays in its cell of 2^-23', () => {
  const words = bits(key(5), 200_000);
  const drawn = gumbels(key(5), words.length);
  let refined = 0;
  for (const [i, word] of words.entries()) {
    const plain = -Math.log(-Math.log(toUniform(word)));
    const isRefined = word >>> 16 === 0xffff;
    if (isRefined) refined++;
    // The last cell ends at 1, which only a float64 beyond it stands for.
    const cell = (word >>> 9) * 2 ** -23;
    const above = 1 - cell - 2 ** -23;
    const low = isRefined ? -Math.log(-Math.log(cell)) : plain;
    const high = isRefined ? -Math.log(-Math.log1p(-Math.max(above, 2 ** -66))) : plain;
    expect(drawn[i]! >= low && drawn[i]! <= high).toBe(true);
  }
  expect(refined).toBeGreaterThan(0);
});
