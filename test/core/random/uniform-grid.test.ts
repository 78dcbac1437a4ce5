/** @file Every one of the 2^23 uniform numbers that can occur, and the Gumbel number it makes. */
import { expect, it } from 'vitest';
import { toUniform } from '../../../src/core/random.ts';

it('all 2^23 uniforms lie in the open interval (0, 1), are exact in float32, distinct and evenly spaced', () => {
  let [inexact, outside, uneven, lowBitsMatter] = [0, 0, 0, 0];
  let before = -(2 ** -24);
  for (let top = 0; top < 2 ** 23; top++) {
    const u = toUniform(top * 512);
    if (Math.fround(u) !== u) inexact++;
    if (!(u > 0 && u < 1)) outside++;
    if (u - before !== 2 ** -23) uneven++;
    if (toUniform(top * 512 + 511) !== u) lowBitsMatter++;
    before = u;
  }
  expect({ inexact, outside, uneven, lowBitsMatter }).toEqual({ inexact: 0, outside: 0, uneven: 0, lowBitsMatter: 0 });
  expect([toUniform(0), before]).toEqual([2 ** -24, 1 - 2 ** -24]);
});

it('the Gumbel number -log(-log u) is finite for all 2^23 uniforms, in float64 and rounded to float32, and increases with u', () => {
  let [bad, decreasing] = [0, 0];
  let before = -Infinity;
  let mean = 0;
  for (let top = 0; top < 2 ** 23; top++) {
    const g = -Math.log(-Math.log(toUniform(top * 512)));
    if (!Number.isFinite(g) || !Number.isFinite(Math.fround(g))) bad++;
    if (!(g > before)) decreasing++;
    before = g;
    mean += g * 2 ** -23;
  }
  expect({ bad, decreasing }).toEqual({ bad: 0, decreasing: 0 });
  // The smallest is -log(24 log 2) by the formula; the mean over the grid is a midpoint rule for Euler's constant.
  expect(-Math.log(-Math.log(2 ** -24))).toBeCloseTo(-Math.log(24 * Math.LN2), 14);
  expect(Math.abs(mean - 0.5772156649015329)).toBeLessThan(1e-6);
  expect(before).toBeCloseTo(24 * Math.LN2, 6);
});
