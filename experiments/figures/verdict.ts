/** @file The verdict on a difference over a few seeds, and an interval in words. */
import { type Interval, interval } from 'reparam/credit';
import type { Verdict } from './experiment.ts';

/**
 * Student's 95 % interval over seeds. The quantile has the three decimals of printed tables, with which the published figures were made: so they
 * can be repeated to the last digit.
 */
export function overSeeds(values: readonly number[]): Interval {
  return interval(values, { decimals: 3 });
}

/** The verdict on "the mean of these paired differences is positive". */
export function verdictOnPositive(differences: readonly number[]): Verdict {
  const { n, mean, low } = overSeeds(differences);
  if (n > 1 && low > 0) return 'held';
  return mean > 0 ? 'held in the mean, within the noise' : 'did not hold';
}

/** 0.912 [0.895, 0.929], n = 3. */
export function show({ n, mean, low, high }: Interval, digits = 3): string {
  const f = (v: number): string => v.toFixed(digits);
  return n === 1 ? `${f(mean)}, n = 1` : `${f(mean)} [${f(low)}, ${f(high)}], n = ${n}`;
}
