/** @file Gauss-Legendre quadrature, on one interval and on a union of panels. */
import { OptionError } from '../contract/errors.ts';

export interface Quadrature {
  readonly points: readonly number[];
  readonly weights: readonly number[];
}

const rules = new Map<number, Quadrature>();

/**
 * The m-point Gauss-Legendre rule on [0, 1], exact for polynomials up to degree 2m - 1. Nodes are the roots of the Legendre
 * polynomial P_m, by Newton's method from Tricomi's estimate; weights 1 / ((1 - t^2) P_m'(t)^2) for t in [-1, 1].
 */
export function gaussLegendre(m: number): Quadrature {
  if (!Number.isInteger(m) || m < 1) throw new OptionError(`gaussLegendre: ${m} points; an integer >= 1 is needed`);
  const known = rules.get(m);
  if (known) return known;
  const points: number[] = [];
  const weights: number[] = [];
  for (let i = m; i >= 1; i--) {
    let t = Math.cos((Math.PI * (i - 0.25)) / (m + 0.5));
    let slope = 0;
    for (let iteration = 0; iteration < 100; iteration++) {
      const [value, derivative] = legendre(m, t);
      slope = derivative;
      const step = value / derivative;
      t -= step;
      if (Math.abs(step) < 1e-16) break;
    }
    [, slope] = legendre(m, t);
    points.push((1 + t) / 2);
    weights.push(1 / ((1 - t * t) * slope * slope));
  }
  const rule = { points, weights };
  rules.set(m, rule);
  return rule;
}

/** P_m(t) and its derivative, by the three-term recurrence. */
function legendre(m: number, t: number): [number, number] {
  let before = 1;
  let value = t;
  for (let k = 2; k <= m; k++) [before, value] = [value, ((2 * k - 1) * t * value - (k - 1) * before) / k];
  if (m === 1) return [t, 1];
  return [value, (m * (t * value - before)) / (t * t - 1)];
}

/** A composite rule: `order` points on each panel between neighbouring breaks, which are sorted here; empty panels are skipped. */
export function compositeRule(breaks: readonly number[], order: number): Quadrature {
  const sorted = [...new Set(breaks)].sort((a, b) => a - b);
  const rule = gaussLegendre(order);
  const points: number[] = [];
  const weights: number[] = [];
  for (let p = 0; p + 1 < sorted.length; p++) {
    const from = sorted[p]!;
    const width = sorted[p + 1]! - from;
    rule.points.forEach((t, q) => {
      points.push(from + t * width);
      weights.push(rule.weights[q]! * width);
    });
  }
  return { points, weights };
}

/** Sum of weights times values, compensated (Neumaier), so that thousands of terms lose nothing. */
export function weightedSum(weights: ArrayLike<number>, values: ArrayLike<number>): number {
  let total = 0;
  let lost = 0;
  for (let i = 0; i < weights.length; i++) {
    const term = weights[i]! * values[i]!;
    const next = total + term;
    lost += Math.abs(total) >= Math.abs(term) ? total - next + term : term - next + total;
    total = next;
  }
  return total + lost;
}
