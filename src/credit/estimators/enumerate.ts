/** @file Every architecture of a small space: the exact objective, its exact gradient, and the same from credits and in limits. */
import { largestOf } from '../../contract/extremes.ts';
import { NonFiniteError, OptionError } from '../../contract/errors.ts';
import { grad } from '../../core/autograd.ts';
import { enableGrad, noGrad } from '../../core/grad-mode.ts';
import { alias, neg, sum } from '../../core/ops.ts';
import { scope } from '../../core/scope.ts';
import { networkCredits } from '../credits.ts';
import type { ArchitectureFixture } from './fixture.ts';

const BATCH = 512;
export const MAX_ARCHITECTURES = 4096;

export interface Enumeration {
  /** The number of architectures, operations ^ edges. */
  readonly architectures: number;
  /** E[f(D)] with D_e ~ softmax(l_e), independently. */
  readonly expected: number;
  /** dE[f]/dl = E[(D - pi) f], flat [edges, operations]. */
  readonly gradient: Float64Array;
  /** E[(D_e - pi_e) (f(D) - f(D without edge e))]: equal to the gradient, because the second term does not depend on D_e. */
  readonly ablationGradient: Float64Array;
  /** E[(D_e - pi_e) c . O~_e]: the published form at one-hot Z, first order and so not equal. */
  readonly taylorGradient: Float64Array;
  /**
   * What the straight-through, Gumbel-Rao and ReinMax estimators tend to as the temperature falls: the trapezoid rule,
   * sum_l pi_k pi_l (f'(k) + f'(l)) . (e_k - e_l) / 2 over the other edges' choices, exact for quadratic f alone. Source: Liu et al. 2023.
   */
  readonly trapezoidGradient: Float64Array;
  /** Loss by architecture; architecture a has operation floor(a / n^e) mod n on edge e. */
  readonly losses: Float64Array;
  /** f(D) - f(D without edge e), flat [edges, architectures]. */
  readonly changes: Float64Array;
}

/** Probabilities of each edge's operations, flat [edges, operations]. */
export function probabilities(logits: readonly (readonly number[])[]): Float64Array {
  return Float64Array.from(
    logits.flatMap((row) => {
      const top = largestOf(row);
      const e = row.map((l) => Math.exp(l - top));
      const total = e.reduce((a, b) => a + b, 0);
      return e.map((v) => v / total);
    }),
  );
}

/** The operation that architecture `a` of an enumeration has on an edge. */
export function choiceOf(architecture: number, edge: number, operations: number): number {
  return Math.floor(architecture / operations ** edge) % operations;
}

/** Evaluates all architectures, at most 4,096. NonFiniteError names those whose loss is NaN or infinite. */
export async function enumerate(fixture: ArchitectureFixture, logits: readonly (readonly number[])[]): Promise<Enumeration> {
  const edges = fixture.edges.length;
  const n = fixture.operations;
  const architectures = n ** edges;
  if (architectures > MAX_ARCHITECTURES) {
    throw new OptionError(
      `enumerate: ${n} operations on ${edges} edges are ${architectures} architectures; at most ${MAX_ARCHITECTURES}`,
    );
  }
  if (logits.length !== edges || logits.some((row) => row.length !== n)) {
    throw new OptionError(`enumerate: the logits have ${logits.length} rows; ${edges} rows of ${n} are needed`);
  }
  const pi = probabilities(logits);
  const losses = new Float64Array(architectures);
  const changes = new Float64Array(edges * architectures);
  const sums = {
    gradient: new Float64Array(edges * n),
    ablation: new Float64Array(edges * n),
    taylor: new Float64Array(edges * n),
    trapezoid: new Float64Array(edges * n),
  };
  let expected = 0;
  for (let start = 0; start < architectures; start += BATCH) {
    const size = Math.min(BATCH, architectures - start);
    const { loss, ablation, taylor, slope } = await evaluate(fixture, start, size);
    for (let r = 0; r < size; r++) {
      const a = start + r;
      const chosen = Array.from({ length: edges }, (_, e) => choiceOf(a, e, n));
      const p = chosen.reduce((product, k, e) => product * pi[e * n + k]!, 1);
      losses[a] = loss[r]!;
      expected += p * loss[r]!;
      for (let e = 0; e < edges; e++) {
        const j = chosen[e]!;
        const slopes = slope.subarray((r * edges + e) * n, (r * edges + e + 1) * n);
        changes[e * architectures + a] = ablation[e * size + r]!;
        for (let k = 0; k < n; k++) {
          const score = p * ((j === k ? 1 : 0) - pi[e * n + k]!);
          sums.gradient[e * n + k]! += score * loss[r]!;
          sums.ablation[e * n + k]! += score * ablation[e * size + r]!;
          sums.taylor[e * n + k]! += score * taylor[e * size + r]!;
          // Half of the step between j and k at this end of it; the architecture with k on the edge adds the other half.
          const half = 0.5 * p * pi[e * n + k]! * (slopes[j]! - slopes[k]!);
          sums.trapezoid[e * n + j]! += half;
          sums.trapezoid[e * n + k]! -= half;
        }
      }
    }
  }
  refuseNonFinite(fixture, losses);
  return {
    architectures,
    expected,
    gradient: sums.gradient,
    ablationGradient: sums.ablation,
    taylorGradient: sums.taylor,
    trapezoidGradient: sums.trapezoid,
    losses,
    changes,
  };
}

interface Evaluated {
  /** [size]. */
  readonly loss: ArrayLike<number>;
  /** f(D) - f(D without e) and c . O~_e, [edges, size]. */
  readonly ablation: ArrayLike<number>;
  readonly taylor: ArrayLike<number>;
  /** df/dZ, [size, edges, operations]. */
  readonly slope: { subarray(start: number, end: number): ArrayLike<number> };
}

async function evaluate(fixture: ArchitectureFixture, start: number, size: number): Promise<Evaluated> {
  const edges = fixture.edges.length;
  const n = fixture.operations;
  const hot = new Float64Array(size * edges * n);
  for (let r = 0; r < size; r++) for (let e = 0; e < edges; e++) hot[(r * edges + e) * n + choiceOf(start + r, e, n)] = 1;
  const found = enableGrad(() =>
    scope(() => {
      const z = alias(fixture.device.tensor(hot, [size, edges, n]));
      const network = fixture.network(z);
      const { losses } = network.run();
      const [slope] = grad(sum(losses), [z], { unused: 'zeros' });
      return noGrad(() => ({
        loss: alias(losses),
        ablation: neg(networkCredits(network, 'ablation')),
        taylor: neg(networkCredits(network, 'taylor')),
        slope,
      }));
    }),
  );
  const [loss, ablation, taylor, slope] = await Promise.all([
    found.loss.data(),
    found.ablation.data(),
    found.taylor.data(),
    found.slope.data(),
  ]);
  for (const t of Object.values(found)) t.dispose();
  return { loss, ablation, taylor, slope };
}

const NAMED = 3;

function refuseNonFinite(fixture: ArchitectureFixture, losses: Float64Array): void {
  const bad = Array.from(losses.keys()).filter((a) => !Number.isFinite(losses[a]));
  if (bad.length === 0) return;
  const named = bad.slice(0, NAMED).map((a) => {
    const chosen = fixture.edges.map((edge, e) => `operation ${choiceOf(a, e, fixture.operations)} on ${edge.name}`);
    return `${chosen.join(', ')} (${losses[a]})`;
  });
  throw new NonFiniteError(
    `enumerate: ${bad.length} of ${losses.length} architectures have a loss that is not finite: ${named.join('; ')}` +
      `${bad.length > NAMED ? ` and ${bad.length - NAMED} more` : ''}. Leave the operation out or take a head that is finite there`,
  );
}
