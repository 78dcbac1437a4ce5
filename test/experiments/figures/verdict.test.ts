/** @file Intervals and verdicts of the experiments: Student's quantiles against a published table, and what each verdict needs. */
import { expect, it } from 'vitest';
import { overSeeds, show, verdictOnPositive } from '../../../experiments/figures/verdict.ts';
import { studentQuantile } from '../../../src/credit/index.ts';

it("the 97.5 % quantile of Student's t is that of the table of NIST (e-Handbook, 1.3.6.7.2) to its three digits, for 1 to 100 degrees", () => {
  const published = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11, 2.101,
    2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
  ];
  published.forEach((t, i) => expect(studentQuantile(0.975, i + 1)).toBeCloseTo(t, 3));
  for (const [degrees, t] of [
    [40, 2.021],
    [60, 2],
    [80, 1.99],
    [100, 1.984],
  ] as const) {
    expect(Math.abs(studentQuantile(0.975, degrees) - t)).toBeLessThan(6e-4);
  }
});

it('an interval is mean +- t s / sqrt(n) with the sample deviation: 2, 4, 6 gives 4 +- 4.303 x 2 / sqrt(3)', () => {
  const half = (4.303 * 2) / Math.sqrt(3);
  const { n, mean, low, high } = overSeeds([2, 4, 6]);
  expect([n, mean]).toEqual([3, 4]);
  expect(low).toBeCloseTo(4 - half, 12);
  expect(high).toBeCloseTo(4 + half, 12);
  expect(overSeeds([7])).toEqual({ n: 1, mean: 7, low: 7, high: 7 });
  expect(() => overSeeds([])).toThrow(/no values/);
});

it('the interval covers the mean of normal samples of five 95 times of 100 (N = 4,000, seed 71, |z| < 4)', async () => {
  const { key, normals } = await import('../../../src/core/random.ts');
  const N = 4000;
  const values = normals(key(71), 5 * N);
  let covered = 0;
  for (let i = 0; i < N; i++) {
    const { low, high } = overSeeds([...values.subarray(5 * i, 5 * i + 5)]);
    if (low <= 0 && high >= 0) covered++;
  }
  expect(Math.abs(covered - 0.95 * N)).toBeLessThan(4 * Math.sqrt(N * 0.95 * 0.05));
});

it('a claim held only if the whole interval is above 0, is within the noise if the mean is, and else did not hold', () => {
  expect(verdictOnPositive([1, 1.1, 0.9])).toBe('held');
  expect(verdictOnPositive([1, -0.8, 0.9])).toBe('held in the mean, within the noise');
  expect(verdictOnPositive([-1, -1.1, 0.9])).toBe('did not hold');
  expect(verdictOnPositive([0, 0, 0])).toBe('did not hold');
  // One seed has no interval, so it can never settle a claim.
  expect(verdictOnPositive([5])).toBe('held in the mean, within the noise');
});

it('is printed with its bounds and n', () => {
  expect(show(overSeeds([2, 4, 6]), 1)).toBe('4.0 [-1.0, 9.0], n = 3');
  expect(show(overSeeds([0.5]))).toBe('0.500, n = 1');
});
