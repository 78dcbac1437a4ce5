/** @file The verdict on a difference over a few seeds, and an interval in words. */
import { type Interval, interval } from 'reparam/credit';
import type { Verdict } from './experiment.ts';

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
