/** @file Shapley's and Banzhaf's values of edges by enumeration of all sets of them. */
import { OptionError } from '../contract/errors.ts';
import { zerosLike, stack } from '../core/composites.ts';
import { noGrad } from '../core/grad-mode.ts';
import { matmul, reshape } from '../core/ops.ts';
import { scope } from '../core/scope.ts';
import type { Tensor } from '../core/tensor.ts';
import type { GatedNetwork } from './gated.ts';
import type { Player } from './players.ts';

/** So many edges or groups are enumerated at most: 2^12 runs. */
export const MAX_PLAYERS = 12;

/** v(S) by set of players (bit p: player p is in), [2^players, samples]; edges of no player stay. */
function coalitionLosses(network: GatedNetwork, players: readonly Player[]): Tensor {
  const owner = new Map(players.flatMap(({ edges }, p) => edges.map((e) => [e, p] as const)));
  const rows = Array.from({ length: 2 ** players.length }, (_, set) =>
    scope(() => {
      const { losses } = network.run((e, o) => {
        const p = owner.get(e);
        return p === undefined || (set >> p) & 1 ? o : zerosLike(o);
      });
      return reshape(losses, [losses.size]);
    }),
  );
  return stack(rows);
}

/** The weight of a set of `size` others in a player's value, among `players`. */
const setWeight = {
  shapley: (size: number, players: number): number => 1 / (players * binomial(players - 1, size)),
  banzhaf: (_size: number, players: number): number => 2 ** (1 - players),
} as const;

function binomial(n: number, k: number): number {
  let out = 1;
  for (let i = 1; i <= k; i++) out = (out * (n - k + i)) / i;
  return out;
}

/** sum over sets S without p of w(|S|) (v(S) - v(S + p)), [wanted, samples]. OptionError for more than `MAX_PLAYERS` players. */
export function coalitionCredits(
  kind: 'shapley' | 'banzhaf',
  network: GatedNetwork,
  wanted: readonly Player[],
  all: readonly Player[],
): Tensor {
  const n = all.length;
  if (n > MAX_PLAYERS)
    throw new OptionError(
      `networkCredits: ${kind} of ${n} edges or groups takes 2^${n} runs; at most ${MAX_PLAYERS} are enumerated`,
    );
  return noGrad(() => {
    const losses = coalitionLosses(network, all);
    const weights = wanted.flatMap(({ edges }) => {
      const p = all.findIndex((other) => other.edges[0] === edges[0]);
      return Array.from({ length: 2 ** n }, (_, set) => {
        const inside = (set >> p) & 1;
        const others = bits(set) - inside;
        return (inside ? -1 : 1) * setWeight[kind](others, n);
      });
    });
    return matmul(losses.device.tensor(weights, [wanted.length, 2 ** n]), losses);
  });
}

function bits(set: number): number {
  let count = 0;
  for (let rest = set; rest; rest &= rest - 1) count++;
  return count;
}
