/** @file Means with 95 % intervals over a few seeds, and the verdict on a difference. */
import { OptionError } from '../../contract/errors.ts';
import type { Verdict } from './experiment.ts';

export interface Interval {
  readonly n: number;
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** 97.5 % quantiles of Student's t for 1, 2, ... degrees of freedom. */
const T = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131];
const NORMAL = 1.959964;

/**
 * The 97.5 % quantile of Student's t: from the table, and above it by the expansion in 1 / degrees about the normal quantile, whose error there is
 * below 1e-4. Abramowitz and Stegun, 26.7.5.
 */
export function studentQuantile(degrees: number): number {
  const tabled = T[degrees - 1];
  if (tabled !== undefined) return tabled;
  const z = NORMAL;
  return (
    z +
    (z ** 3 + z) / (4 * degrees) +
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * degrees ** 2) +
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * degrees ** 3)
  );
}

/** Student's 95 % interval of the mean; a single value has no width that could be known, and gets none. */
export function interval(values: readonly number[]): Interval {
  const n = values.length;
  if (n === 0) throw new OptionError('interval: no values');
  const mean = values.reduce((a, b) => a + b, 0) / n;
  if (n === 1) return { n, mean, low: mean, high: mean };
  const variance = values.reduce((s, v) => s + (v - mean) ** 2, 0) / (n - 1);
  const half = studentQuantile(n - 1) * Math.sqrt(variance / n);
  return { n, mean, low: mean - half, high: mean + half };
}

/** The verdict on "the mean of these paired differences is positive". */
export function verdictOnPositive(differences: readonly number[]): Verdict {
  const { n, mean, low } = interval(differences);
  if (n > 1 && low > 0) return 'held';
  return mean > 0 ? 'held in the mean, within the noise' : 'did not hold';
}

/** 0.912 [0.895, 0.929], n = 3. */
export function show({ n, mean, low, high }: Interval, digits = 3): string {
  const f = (v: number): string => v.toFixed(digits);
  return n === 1 ? `${f(mean)}, n = 1` : `${f(mean)} [${f(low)}, ${f(high)}], n = ${n}`;
}
