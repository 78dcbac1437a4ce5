/**
 * @file Two ways to integrate over Z that share no formula: over the noise, and over Z with the Concrete density.
 *
 * Noise. With E_k = e^-G_k, exponential numbers of mean 1, Z_k is in proportion to (alpha_k / E_k)^(1/temperature), and u = E / sum E is uniform on
 * the simplex (Dirichlet with all parameters 1): so an expectation over the noise is one over u, in stick-breaking coordinates u_1 = v_1,
 * u_2 = (1 - v_1) v_2, ..., v_j ~ Beta(1, n - j).
 *
 * Density. p(z) = (n - 1)! temperature^(n-1) prod_k alpha_k z_k^(-temperature-1) / (sum_k alpha_k z_k^-temperature)^n, in coordinates
 * y_k = log z_k - log z_n, of which the volume element is prod_k z_k (Maddison, Mnih and Teh 2017).
 *
 * For two operations both are Gauss-Legendre panels, between kinks where there are any; for three and four, without kinks, trapezoid rules on the
 * whole space, which converge exponentially.
 */
import { largestOf } from '../../contract/extremes.ts';
import { OptionError } from '../../contract/errors.ts';
import { compositeRule } from '../quadrature.ts';

/** Points over the noise: -log u, which is G up to a number that Z does not see, and weights with the density in them. */
export interface NoiseRule {
  /** [points][operations]. */
  readonly noise: readonly (readonly number[])[];
  /** u itself, [points][operations]: the score is 1 - n u. */
  readonly uniform: readonly (readonly number[])[];
  readonly weights: readonly number[];
}

/** Points of the simplex, with weights without the density. */
export interface SimplexRule {
  /** log z, [points][operations]. */
  readonly logZ: readonly (readonly number[])[];
  /** dy prod_k z_k. */
  readonly volumes: readonly number[];
}

/** How fine: the step of the trapezoid rules, and how small a weight is left out, as its logarithm. */
interface Fineness {
  readonly step: number;
  readonly reach: number;
}

/** By the number of operations: to rounding for two, to about 1e-8 for three and 1e-4 for four; finer below temperature 1. */
function fineness(operations: number, temperature: number): Fineness {
  const found = [undefined, undefined, { step: 0, reach: 0 }, { step: 0.5, reach: 24 }, { step: 0.7, reach: 16 }][operations];
  if (!found) throw new OptionError(`derivation: ${operations} operations; the quadrature is for 2, 3 or 4`);
  return { ...found, step: found.step * Math.min(1, temperature) };
}

/** log(1 + e^t) without overflow. */
const softplus = (t: number): number => Math.max(t, 0) + Math.log1p(Math.exp(-Math.abs(t)));

/** Points of a lattice of step h, as multiples, for which `cost` is at most `reach`. */
function lattice(dimensions: number, h: number, reach: number, cost: (t: readonly number[]) => number): number[][] {
  const half = Math.ceil(reach / h);
  let found: number[][] = [[]];
  for (let d = 0; d < dimensions; d++) {
    found = found.flatMap((t) =>
      Array.from({ length: 2 * half + 1 }, (_, i) => [...t, (i - half) * h]).filter((next) => cost(next) <= reach),
    );
  }
  return found;
}

/**
 * The rule over the noise. `kinks` (two operations only): values of log z_1 - log z_2 where an integrand has a kink or jumps, at these logits
 * and this temperature.
 */
export function noiseRule(
  operations: number,
  logits: readonly number[],
  temperature: number,
  kinks: readonly number[] = [],
): NoiseRule {
  const n = operations;
  const { step, reach } = fineness(n, temperature);
  // v_j = 1 - (1 - w_j)^(1 / (n - j)) for a uniform w_j, w_j = logistic(t_j): t has a logistic density in each coordinate.
  const points =
    n === 2
      ? panels(
          kinks.map((y) => -(temperature * y - (logits[0]! - logits[1]!))),
          36,
          0.8,
          14,
        )
      : lattice(n - 1, step, reach, (t) => t.reduce((s, v) => s + Math.abs(v), 0)).map((t) => ({ t, weight: step ** (n - 1) }));
  const rows = points.map(({ t, weight }) => {
    const logU: number[] = [];
    let left = 0;
    let density = weight;
    t.forEach((v, j) => {
      density *= Math.exp(-softplus(v) - softplus(-v));
      // 1 - w = logistic(-t), and what is left of the stick is (1 - w)^(1 / (n - 1 - j)).
      const stick = -softplus(v) / (n - 1 - j);
      logU.push(left + Math.log(-Math.expm1(stick)));
      left += stick;
    });
    logU.push(left);
    return { logU, density };
  });
  return {
    noise: rows.map(({ logU }) => logU.map((v) => -v)),
    uniform: rows.map(({ logU }) => logU.map(Math.exp)),
    weights: rows.map(({ density }) => density),
  };
}

/** The rule over the simplex, for densities near these logits. */
export function simplexRule(
  operations: number,
  logits: readonly number[],
  temperature: number,
  kinks: readonly number[] = [],
): SimplexRule {
  const n = operations;
  const { step, reach } = fineness(n, temperature);
  const at = (t: readonly number[]): number[] => t.map((d, k) => (d + logits[k]! - logits[n - 1]!) / temperature);
  const points =
    n === 2
      ? panels(
          kinks.map((y) => temperature * y - (logits[0]! - logits[1]!)),
          40,
          0.75,
          14,
        )
      : lattice(n - 1, step * 0.93, reach, (t) => {
          // -log of the density of differences of Gumbels, but for a constant; of the first few, the least that the others can make of it.
          const largest = Math.max(0, largestOf(t.map((v) => -v)));
          return t.reduce((total, v) => total + v, 0) + (t.length + 1) * largest;
        }).map((t) => ({ t, weight: (step * 0.93) ** (n - 1) }));
  const rows = points.map(({ t, weight }) => {
    const y = [...at(t), 0];
    const top = largestOf(y);
    const total = top + Math.log(y.reduce((s, v) => s + Math.exp(v - top), 0));
    const logZ = y.map((v) => v - total);
    // dy = dt / temperature^(n-1).
    return { logZ, volume: (weight / temperature ** (n - 1)) * Math.exp(logZ.reduce((s, v) => s + v, 0)) };
  });
  return { logZ: rows.map((r) => r.logZ), volumes: rows.map((r) => r.volume) };
}

/** p(z) from log z. */
export function concreteDensity(logZ: readonly number[], logits: readonly number[], temperature: number): number {
  const n = logZ.length;
  const terms = logZ.map((v, k) => logits[k]! - temperature * v);
  const top = largestOf(terms);
  const total = top + Math.log(terms.reduce((s, v) => s + Math.exp(v - top), 0));
  let value = (n - 1) * Math.log(temperature) - n * total;
  for (let k = 0; k < n; k++) value += Math.log(Math.max(1, k)) + logits[k]! - (temperature + 1) * logZ[k]!;
  return Math.exp(value);
}

function panels(breaks: readonly number[], limit: number, width: number, order: number): { t: number[]; weight: number }[] {
  const all = breaks.filter((b) => Math.abs(b) < limit);
  for (let t = -limit; t <= limit; t += width) all.push(t);
  const rule = compositeRule(all, order);
  return rule.points.map((t, i) => ({ t: [t], weight: rule.weights[i]! }));
}

/** The derivative of f at 0 from four values of it, to order 4: (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12 h, improved once by half the step. */
export function derivativeAtZero(f: (h: number) => number, step = 0.02): number {
  const fourth = (h: number): number => (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h);
  return (16 * fourth(step / 2) - fourth(step)) / 15;
}
