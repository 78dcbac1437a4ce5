/** @file Every architecture of a small space: the exact objective, its exact gradient, and the same from ablation credits. */
import { largestOf } from '../../contract/extremes.ts';
import { OptionError } from '../../contract/errors.ts';
import { noGrad } from '../../core/grad-mode.ts';
import { neg } from '../../core/ops.ts';
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
  /** Loss by architecture; architecture a has operation floor(a / n^e) mod n on edge e. */
  readonly losses: Float64Array;
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

/** Evaluates all architectures, at most 4,096. */
export async function enumerate(fixture: ArchitectureFixture, logits: readonly (readonly number[])[]): Promise<Enumeration> {
  const edges = fixture.edges.length;
  const n = fixture.operations;
  const architectures = n ** edges;
  if (architectures > MAX_ARCHITECTURES) {
    throw new OptionError(
      `enumerate: ${n} operations on ${edges} edges are ${architectures} architectures; at most ${MAX_ARCHITECTURES}`,
    );
  }
  const pi = probabilities(logits);
  const losses = new Float64Array(architectures);
  const sums = {
    gradient: new Float64Array(edges * n),
    ablation: new Float64Array(edges * n),
    taylor: new Float64Array(edges * n),
  };
  let expected = 0;
  const choice = (a: number, e: number): number => Math.floor(a / n ** e) % n;
  for (let start = 0; start < architectures; start += BATCH) {
    const size = Math.min(BATCH, architectures - start);
    const hot = new Float64Array(size * edges * n);
    for (let r = 0; r < size; r++) for (let e = 0; e < edges; e++) hot[(r * edges + e) * n + choice(start + r, e)] = 1;
    const found = scope(() => {
      const network = fixture.network(fixture.device.tensor(hot, [size, edges, n]));
      const ablation = noGrad(() => neg(networkCredits(network, 'ablation')));
      const taylor = noGrad(() => neg(networkCredits(network, 'taylor')));
      return { loss: noGrad(() => network.run().losses), ablation, taylor };
    });
    const [loss, ablation, taylor] = await Promise.all([found.loss.data(), found.ablation.data(), found.taylor.data()]);
    for (const t of Object.values(found)) t.dispose();
    for (let r = 0; r < size; r++) {
      let p = 1;
      for (let e = 0; e < edges; e++) p *= pi[e * n + choice(start + r, e)]!;
      losses[start + r] = loss[r]!;
      expected += p * loss[r]!;
      for (let e = 0; e < edges; e++) {
        for (let k = 0; k < n; k++) {
          const score = p * ((choice(start + r, e) === k ? 1 : 0) - pi[e * n + k]!);
          sums.gradient[e * n + k]! += score * loss[r]!;
          sums.ablation[e * n + k]! += score * ablation[e * size + r]!;
          sums.taylor[e * n + k]! += score * taylor[e * size + r]!;
        }
      }
    }
  }
  return { architectures, expected, gradient: sums.gradient, ablationGradient: sums.ablation, taylorGradient: sums.taylor, losses };
}
