/** @file Statistics of vector-valued samples: means with standard errors, covariance, chi-square and Student intervals. */
import { OptionError } from '../contract/errors.ts';
import { compositeRule, weightedSum } from './quadrature.ts';

/** Mean and covariance of vectors that arrive in batches, updated stably (Chan, Golub and LeVeque). */
export class VectorMoments {
  readonly size: number;
  count = 0;
  readonly mean: Float64Array;
  /** Sums of products of deviations, row-major [size, size]. */
  readonly #products: Float64Array;

  constructor(size: number) {
    this.size = size;
    this.mean = new Float64Array(size);
    this.#products = new Float64Array(size * size);
  }

  /** Adds rows: flat, row-major [rows, size]. */
  add(rows: ArrayLike<number>): void {
    const { size } = this;
    const n = rows.length / size;
    if (!Number.isInteger(n)) throw new OptionError(`VectorMoments: ${rows.length} numbers are not rows of ${size}`);
    if (n === 0) return;
    const centre = new Float64Array(size);
    for (let r = 0; r < n; r++) for (let i = 0; i < size; i++) centre[i]! += rows[r * size + i]! / n;
    const total = this.count + n;
    const share = (this.count * n) / total;
    const shift = centre.map((m, i) => m - this.mean[i]!);
    const deviation = new Float64Array(size);
    for (let r = 0; r < n; r++) {
      for (let i = 0; i < size; i++) deviation[i] = rows[r * size + i]! - centre[i]!;
      for (let i = 0; i < size; i++) {
        const d = deviation[i]!;
        for (let j = i; j < size; j++) this.#products[i * size + j]! += d * deviation[j]!;
      }
    }
    for (let i = 0; i < size; i++) {
      for (let j = i; j < size; j++) this.#products[i * size + j]! += shift[i]! * shift[j]! * share;
      this.mean[i]! += (shift[i]! * n) / total;
    }
    this.count = total;
  }

  covariance(i: number, j: number): number {
    return this.#products[Math.min(i, j) * this.size + Math.max(i, j)]! / (this.count - 1);
  }

  /** Standard error of each mean. */
  standardErrors(): Float64Array {
    return this.mean.map((_, i) => Math.sqrt(this.covariance(i, i) / this.count));
  }

  /** Whether a component varies by more than the rounding of its own mean. */
  #varies(i: number): boolean {
    return Math.sqrt(this.covariance(i, i)) > 1e-12 * Math.abs(this.mean[i]!);
  }

  /** Square root of the sum of the variances: the spread of one sample, as a length. */
  spread(): number {
    let total = 0;
    for (let i = 0; i < this.size; i++) total += this.covariance(i, i);
    return Math.sqrt(total);
  }

  /** (mean - expected) / standard error for each component; one that does not vary has 0 or infinity. */
  zScores(expected: ArrayLike<number>): Float64Array {
    const errors = this.standardErrors();
    return this.mean.map((m, i) => {
      const difference = m - expected[i]!;
      if (this.#varies(i)) return difference / errors[i]!;
      return isRounding(difference, expected[i]!) ? 0 : Infinity;
    });
  }

  /**
   * Hotelling's statistic of mean - expected over the given components, chi-square with `degrees` degrees of freedom for many samples, and its
   * p-value. Components that do not vary, or that the others determine, take no degree of freedom: there the mean must be what is expected, to
   * rounding, or else the statistic is infinite and p is 0. p is 1 where nothing varies and all is as expected, NaN where a mean is.
   */
  chiSquare(expected: ArrayLike<number>, components: readonly number[]): ChiSquare {
    const varying: number[] = [];
    for (const i of components) {
      const difference = this.mean[i]! - expected[i]!;
      if (Number.isNaN(difference)) return { statistic: NaN, degrees: 0, p: NaN };
      if (this.#varies(i)) varying.push(i);
      else if (!isRounding(difference, expected[i]!)) return { statistic: Infinity, degrees: 0, p: 0 };
    }
    const errors = varying.map((i) => Math.sqrt(this.covariance(i, i) / this.count));
    const correlation = varying.map((i, a) =>
      varying.map((j, b) => this.covariance(i, j) / this.count / (errors[a]! * errors[b]!)),
    );
    const z = varying.map((i, a) => (this.mean[i]! - expected[i]!) / errors[a]!);
    const { statistic, degrees } = whitenedSquares(correlation, z);
    return { statistic, degrees, p: degrees === 0 && statistic === 0 ? 1 : chiSquareTail(statistic, degrees) };
  }
}

export interface ChiSquare {
  readonly statistic: number;
  /** Degrees of freedom: the rank of the components' covariance. */
  readonly degrees: number;
  readonly p: number;
}

/** Whether a difference from an expected value that nothing explains is of the order of rounding. */
function isRounding(difference: number, expected: number): boolean {
  return Math.abs(difference) <= 1e-12 * (1 + Math.abs(expected));
}

const SINGULAR = 1e-10;

/** z' C^-1 z of a correlation matrix by Cholesky's factorisation with pivots, which stops at the rank of C. */
function whitenedSquares(
  correlation: readonly (readonly number[])[],
  z: readonly number[],
): { readonly statistic: number; readonly degrees: number } {
  const c = correlation.map((row) => [...row]);
  const rest = [...z];
  const open = new Set(z.keys());
  let statistic = 0;
  let degrees = 0;
  while (open.size > 0) {
    const pivot = [...open].reduce((best, i) => (c[i]![i]! > c[best]![best]! ? i : best));
    const left = c[pivot]![pivot]!;
    if (left < SINGULAR) {
      // What the components before determine must be as they say, in standard errors and up to their rounding.
      return [...open].some((i) => Math.abs(rest[i]!) > 1e-3) ? { statistic: Infinity, degrees } : { statistic, degrees };
    }
    open.delete(pivot);
    const y = rest[pivot]! / Math.sqrt(left);
    statistic += y * y;
    degrees++;
    for (const i of open) {
      const l = c[i]![pivot]! / left;
      rest[i]! -= l * rest[pivot]!;
      for (const j of open) c[i]![j]! -= l * c[pivot]![j]!;
    }
  }
  return { statistic, degrees };
}

/** P(chi-square with k degrees of freedom > x), by the series or the continued fraction of the incomplete gamma function. */
export function chiSquareTail(x: number, k: number): number {
  if (x <= 0) return 1;
  if (x === Infinity) return 0;
  const a = k / 2;
  const t = x / 2;
  const front = Math.exp(a * Math.log(t) - t - logGamma(a));
  if (t < a + 1) {
    let term = 1 / a;
    let total = term;
    for (let n = 1; n < 10_000 && term > total * 1e-16; n++) {
      term *= t / (a + n);
      total += term;
    }
    return Math.max(0, 1 - front * total);
  }
  // Lentz's method.
  const tiny = 1e-300;
  let b = t + 1 - a;
  let c = 1 / tiny;
  let d = 1 / b;
  let h = d;
  for (let i = 1; i < 10_000; i++) {
    const an = -i * (i - a);
    b += 2;
    d = 1 / (an * d + b || tiny);
    c = b + an / c || tiny;
    h *= d * c;
    if (Math.abs(d * c - 1) < 1e-15) break;
  }
  return front * h;
}

/** log Gamma(x) for x > 0, Stirling's series after shifting x above 12. */
export function logGamma(x: number): number {
  let shift = 0;
  while (x < 12) shift -= Math.log(x++);
  const r = 1 / (x * x);
  return (
    shift + (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r / 1680))) / x
  );
}

export interface Interval {
  readonly n: number;
  readonly mean: number;
  /** Bounds of the 95 % interval of the mean, by Student's distribution; equal to the mean for one value. */
  readonly low: number;
  readonly high: number;
}

export interface IntervalOptions {
  /** What a mean can be at all, smallest and largest: an accuracy lies in [0, 1]. The interval is cut there. Default: any number. */
  readonly range?: readonly [number, number];
}

/** Mean and 95 % Student interval of independent values. */
export function interval(values: readonly number[], { range = [-Infinity, Infinity] }: IntervalOptions = {}): Interval {
  const n = values.length;
  if (n === 0) throw new OptionError('interval: no values');
  const { mean, standardError } = meanAndError(values);
  if (n === 1) return { n, mean, low: mean, high: mean };
  const half = studentQuantile(0.975, n - 1) * standardError;
  return { n, mean, low: Math.max(range[0], mean - half), high: Math.min(range[1], mean + half) };
}

/** Mean of independent values and its standard error; the error of one value is not known, and given as 0. */
export function meanAndError(values: readonly number[]): { readonly mean: number; readonly standardError: number } {
  const n = values.length;
  const mean = values.reduce((a, b) => a + b, 0) / n;
  const variance = n === 1 ? 0 : values.reduce((s, v) => s + (v - mean) ** 2, 0) / (n - 1);
  return { mean, standardError: Math.sqrt(variance / n) };
}

/** Quantiles that were computed, for an interval asks for the same one again and again. */
const quantiles = new Map<string, number>();

/** Quantile of Student's t distribution for p in (0.5, 1), by bisection of the integrated density. */
export function studentQuantile(p: number, degrees: number): number {
  const name = `${p} ${degrees}`;
  const known = quantiles.get(name) ?? bisectQuantile(p, degrees);
  quantiles.set(name, known);
  return known;
}

function bisectQuantile(p: number, degrees: number): number {
  let low = 0;
  let high = 1e6;
  for (let i = 0; i < 200 && high - low > 1e-12 * high; i++) {
    const middle = (low + high) / 2;
    if (1 - studentTail(middle, degrees) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** P(T > t) of Student's distribution: with t = sqrt(d) tan(u) the density becomes a power of the cosine on a finite range. */
export function studentTail(t: number, degrees: number): number {
  if (t < 0) return 1 - studentTail(-t, degrees);
  if (t === Infinity) return 0;
  const front = Math.exp(logGamma((degrees + 1) / 2) - logGamma(degrees / 2)) / Math.sqrt(Math.PI);
  const start = Math.atan(t / Math.sqrt(degrees));
  // The tail itself is integrated, and not 1 less the rest, so that small p-values keep their digits; beyond the point where the cosine's
  // power is below 1e-17 of what it is at the start there is nothing.
  const shrinks = degrees > 1 ? Math.acos(Math.cos(start) * 1e-17 ** (1 / (degrees - 1))) : Math.PI / 2;
  const end = Math.min(Math.PI / 2, shrinks);
  const step = (end - start) / 8;
  const rule = compositeRule(
    Array.from({ length: 9 }, (_, i) => (i === 8 ? end : start + i * step)),
    24,
  );
  return (
    front *
    weightedSum(
      rule.weights,
      rule.points.map((u) => Math.cos(u) ** (degrees - 1)),
    )
  );
}
