/** @file The verdict on a difference over a few seeds, and an interval in words. */
import { type Interval, studentQuantile } from 'reparam/credit';
import { UsageError } from 'reparam/command';
import type { Verdict } from './experiment.ts';

/** Student's 95 % interval over seeds, with a quantile of three decimals, as printed tables have it. */
export function overSeeds(values: readonly number[]): Interval {
  const n = values.length;
  if (n === 0) throw new UsageError('an interval over seeds: no values');
  const mean = values.reduce((a, b) => a + b, 0) / n;
  if (n === 1) return { n, mean, low: mean, high: mean };
  const variance = values.reduce((s, v) => s + (v - mean) ** 2, 0) / (n - 1);
  const half = Number(studentQuantile(0.975, n - 1).toFixed(3)) * Math.sqrt(variance / n);
  return { n, mean, low: mean - half, high: mean + half };
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
