/**
 * @file The surface term of a loss with kinks, for two, three and four operations, in plain numbers.
 *
 * One place x = base + sum_k Z_k O_k under L = sum_r u_r relu(w_r . x + b_r). c = dL/dx jumps where a unit's phi_r = w_r . x + b_r crosses 0, so
 *
 *   E[score_1 c . O~] = E[c . dO~/dl_1] + sum_r int_{phi_r = 0} (jump of c . O~) (dphi_r/dl_1) / |grad phi_r| f dS,
 *
 * an integral over the surface in the space of the noise's differences D_k = G_k - G_n, of which f is the density. A step of l_1 is one of D_1, so on
 * the line along D_1 the surface is a point D_1*, and the term is int (jump) sign(dphi/dD_1) f(D_1*, D_2, ...) dD_2 ...: of two operations, the sum over
 * kinks of the jump times the logistic density. phi_r is sum_k z_k phi_rk, so that there is one D_1* at most.
 */
import { largestOf } from '../../contract/extremes.ts';
import { OptionError } from '../../contract/errors.ts';
import { compositeRule } from '../quadrature.ts';

export interface SurfaceProblem {
  /** O, [operations][size]. */
  readonly outputs: readonly (readonly number[])[];
  readonly base: readonly number[];
  readonly units: {
    readonly weight: readonly (readonly number[])[];
    readonly bias: readonly number[];
    readonly slope: readonly number[];
  };
  readonly logits: readonly number[];
  readonly temperature: number;
}

export interface SurfaceTerms {
  /** E[c . dO~/dl_1]. */
  readonly path: number;
  /** E[score_1 c . O~]. */
  readonly published: number;
  readonly surface: number;
}

/** How the directions are cut: panels of a width up to a limit, points of each, and halvings towards where the surface leaves. */
const FINE = [
  undefined,
  undefined,
  { limit: 36, width: 1, order: 14, halvings: 0 },
  { limit: 30, width: 1.5, order: 8, halvings: 16 },
  { limit: 18, width: 3, order: 5, halvings: 1 },
];

/** All three, by nested Gauss-Legendre panels. OptionError for fewer than two operations or more than four. */
export function surfaceIdentity({ outputs, base, units, logits, temperature }: SurfaceProblem): SurfaceTerms {
  const n = outputs.length;
  const fine = FINE[n];
  if (!fine) throw new OptionError(`surfaceIdentity: ${n} operations; it is for 2, 3 or 4`);
  const along = (w: readonly number[], x: readonly number[]): number => w.reduce((s, v, i) => s + v * x[i]!, 0);
  // phi_rk = w_r . (base + O_k) + b_r and w_r . O_k.
  const phi = units.weight.map((w, r) => outputs.map((o) => along(w, base) + along(w, o) + units.bias[r]!));
  const inner = units.weight.map((w) => outputs.map((o) => along(w, o)));
  const shift = logits.map((l) => l - logits[n - 1]!);
  const factorial = [1, 1, 1, 2, 6][n]!;
  const density = (d: readonly number[]): number => {
    const top = Math.max(0, largestOf(d.map((v) => -v)));
    const total = Math.exp(-top) + d.reduce((s, v) => s + Math.exp(-v - top), 0);
    return factorial * Math.exp(-d.reduce((a, b) => a + b, 0) - n * (top + Math.log(total)));
  };
  const weightsOf = (d: readonly number[]): number[] => {
    const y = [...d.map((v, k) => (v + shift[k]!) / temperature), 0];
    const top = largestOf(y);
    const e = y.map((v) => Math.exp(v - top));
    const total = e.reduce((a, b) => a + b, 0);
    return e.map((v) => v / total);
  };
  /** exp(y_k) from D_k, for k >= from, and what a unit's phi gets of them, but for a factor. */
  const rest = (r: number, from: number, d: readonly number[]): { value: number; top: number } => {
    const y = [...d.map((v, i) => (v + shift[from + i]!) / temperature), 0];
    const top = largestOf(y);
    return { value: y.reduce((s, v, i) => s + Math.exp(v - top) * phi[r]![from + i]!, 0), top };
  };
  /** Where along D_k, with all later ones given, the part of phi_r from k on is 0. */
  const root = (r: number, k: number, later: readonly number[]): number | undefined => {
    const { value, top } = rest(r, k + 1, later);
    const ratio = -value / phi[r]![k]!;
    return ratio > 0 ? temperature * (top + Math.log(ratio)) - shift[k]! : undefined;
  };
  const uniform: number[] = [];
  for (let t = -fine.limit; t <= fine.limit; t += fine.width) uniform.push(t);
  const cuts = (k: number, later: readonly number[]): number[] =>
    units.weight.flatMap((_, r) => {
      const at = root(r, k, later);
      if (at === undefined || Math.abs(at) > fine.limit) return [];
      // Across the innermost direction the cut is clean; further out the surface leaves through infinity, and what is left falls as a power.
      const near = k === 0 ? [] : Array.from({ length: fine.halvings }, (_u, h) => 2 ** -h).flatMap((v) => [at - v, at + v]);
      return [at, ...near];
    });
  const total = { path: 0, published: 0, surface: 0 };
  const walk = (k: number, later: readonly number[], weight: number): void => {
    if (k === 0) {
      units.weight.forEach((_, r) => {
        const d1 = root(r, 0, later);
        if (d1 === undefined || Math.abs(d1) > fine.limit) return;
        const z = weightsOf([d1, ...later]);
        // At the root the mean of phi is 0, so it grows with Z_1, and with D_1, where phi_1 > 0.
        total.surface += weight * units.slope[r]! * along(z, inner[r]!) * Math.sign(phi[r]![0]!) * density([d1, ...later]);
      });
    }
    const rule = compositeRule([...uniform, ...cuts(k, later)], fine.order);
    rule.points.forEach((d, q) => {
      const here = [d, ...later];
      const w = weight * rule.weights[q]!;
      if (k > 0) {
        walk(k - 1, here, w);
        return;
      }
      const p = w * density(here);
      if (p < 1e-22) return;
      const z = weightsOf(here);
      let cost = 0;
      let first = 0;
      units.weight.forEach((_, r) => {
        if (along(z, phi[r]!) <= 0) return;
        cost += units.slope[r]! * along(z, inner[r]!);
        first += units.slope[r]! * inner[r]![0]!;
      });
      const minus = here.map((v) => -v);
      const top = Math.max(0, largestOf(minus));
      const sum = Math.exp(-top) + minus.reduce((s, v) => s + Math.exp(v - top), 0);
      total.published += p * (1 - (n * Math.exp(minus[0]! - top)) / sum) * cost;
      total.path += (p * z[0]! * (first - cost)) / temperature;
    });
  };
  walk(n - 2, [], 1);
  return total;
}
