/**
 * @file Credits of an edge, or of all edges that share one Z, behind one interface. With phi(s) the loss when their output is scaled by s, v(S)
 * the loss of the network whose edges outside S are cut, and N all edges:
 *
 *   taylor       -phi'(1) = -c . O~                        SNAS's R_ij (the article's equation 17)
 *   taylor2      -(phi'(1) - phi''(1) / 2)                 exact where the loss is quadratic in the node
 *   integrated   -int_0^1 phi'(s) ds                       Gauss-Legendre; the ablation credit of a smooth loss as the points grow
 *   joint        -int_0^1 dL/ds_e (s, ..., s) ds           all edges scaled at once: integrated gradients; they sum to v(0) - v(N)
 *   ablation     v(N - e) - v(N) = phi(0) - phi(1)
 *   alone        v(0) - v(e)                               the first marginal; ablation is the last
 *   shapley      mean of v(S) - v(S + e) over all orders   by enumeration of the 2^n sets; they sum to v(0) - v(N)
 *   banzhaf      mean of v(S) - v(S + e) over all sets     by enumeration
 *   conditional  sum_k w_k L(e takes option k) - L         w = probabilities: the counterfactual baseline of COMA
 *   baseline     b_e - L                                   b a number; REINFORCE
 *
 * c = dL/dx_j is the total derivative, all that is downstream included, and a credit is a number: nothing differentiates it. Credits say by how much
 * the edge lowers the loss. Sources: Xie et al., SNAS, ICLR 2019; Sundararajan, Taly and Yan 2017 (joint); Shapley 1953; Banzhaf 1965; Foerster et
 * al., COMA, AAAI 2018.
 */
import { grad } from '../core/autograd.ts';
import { OptionError } from '../contract/errors.ts';
import { enableGrad, noGrad } from '../core/grad-mode.ts';
import { stack, zerosLike } from '../core/composites.ts';
import { add, addAll, alias, detach, mul, neg, reshape, sub, sum } from '../core/ops.ts';
import { scope } from '../core/scope.ts';
import type { Tensor } from '../core/tensor.ts';
import { coalitionCredits } from './coalitions.ts';
import { conditionalMean } from './options.ts';
import { type GatedNetwork, perSample } from './gated.ts';
import { type Player, type PlayerOptions, playersOf } from './players.ts';
import { gaussLegendre } from './quadrature.ts';

export const creditKinds = [
  'taylor',
  'taylor2',
  'integrated',
  'joint',
  'ablation',
  'alone',
  'shapley',
  'banzhaf',
  'conditional',
  'baseline',
] as const;
export type CreditKind = (typeof creditKinds)[number];

export interface CreditOptions extends PlayerOptions {
  /** Points of the integrated credits. Default 8. */
  readonly points?: number;
  /** Weights of the options of a group (`GatedEdge.group`, or the edge's number), for the conditional mean: its probabilities, say. */
  readonly weights?: (group: number) => readonly number[];
  /** b of each edge or group that is asked for. Default 0. */
  readonly baselines?: readonly number[];
}

/**
 * Credits of the given kind, [edges or groups asked for, samples]. A constant: no gradient flows through it. OptionError for an edge or a group
 * that there is not, more players than can be enumerated, or a conditional mean without weights.
 */
export function networkCredits(network: GatedNetwork, kind: CreditKind, options: CreditOptions = {}): Tensor {
  const players = playersOf(network, options);
  return enableGrad(() => scope(() => detach(calculators[kind](network, players, options))));
}

type Calculator = (network: GatedNetwork, players: readonly Player[], options: CreditOptions) => Tensor;

const calculators: Readonly<Record<CreditKind, Calculator>> = {
  taylor: (network, players) => {
    const slopes = slopesAt(network, new Set(players.flatMap(({ edges }) => edges)), 1);
    return noGrad(() => stack(players.map(({ edges }) => neg(sumOf(edges, slopes)))));
  },
  taylor2,
  integrated: (network, players, { points = 8 }) =>
    stack(players.map(({ edges }) => integral(points, (s) => sumOf(edges, slopesAt(network, new Set(edges), s))))),
  joint: (network, players, { points = 8 }) => {
    const all = new Set(network.edges.map((_, e) => e));
    return integral(points, (s) => {
      const slopes = slopesAt(network, all, s);
      return stack(players.map(({ edges }) => sumOf(edges, slopes)));
    });
  },
  ablation: (network, players) =>
    noGrad(() => {
      const whole = lossesWithout(network, () => false);
      return stack(
        players.map(({ edges }) =>
          scope(() =>
            sub(
              lossesWithout(network, (e) => edges.includes(e)),
              whole,
            ),
          ),
        ),
      );
    }),
  alone: (network, players) =>
    noGrad(() => {
      const empty = lossesWithout(network, () => true);
      return stack(
        players.map(({ edges }) =>
          scope(() =>
            sub(
              empty,
              lossesWithout(network, (e) => !edges.includes(e)),
            ),
          ),
        ),
      );
    }),
  shapley: (network, players, options) => coalitionCredits('shapley', network, players, playersOf(network, { by: options.by })),
  banzhaf: (network, players, options) => coalitionCredits('banzhaf', network, players, playersOf(network, { by: options.by })),
  conditional: (network, players, { weights }) => conditionalMean(network, players, weights),
  baseline: (network, players, { baselines }) => {
    if (baselines && baselines.length !== players.length)
      throw new OptionError(
        `networkCredits: ${baselines.length} baselines for ${players.length} edges or groups; give one for each`,
      );
    return noGrad(() => {
      const { losses } = network.run();
      const row = reshape(losses, [losses.size]);
      return stack(players.map((_, i) => sub(baselines?.[i] ?? 0, row)));
    });
  },
};

export interface CreditCostOptions {
  /** Points of the integrated credits. Default 8. */
  readonly points?: number;
  /** Options of a choice. Default 2. */
  readonly options?: number;
}

/** Forward and backward passes of a whole network that a credit takes for this many edges or groups. */
export function creditCost(
  kind: CreditKind,
  players: number,
  { points = 8, options = 2 }: CreditCostOptions = {},
): { readonly forward: number; readonly backward: number } {
  const passes: Readonly<Record<CreditKind, { readonly forward: number; readonly backward: number }>> = {
    taylor: { forward: 1, backward: 1 },
    // A Hessian-vector product differentiates the backward pass, at about the price of two.
    taylor2: { forward: 1, backward: 1 + 2 * players },
    integrated: { forward: points * players, backward: points * players },
    joint: { forward: points, backward: points },
    ablation: { forward: 1 + players, backward: 0 },
    alone: { forward: 1 + players, backward: 0 },
    shapley: { forward: 2 ** players, backward: 0 },
    banzhaf: { forward: 2 ** players, backward: 0 },
    conditional: { forward: 1 + options * players, backward: 0 },
    baseline: { forward: 1, backward: 0 },
  };
  return passes[kind];
}

/** What one recorded run gives: losses, and each asked edge's output as a node of the graph of its own. */
interface Traced {
  readonly losses: Tensor;
  readonly outputs: readonly Tensor[];
}

/** Runs with the given edges' outputs made separate nodes, so that c is the derivative with respect to them. */
export function traceEdges(network: GatedNetwork, edges: readonly number[]): Traced {
  const found = new Map<number, Tensor>();
  const { losses } = network.run((e, output) => {
    if (!edges.includes(e)) return output;
    const separate = alias(output);
    found.set(e, separate);
    return separate;
  });
  return { losses, outputs: edges.map((e) => passed(network, e, found.get(e))) };
}

function passed<T>(network: GatedNetwork, edge: number, found: T | undefined): T {
  if (found !== undefined) return found;
  throw new OptionError(`networkCredits: the network did not pass edge ${edge} (${network.edges[edge]!.name}) to the tap`);
}

/** The losses without the edges that `cut` names, [samples]. */
export function lossesWithout(network: GatedNetwork, cut: (edge: number) => boolean): Tensor {
  const { losses } = network.run((e, o) => (cut(e) ? zerosLike(o) : o));
  return reshape(losses, [losses.size]);
}

/** dL/ds_e by edge, [samples] each, with every edge of the set scaled by the same s. */
function slopesAt(network: GatedNetwork, edges: ReadonlySet<number>, s: number): ReadonlyMap<number, Tensor> {
  const plain = new Map<number, Tensor>();
  const scaled = new Map<number, Tensor>();
  const { losses } = network.run((e, o) => {
    if (!edges.has(e)) return o;
    plain.set(e, o);
    const here = s === 1 ? alias(o) : mul(o, s);
    scaled.set(e, here);
    return here;
  });
  const list = [...edges];
  const cs = grad(
    sum(losses),
    list.map((e) => passed(network, e, scaled.get(e))),
    { unused: 'zeros' },
  );
  return noGrad(() => new Map(list.map((e, i) => [e, perSample(mul(cs[i]!, plain.get(e)!), losses.size)])));
}

function sumOf(edges: readonly number[], rows: ReadonlyMap<number, Tensor>): Tensor {
  return noGrad(() => addAll(edges.map((e) => rows.get(e)!)));
}

/** -int_0^1 slope(s) ds. */
function integral(points: number, slope: (s: number) => Tensor): Tensor {
  const rule = gaussLegendre(points);
  const parts = rule.points.map((s, q) =>
    scope(() => {
      const here = slope(s);
      return noGrad(() => mul(here, rule.weights[q]!));
    }),
  );
  return noGrad(() => neg(parts.reduce((a, b) => add(a, b))));
}

/** By a gate of each player's own, for phi'' of tied edges contains their products. */
function taylor2(network: GatedNetwork, players: readonly Player[]): Tensor {
  const samples = noGrad(() => scope(() => network.run().losses.size));
  const owner = new Map(players.flatMap(({ edges }, p) => edges.map((e) => [e, p] as const)));
  const gates: (Tensor | undefined)[] = [];
  const { losses } = network.run((e, o) => {
    const p = owner.get(e);
    if (p === undefined) return o;
    const gate = (gates[p] ??= alias(o.device.ones([samples])));
    return mul(o, samples === 1 ? gate : reshape(gate, [samples, ...o.shape.slice(1).map(() => 1)]));
  });
  const all = players.map(({ edges }, p) => passed(network, edges[0]!, gates[p]));
  const first = grad(sum(losses), all, { createGraph: true, unused: 'zeros' });
  return stack(
    all.map((gate, p) => {
      const [second] = grad(sum(first[p]!), [gate], { unused: 'zeros' });
      return noGrad(() => neg(sub(first[p]!, mul(second, 0.5))));
    }),
  );
}

/**
 * The cost's share of the credits, -eta Z_ij . C(O_ij) (the article's section 3.1 with equation 16): z [..., e, n], costs [e, n]
 * -> [..., e]. Exact, for the cost is linear in Z.
 */
export function costCredits(z: Tensor, costs: Tensor, eta: number): Tensor {
  return noGrad(() => mul(sum(mul(z, costs), -1), -eta));
}
