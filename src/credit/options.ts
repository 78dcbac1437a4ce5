/** @file Credits that look at single options: R^k of each, and baselines that average over what an edge might have chosen. */
import { grad } from '../core/autograd.ts';
import { OptionError } from '../contract/errors.ts';
import { stack } from '../core/composites.ts';
import { enableGrad, noGrad } from '../core/grad-mode.ts';
import { add, alias, broadcastTo, detach, mul, neg, reshape, sub, sum } from '../core/ops.ts';
import { scope } from '../core/scope.ts';
import type { Tensor } from '../core/tensor.ts';
import type { GatedNetwork } from './gated.ts';
import { type Player, type PlayerOptions, playersOf } from './players.ts';

/**
 * R^k = -c . O_k = -dL/dZ_k of every option, one tensor [samples, options] for each edge or group (of a group: summed over its edges). With
 * R = sum_k Z_k R^k the pathwise gradient of an edge is dL/dl_k = -(Z_k / temperature)(R^k - R): options whose credit is above the edge's
 * average are raised. One forward and one backward pass for all.
 */
export function optionCredits(network: GatedNetwork, options: PlayerOptions = {}): Tensor[] {
  const players = playersOf(network, options);
  return enableGrad(() =>
    scope(() => {
      const rows = new Map<number, Tensor>();
      const wanted = new Set(players.flatMap(({ edges }) => edges));
      const { losses } = network.run(undefined, (e, row) => {
        if (!wanted.has(e)) return row;
        const own = alias(row);
        rows.set(e, own);
        return own;
      });
      const list = [...wanted];
      const slopes = grad(
        sum(losses),
        list.map((e) => rowOf(network, e, rows)),
        { unused: 'zeros' },
      );
      const byEdge = new Map(list.map((e, i) => [e, slopes[i]!]));
      return noGrad(() =>
        players.map(({ edges }) => {
          const total = edges.map((e) => byEdge.get(e)!).reduce((a, b) => add(a, b));
          return detach(reshape(neg(total), [losses.size, total.size / losses.size]));
        }),
      );
    }),
  );
}

function rowOf(network: GatedNetwork, edge: number, rows: ReadonlyMap<number, Tensor>): Tensor {
  const row = rows.get(edge);
  if (row) return row;
  throw new OptionError(
    `networkCredits: the network did not pass the row of Z of edge ${edge} (${network.edges[edge]!.name}) to the row tap, which credits by option need`,
  );
}

/** sum_k w_k L(the player's edges take option k) - L, [players, samples]: one forward pass for each option of each player. */
export function conditionalMean(
  network: GatedNetwork,
  players: readonly Player[],
  weights: ((group: number) => readonly number[]) | undefined,
): Tensor {
  if (!weights)
    throw new OptionError('networkCredits: the conditional mean needs weights of the options, by group: its probabilities');
  return noGrad(() => {
    const { losses } = network.run();
    const size = losses.size;
    const rows = players.map(({ group, edges }) => {
      const w = weights(group);
      const total = w.reduce((a, b) => a + b, 0);
      if (!(Math.abs(total - 1) < 1e-6))
        throw new OptionError(`networkCredits: the weights of group ${group} sum to ${total}; they must sum to 1`);
      return w.map((weight, k) =>
        scope(() => {
          const found = new Map<number, Tensor>();
          const run = network.run(undefined, (e, row) => {
            if (!edges.includes(e)) return row;
            found.set(e, row);
            return oneHotLike(row, k, w.length);
          });
          for (const e of edges) rowOf(network, e, found);
          return mul(reshape(sub(run.losses, losses), [size]), weight);
        }),
      );
    });
    return stack(rows.map((parts) => parts.reduce((a, b) => add(a, b))));
  });
}

function oneHotLike(row: Tensor, option: number, options: number): Tensor {
  if (row.shape.at(-1) !== options) {
    throw new OptionError(`networkCredits: ${options} weights for a row of ${row.shape.at(-1)} options; give one for each`);
  }
  const hot = row.device.tensor(Array.from({ length: options }, (_, k) => (k === option ? 1 : 0)));
  return broadcastTo(hot, row.shape);
}

/**
 * Weights for which the conditional mean is the baseline of least variance among all that do not see the edge's own choice: w_k in proportion to
 * pi_k |e_k - pi|^2, the probability times the squared length of the score. It minimises E[|score|^2 (L - b)^2] given all other edges.
 */
export function leastVarianceWeights(probabilities: readonly number[]): number[] {
  const length = probabilities.reduce((s, p) => s + p * p, 0);
  const raw = probabilities.map((p) => p * (length - 2 * p + 1));
  const total = raw.reduce((a, b) => a + b, 0);
  // A choice that is certain has no score, so any weights will do.
  return total > 0 ? raw.map((v) => v / total) : [...probabilities];
}

/**
 * The best baseline that is one number: E[|score|^2 L] / E[|score|^2] over samples, where score is that of the edge's own choice. `squared` has
 * |score|^2 and `losses` L of each sample; `probabilities` weighs the samples, by default equally. 0 where no score is.
 */
export function bestConstantBaseline(
  squared: ArrayLike<number>,
  losses: ArrayLike<number>,
  probabilities?: ArrayLike<number>,
): number {
  let above = 0;
  let below = 0;
  for (let i = 0; i < losses.length; i++) {
    const w = (probabilities?.[i] ?? 1) * squared[i]!;
    above += w * losses[i]!;
    below += w;
  }
  return below > 0 ? above / below : 0;
}
