/** @file The exact variance of REINFORCE with each baseline, by enumeration: no sampling, so that baselines can be ranked. */
import type { ArchitectureFixture } from './fixture.ts';
import { choiceOf, type Enumeration, probabilities } from './enumerate.ts';
import { operationCount } from './estimator.ts';

/** Baselines that do not see their own edge's choice, so that (D_e - pi_e) (f(D) - b_e) is unbiased with each. */
export const baselineNames = ['none', 'mean', 'ablation', 'conditional mean', 'best'] as const;
export type BaselineName = (typeof baselineNames)[number];

export interface BaselineReport {
  readonly name: BaselineName;
  /** Root of the summed variances of one sample's components, over the length of the gradient. */
  readonly spread: number;
  /** Forward passes of one architecture that one sample takes. */
  readonly operations: number;
  /** The spread of an estimate that is allowed one forward pass: spread times the root of the operations. */
  readonly spreadAtEqualCost: number;
}

/**
 * Exact spreads on an enumerated space. 'mean' is E[f]; 'ablation' f(D without e); 'conditional mean' E[f | the other edges] (COMA); 'best' the function of
 * the other edges' choices with the least variance of all, E[w f | others] / E[w | others] with w = |D_e - pi_e|^2. Source: Greensmith et al. 2004.
 */
export function baselineSpreads(
  fixture: ArchitectureFixture,
  logits: readonly (readonly number[])[],
  { architectures, losses, changes, gradient, expected }: Enumeration,
): BaselineReport[] {
  const edges = fixture.edges.length;
  const n = fixture.operations;
  const pi = probabilities(logits);
  const squares = Object.fromEntries(baselineNames.map((name) => [name, 0])) as Record<BaselineName, number>;
  for (let a = 0; a < architectures; a++) {
    const chosen = Array.from({ length: edges }, (_, e) => choiceOf(a, e, n));
    const p = chosen.reduce((product, k, e) => product * pi[e * n + k]!, 1);
    const f = losses[a]!;
    for (let e = 0; e < edges; e++) {
      const row = pi.subarray(e * n, (e + 1) * n);
      const lengths = scoreLengths(row);
      const first = a - chosen[e]! * n ** e;
      let mean = 0;
      let weighted = 0;
      let weights = 0;
      for (let k = 0; k < n; k++) {
        const loss = losses[first + k * n ** e]!;
        mean += row[k]! * loss;
        weighted += row[k]! * lengths[k]! * loss;
        weights += row[k]! * lengths[k]!;
      }
      const baselines: Readonly<Record<BaselineName, number>> = {
        none: 0,
        mean: expected,
        ablation: f - changes[e * architectures + a]!,
        'conditional mean': mean,
        best: weights > 0 ? weighted / weights : mean,
      };
      for (const name of baselineNames) squares[name] += p * lengths[chosen[e]!]! * (f - baselines[name]) ** 2;
    }
  }
  const squaredLength = gradient.reduce((s, g) => s + g * g, 0);
  const others = edges * (n - 1);
  const forward: Readonly<Record<BaselineName, number>> = {
    none: 1,
    mean: 1,
    ablation: 1 + edges,
    'conditional mean': 1 + others,
    best: 1 + others,
  };
  return baselineNames.map((name) => {
    const spread = Math.sqrt(Math.max(0, squares[name] - squaredLength) / squaredLength);
    const operations = operationCount({ forward: forward[name], backward: 0, chosenForward: forward[name] }, n);
    return { name, spread, operations, spreadAtEqualCost: spread * Math.sqrt(operations) };
  });
}

/** |onehot_j - pi|^2 by operation j. */
function scoreLengths(row: Float64Array): number[] {
  const total = row.reduce((s, q) => s + q * q, 0);
  return Array.from(row, (q) => 1 - 2 * q + total);
}
