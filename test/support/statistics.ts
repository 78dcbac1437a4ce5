/** @file Moments and p-values for tests of random numbers: chi-square, Kolmogorov-Smirnov, normal. */

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

/** P(X > x) for X chi-square with the given degrees of freedom: the upper regularised incomplete gamma function. */
export function chiSquareTail(x: number, degrees: number): number {
  const a = degrees / 2;
  const z = x / 2;
  if (z <= 0) return 1;
  const scale = Math.exp(a * Math.log(z) - z - logGamma(a));
  if (z < a + 1) {
    let term = 1 / a;
    let total = term;
    for (let n = 1; term > total * 1e-16; n++) total += term *= z / (a + n);
    return 1 - scale * total;
  }
  // Legendre's continued fraction by Lentz's method.
  let b = z + 1 - a;
  let c = 1e300;
  let d = 1 / b;
  let h = d;
  for (let n = 1; n < 10_000; n++) {
    const an = -n * (n - a);
    b += 2;
    d = 1 / (an * d + b);
    c = b + an / c;
    const factor = d * c;
    h *= factor;
    if (Math.abs(factor - 1) < 1e-15) break;
  }
  return scale * h;
}

/** log Gamma(a) for a a positive multiple of 1/2, by recurrence from Gamma(1) = 1 and Gamma(1/2) = sqrt(pi). */
function logGamma(a: number): number {
  let total = Number.isInteger(a) ? 0 : Math.log(Math.PI) / 2;
  for (let x = Number.isInteger(a) ? 1 : 0.5; x < a; x++) total += Math.log(x);
  return total;
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
