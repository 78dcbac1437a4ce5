/** @file Variances of values by state against their closed forms. */
import { expect, it } from 'vitest';
import { jitter } from '../../../../experiments/laboratory/delayed/jitter.ts';

it('values jitter as the closed forms say, within 15 % at every step: 600 repeats, 4 steps of 2 options, seed 3', () => {
  const rows = jitter({ depth: 4, actions: 2, episodes: 120, rate: 0.1, repeats: 600, seed: 3 });
  expect(rows.map((r) => r.states)).toEqual([1, 2, 4, 8]);
  for (const r of rows) {
    expect(Math.abs(r.average / r.averageExpected - 1)).toBeLessThan(0.15);
    expect(Math.abs(r.fixed / r.fixedExpected - 1)).toBeLessThan(0.15);
  }
  // At the last decision nothing is left to be delayed: the same learner on the same returns.
  expect(rows[3]!.fixed).toBeCloseTo(rows[3]!.immediate, 12);
  expect(rows[0]!.fixed).toBeGreaterThan(1.5 * rows[0]!.immediate);
});
