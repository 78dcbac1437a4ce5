/** @file Moments and p-values for tests of random numbers: chi-square, Kolmogorov-Smirnov. */
import { chiSquareTail } from '../../src/credit/statistics.ts';

export interface Moments {
  readonly count: number;
  readonly mean: number;
  /** Sample variance, divisor count - 1. */
  readonly variance: number;
  /** Standard error of the mean. */
  readonly standardError: number;
}

export function moments(xs: ArrayLike<number>): Moments {
  const count = xs.length;
  let mean = 0;
  for (let i = 0; i < count; i++) mean += xs[i]! / count;
  let squares = 0;
  for (let i = 0; i < count; i++) squares += (xs[i]! - mean) ** 2;
  const variance = squares / (count - 1);
  return { count, mean, variance, standardError: Math.sqrt(variance / count) };
}

/** Pearson's correlation of x[i] and y[i], i < count. Of independent samples, correlation * sqrt(count) is about standard normal. */
export function correlation(x: ArrayLike<number>, y: ArrayLike<number>, count: number = Math.min(x.length, y.length)): number {
  let [sx, sy, sxx, syy, sxy] = [0, 0, 0, 0, 0];
  for (let i = 0; i < count; i++) {
    const [a, b] = [x[i]!, y[i]!];
    sx += a;
    sy += b;
    sxx += a * a;
    syy += b * b;
    sxy += a * b;
  }
  const covariance = sxy / count - (sx / count) * (sy / count);
  return covariance / Math.sqrt((sxx / count - (sx / count) ** 2) * (syy / count - (sy / count) ** 2));
}

/** Pearson's statistic of counts against probabilities, and the probability of one as large. */
export function chiSquare(counts: ArrayLike<number>, probabilities: ArrayLike<number>): { statistic: number; p: number } {
  const total = Array.from(counts).reduce((a, b) => a + b, 0);
  let statistic = 0;
  for (let k = 0; k < counts.length; k++) statistic += (counts[k]! - total * probabilities[k]!) ** 2 / (total * probabilities[k]!);
  return { statistic, p: chiSquareTail(statistic, counts.length - 1) };
}

/** Largest distance of the empirical distribution from `cdf`, and the asymptotic probability of one as large (Kolmogorov). */
export function kolmogorovSmirnov(xs: ArrayLike<number>, cdf: (x: number) => number): { statistic: number; p: number } {
  const sorted = Float64Array.from(xs).sort();
  const n = sorted.length;
  let statistic = 0;
  sorted.forEach((x, i) => {
    const f = cdf(x);
    statistic = Math.max(statistic, f - i / n, (i + 1) / n - f);
  });
  const t = Math.sqrt(n) * statistic;
  let p = 0;
  for (let j = 1; j <= 100; j++) p += 2 * (-1) ** (j - 1) * Math.exp(-2 * j * j * t * t);
  return { statistic, p: t < 0.2 ? 1 : Math.min(1, Math.max(0, p)) };
}
