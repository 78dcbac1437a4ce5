/** @file Intervals of the experiments against a published table of Student's quantiles, and how a page is judged. */
import { expect, it } from 'vitest';
import { describePart, judgePage, overSeeds, part, SHARE, show } from '../../../experiments/figures/verdict.ts';
import { above, near, studentQuantile } from '../../../src/credit/index.ts';

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
  const half = (4.3026527297 * 2) / Math.sqrt(3);
  const { n, mean, low, high } = overSeeds([2, 4, 6]);
  expect([n, mean]).toEqual([3, 4]);
  expect(low).toBeCloseTo(4 - half, 9);
  expect(high).toBeCloseTo(4 + half, 9);
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

it('a page is judged as a whole: what is held alone is undecided beside three other comparisons, and a finding needs all its parts', () => {
  const clear = [1, 1.01, 0.99];
  const close = [1, 1.4, 0.6];
  const finding = (id: string, ...values: number[][]) => ({
    id,
    claim: '',
    seen: '',
    parts: values.map((v) => part('more', v, above(0))),
  });
  expect(judgePage([finding('alone', close)]).map((f) => f.verdict)).toEqual(['held']);
  const page = judgePage([finding('a', close), finding('b', clear, close), finding('c', clear)]);
  expect(page.map((f) => f.verdict)).toEqual(['undecided', 'undecided', 'held']);
  expect(
    judgePage([
      finding(
        'd',
        clear.map((v) => -v),
        close,
      ),
    ])[0]!.verdict,
  ).toBe('refuted');
});

it('a comparison is printed with its region, interval, p-value and verdict; an interval ends where the figure must', () => {
  expect(describePart(part('SNAS less ENAS', [1, 1.1, 0.9], above(0.05)))).toBe(
    'SNAS less ENAS (more than 0.05): 1.000 [0.752, 1.248], n = 3, p = 0.0037, held',
  );
  expect(describePart(part('share', [0.5, 1, 0.9], near(0.5, 0.1), 2, SHARE))).toBe(
    'share (between 0.4 and 0.6): 0.80 [0.14, 1.00], n = 3, p = 0.32, undecided',
  );
});

it('is printed with its bounds and n', () => {
  expect(show(overSeeds([2, 4, 6]), 1)).toBe('4.0 [-1.0, 9.0], n = 3');
  expect(show(overSeeds([0.5]))).toBe('0.500, n = 1');
});
