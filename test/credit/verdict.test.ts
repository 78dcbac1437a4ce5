/** @file The rule for verdicts: against published tables, for its symmetry, and for its errors over many repetitions. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  above,
  allOf,
  below,
  holm,
  interval,
  type Judgement,
  judgeEstimate,
  judgeIdentity,
  judgeMean,
  judgeShare,
  near,
  studentTail,
} from '../../src/credit/index.ts';
import { key, normals } from '../../src/core/random.ts';

const opposite = { held: 'refuted', refuted: 'held', undecided: 'undecided' } as const;
const samples = fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: 2, maxLength: 12 });
const spread = (values: readonly number[]): number => Math.max(...values) - Math.min(...values);

describe('the mean of independent values', () => {
  it('is held where the whole interval is in the region, refuted where all of it is outside, else undecided', () => {
    expect(judgeMean([1, 1.1, 0.9], above(0)).verdict).toBe('held');
    expect(judgeMean([-1, -1.1, -0.9], above(0)).verdict).toBe('refuted');
    expect(judgeMean([1, -0.8, 0.9], above(0)).verdict).toBe('undecided');
    expect(judgeMean([-1, 0.8, -0.9], above(0)).verdict).toBe('undecided');
    fc.assert(
      fc.property(
        samples,
        fc.double({ min: -5, max: 5, noNaN: true }),
        fc.double({ min: 0.1, max: 5, noNaN: true }),
        (values, at, margin) => {
          fc.pre(spread(values) > 1e-6);
          const { low, high } = interval(values);
          // Where a bound is on the interval's end the p-value is 0.05 to rounding.
          const ends = [low, high].flatMap((end) => [end - at, end - (at + margin), end - (at - margin)]);
          fc.pre(ends.every((d) => Math.abs(d) > 1e-6));
          expect(judgeMean(values, above(at)).verdict).toBe(low > at ? 'held' : high < at ? 'refuted' : 'undecided');
          expect(judgeMean(values, near(at, margin)).verdict).toBe(
            low > at - margin && high < at + margin ? 'held' : high < at - margin || low > at + margin ? 'refuted' : 'undecided',
          );
        },
      ),
    );
  });

  it('gives a claim and its opposite opposite verdicts and the same p-value, and mirrored data mirrored verdicts', () => {
    fc.assert(
      fc.property(samples, fc.double({ min: -5, max: 5, noNaN: true }), (values, at) => {
        const claim = judgeMean(values, above(at));
        const other = judgeMean(values, below(at));
        const mirrored = judgeMean(
          values.map((v) => -v),
          below(-at),
        );
        expect(other.verdict).toBe(opposite[claim.verdict]);
        expect(other.p).toBeCloseTo(claim.p, 12);
        expect(mirrored.verdict).toBe(claim.verdict);
        expect(mirrored.p).toBeCloseTo(claim.p, 12);
      }),
    );
  });

  it('has the p-values of the paired t-test of Student 1908 on the sleep data: t(9) = 4.0621, p = 0.002833', () => {
    const extraSleep = [1.2, 2.4, 1.3, 1.3, 0, 1, 1.8, 0.8, 4.6, 1.4];
    const { p, estimate, verdict } = judgeMean(extraSleep, above(0));
    expect(estimate).toBeCloseTo(1.58, 12);
    expect(p).toBeCloseTo(0.002833, 6);
    expect(verdict).toBe('held');
    // R: pt(2.262157, 9, lower.tail = FALSE) = 0.025, pt(1, 1) = 3/4.
    expect(studentTail(2.2621571628, 9)).toBeCloseTo(0.025, 10);
    expect(studentTail(1, 1)).toBeCloseTo(0.25, 12);
    expect(studentTail(-1, 1)).toBeCloseTo(0.75, 12);
    // With two degrees P(T > t) = 1/2 - t / (2 sqrt(2 + t^2)), about 1 / (2 t^2) far out.
    expect(studentTail(1e3, 2) / (1 / (1e6 + 2) / (1 + 1e3 / Math.sqrt(1e6 + 2)))).toBeCloseTo(1, 6);
  });

  it('of values that are all the same is decided by their number alone: six are needed, and one never decides', () => {
    expect(judgeMean([1, 1, 1, 1, 1], above(0)).verdict).toBe('undecided');
    expect(judgeMean([1, 1, 1, 1, 1, 1], above(0)).verdict).toBe('held');
    expect(judgeMean([1, 1, 1, 1, 1, 1], above(1)).verdict).toBe('undecided');
    expect(judgeMean([1, 1, 1, 1, 1, 1], below(0)).verdict).toBe('refuted');
    expect(judgeMean([5], above(0)).verdict).toBe('undecided');
  });

  it('decides wrongly in 5 % of repetitions at the border of the region, half of them to either side (N = 4,000, seed 72, |z| < 4)', () => {
    const N = 4000;
    const values = normals(key(72), 5 * N);
    const count = { held: 0, refuted: 0, undecided: 0 };
    for (let i = 0; i < N; i++) count[judgeMean([...values.subarray(5 * i, 5 * i + 5)], above(0)).verdict]++;
    const sd = Math.sqrt(N * 0.025 * 0.975);
    expect(Math.abs(count.held - 0.025 * N)).toBeLessThan(4 * sd);
    expect(Math.abs(count.refuted - 0.025 * N)).toBeLessThan(4 * sd);
  });
});

describe('a claim of equivalence', () => {
  it('is held only by an interval inside the margin: no difference seen is no evidence of none', () => {
    expect(judgeMean([0.001, -0.001, 0.0005, -0.0004], near(0, 0.01)).verdict).toBe('held');
    expect(judgeMean([0.1, -0.1, 0.05, -0.04], near(0, 0.01)).verdict).toBe('undecided');
    expect(judgeMean([0.061, 0.06, 0.062, 0.059], near(0, 0.01)).verdict).toBe('refuted');
  });

  it('needs a margin above 0', () => {
    expect(() => near(0, 0)).toThrow(/margin of equivalence is 0; it must be above 0/);
  });
});

describe('a share of instances', () => {
  it('has the interval of Clopper and Pearson: 0 of 10 gives [0, 0.3085], 5 of 10 [0.1871, 0.8129], 81 of 263 [0.2527, 0.3676]', () => {
    for (const [count, n, low, high] of [
      [0, 10, 0, 0.3085],
      [5, 10, 0.1871, 0.8129],
      [10, 10, 0.6915, 1],
      // R: binom.test(81, 263)$conf.int.
      [81, 263, 0.2527, 0.3676],
    ] as const) {
      const found = judgeShare(count, n, above(0.5));
      expect(found.low).toBeCloseTo(low, 4);
      expect(found.high).toBeCloseTo(high, 4);
    }
  });

  it('is the sign test: 78 of 78, p = 2^-77, and 9 of 10, p = 22 / 1024', () => {
    expect(judgeShare(78, 78, above(0.5)).p / 2 ** -77).toBeCloseTo(1, 9);
    expect(judgeShare(9, 10, above(0.5)).p).toBeCloseTo(22 / 1024, 12);
    expect(judgeShare(9, 10, above(0.5)).verdict).toBe('held');
    expect(judgeShare(1, 10, above(0.5)).verdict).toBe('refuted');
    expect(judgeShare(8, 10, above(0.5)).verdict).toBe('undecided');
  });

  it('of no instances, or of more than there are, is refused', () => {
    expect(() => judgeShare(0, 0, above(0.5))).toThrow(/0 of 0/);
    expect(() => judgeShare(3, 2, above(0.5))).toThrow(/3 of 2/);
  });
});

describe('an estimate and an identity', () => {
  it('an estimate with its standard error is judged as the values that it was made of', () => {
    const values = [3, 5, 4, 6];
    const error = Math.sqrt(5 / 3 / 4);
    expect(judgeEstimate({ estimate: 4.5, standardError: error, n: 4 }, above(2))).toEqual(judgeMean(values, above(2)));
    expect(() => judgeEstimate({ estimate: 1, standardError: 0, n: 4 }, above(0))).toThrow(/standard error 0/);
  });

  it('an identity is refuted by one instance above the tolerance, and by one that is not a number', () => {
    expect(judgeIdentity([1e-16, -2e-16], 1e-12).verdict).toBe('held');
    expect(judgeIdentity([1e-16, -2e-3], 1e-12).verdict).toBe('refuted');
    expect(judgeIdentity([NaN, 0], 1e-12).verdict).toBe('refuted');
  });
});

describe("Holm's correction", () => {
  const judged = (p: number): Judgement => ({ ...judgeMean([1, 2, 3], above(0)), p, verdict: p < 0.05 ? 'held' : 'undecided' });

  it('multiplies the smallest p by the number of comparisons, the next by one less, and never falls', () => {
    const corrected = holm([0.01, 0.04, 0.03, 0.005].map(judged));
    // R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm").
    expect(corrected.map((j) => Number(j.p.toFixed(12)))).toEqual([0.03, 0.06, 0.06, 0.02]);
    expect(corrected.map((j) => j.verdict)).toEqual(['held', 'undecided', 'undecided', 'held']);
  });

  it('makes at most 5 % of pages wrong: five true borders a page (N = 2,000 pages, seed 73, z < 4)', () => {
    const N = 2000;
    const values = normals(key(73), 25 * N);
    let wrong = 0;
    for (let i = 0; i < N; i++) {
      const page = Array.from({ length: 5 }, (_, j) =>
        judgeMean([...values.subarray(25 * i + 5 * j, 25 * i + 5 * j + 5)], above(0)),
      );
      if (holm(page).some((j) => j.verdict !== 'undecided')) wrong++;
    }
    expect(wrong).toBeLessThan(0.05 * N + 4 * Math.sqrt(N * 0.05 * 0.95));
    expect(wrong).toBeGreaterThan(0.03 * N);
  });

  it('leaves identities out of the count', () => {
    expect(holm([judged(0.04), judgeIdentity([0], 1e-12)]).map((j) => j.verdict)).toEqual(['held', 'held']);
  });
});

it('a claim of several parts is held if all are, refuted if one is, and else undecided', () => {
  expect(allOf(['held', 'held'])).toBe('held');
  expect(allOf(['held', 'undecided'])).toBe('undecided');
  expect(allOf(['undecided', 'refuted'])).toBe('refuted');
  expect(allOf([])).toBe('undecided');
});
