/** @file Credits by option and baselines that average over options, against enumeration. */
import { expect, it } from 'vitest';
import {
  bestConstantBaseline,
  dagFixture,
  enumerate,
  leastVarianceWeights,
  networkCredits,
  optionCredits,
  placeNetwork,
  probabilities,
} from '../../src/credit/index.ts';
import { alias, cpu, grad, gumbel, key, mul, neg, normal, scope, softmax, sum, type Tensor } from '../../src/index.ts';
import { withBatchStatistics } from '../../src/snas/child/evaluation.ts';
import { chain, networkContext, SearchSpace } from '../../src/snas/index.ts';
import { tiedNetwork } from '../support/tied-network.ts';

const device = cpu();
const n = 3;
const fixture = dagFixture(device, { head: 'softmax', nodes: 2, operations: n });
const edges = fixture.edges.length;
const logits = fixture.edges.map((_, e) => Array.from({ length: n }, (_u, k) => 0.5 * Math.cos(1.7 * e + 2.3 * k)));
const pi = probabilities(logits);
const row = (e: number): number[] => Array.from(pi.slice(e * n, (e + 1) * n));

async function values(t: Tensor): Promise<number[]> {
  const out = Array.from(await t.data());
  t.dispose();
  return out;
}

/** All architectures as one batch [27, edges, n], their probabilities, and the option that each takes of an edge. */
const count = n ** edges;
const option = (a: number, e: number): number => Math.floor(a / n ** e) % n;
const hot = device.tensor(
  Array.from({ length: count * edges * n }, (_, i) =>
    Number(option(Math.floor(i / (edges * n)), Math.floor(i / n) % edges) === i % n),
  ),
  [count, edges, n],
);
const weight = Array.from({ length: count }, (_, a) => fixture.edges.reduce((p, _e, e) => p * row(e)[option(a, e)]!, 1));

/** E[(D - pi) credit-as-loss] and the summed variance, from credits [edges, architectures]. */
function gradientOf(credits: readonly number[]): { mean: number[]; variance: number } {
  const mean = Array.from({ length: edges * n }, () => 0);
  let square = 0;
  for (let a = 0; a < count; a++) {
    for (let e = 0; e < edges; e++) {
      for (let k = 0; k < n; k++) {
        const term = -credits[e * count + a]! * (Number(option(a, e) === k) - row(e)[k]!);
        mean[e * n + k]! += weight[a]! * term;
        square += weight[a]! * term * term;
      }
    }
  }
  return { mean, variance: square - mean.reduce((s, v) => s + v * v, 0) };
}

it('sum_k Z_k R^k is R, and dL/dl_k = -(Z_k / temperature)(R^k - R), by edge and by group, 1e-12', async () => {
  const temperature = 0.4;
  const l = alias(device.tensor(logits.flat(), [1, edges, n]));
  const z = softmax(mul(l, 1 / temperature));
  const network = fixture.network(z);
  const byOption = optionCredits(network);
  const taylor = await values(networkCredits(network, 'taylor'));
  const [slope] = grad(sum(network.run().losses), [l]);
  const [zs, slopes] = [await z.data(), await slope.data()];
  for (let e = 0; e < edges; e++) {
    const r = await values(byOption[e]!);
    const mixed = r.reduce((s, v, k) => s + zs[e * n + k]! * v, 0);
    expect(Math.abs(mixed - taylor[e]!)).toBeLessThan(1e-12);
    r.forEach((v, k) => expect(Math.abs(slopes[e * n + k]! + (zs[e * n + k]! / temperature) * (v - mixed))).toBeLessThan(1e-12));
  }
  const tied = tiedNetwork(device, { seed: 5, groups: [0, 1, 0], loss: 'quadratic', activation: 'tanh' }).at([
    [0.3, 0.7],
    [0.6, 0.4],
  ]);
  const places = await Promise.all(optionCredits(tied).map(values));
  const groups = await Promise.all(optionCredits(tied, { by: 'group' }).map(values));
  groups[0]!.forEach((v, k) => expect(Math.abs(v - places[0]![k]! - places[2]![k]!)).toBeLessThan(1e-12));
});

it('the conditional mean is the mean loss over what the edge might have chosen, minus the loss, and gives the enumerated gradient, 1e-12', async () => {
  const network = fixture.network(hot);
  const losses = await values(scope(() => network.run().losses));
  const credits = await values(networkCredits(network, 'conditional', { weights: row }));
  for (let a = 0; a < count; a++) {
    for (let e = 0; e < edges; e++) {
      const base = a - option(a, e) * n ** e;
      const mean = row(e).reduce((s, p, k) => s + p * losses[base + k * n ** e]!, 0);
      expect(Math.abs(credits[e * count + a]! - (mean - losses[a]!))).toBeLessThan(1e-13);
    }
  }
  const exact = await enumerate(fixture, logits);
  gradientOf(credits).mean.forEach((v, i) => expect(Math.abs(v - exact.gradient[i]!)).toBeLessThan(1e-13));
});

it('of the baselines that do not see the own choice none has less variance than the conditional mean with the least-variance weights, nor of numbers than the best one', async () => {
  const network = fixture.network(hot);
  const of = async (weights: (e: number) => number[]): Promise<number> =>
    gradientOf(await values(networkCredits(network, 'conditional', { weights }))).variance;
  const least = await of((e) => leastVarianceWeights(row(e)));
  expect(least).toBeLessThan(await of(row));
  // To second order around its minimum, any other weights are worse.
  for (const step of [0.05, -0.05])
    expect(least).toBeLessThan(await of((e) => leastVarianceWeights(row(e)).map((w, k) => w + step * [1, -1, 0][k]!)));
  const losses = await values(scope(() => network.run().losses));
  const baselines = fixture.edges.map((_, e) =>
    bestConstantBaseline(
      losses.map((_l, a) => row(e).reduce((s, p, k) => s + (Number(option(a, e) === k) - p) ** 2, 0)),
      losses,
      weight,
    ),
  );
  const constant = async (b: readonly number[]): Promise<{ mean: number[]; variance: number }> =>
    gradientOf(await values(networkCredits(network, 'baseline', { baselines: b })));
  const best = await constant(baselines);
  const exact = await enumerate(fixture, logits);
  best.mean.forEach((v, i) => expect(Math.abs(v - exact.gradient[i]!)).toBeLessThan(1e-13));
  for (const step of [0.05, -0.05]) expect(best.variance).toBeLessThan((await constant(baselines.map((b) => b + step))).variance);
  expect(least).toBeLessThan(best.variance);
});

it('what is missing or does not fit is refused: weights, their sum, their number, baselines, and a network that passes no rows', () => {
  const network = fixture.network(hot);
  expect(() => networkCredits(network, 'conditional')).toThrow(/needs weights of the options/);
  expect(() => networkCredits(network, 'conditional', { weights: () => [0.5, 0.25, 0] })).toThrow(
    /group 0 sum to 0.75; they must sum to 1/,
  );
  expect(() => networkCredits(network, 'conditional', { weights: () => [0.5, 0.5] })).toThrow(/2 weights for a row of 3 options/);
  expect(() => networkCredits(network, 'baseline', { baselines: [1] })).toThrow(/1 baselines for 3 edges/);
  const silent = { edges: network.edges, run: (tap?: Parameters<typeof network.run>[0]) => network.run(tap) };
  expect(() => optionCredits(silent)).toThrow(/did not pass the row of Z of edge 0 \(0-1\)/);
  expect(() => networkCredits(silent, 'conditional', { weights: row })).toThrow(/did not pass the row of Z of edge 0/);
});

it("on a search space: R^k summed by Z is the place's credit, and the conditional mean with a one-hot row and all weight on its option is 0", async () => {
  const space = new SearchSpace(
    chain({ channels: 2, layers: 2 }),
    networkContext(device, key(1), { shape: [1, 8, 8], classes: 3 }),
  );
  const batch = { images: normal(device, key(2), [4, 1, 8, 8]), labels: device.tensor([0, 1, 2, 1]) };
  const z = space.layout.matrices.map((_, m) => softmax(gumbel(device, key(3 + m), space.layout.shape(m))));
  await withBatchStatistics(space.network, async () => {
    const network = placeNetwork(space, z, batch);
    const taylor = await values(networkCredits(network, 'taylor'));
    const rows = await Promise.all(space.layout.rows(z).map(values));
    const byOption = await Promise.all(optionCredits(network).map(values));
    network.edges.forEach(({ group }, e) => {
      const mixed = byOption[e]!.reduce((s, v, k) => s + v * rows[group!]![k]!, 0);
      expect(Math.abs(mixed - taylor[e]!)).toBeLessThan(1e-10);
    });
    const hotRows = space.layout.choices.map(({ options }) => options.map((_, k) => Number(k === 1)));
    const fixed = placeNetwork(space, space.layout.upload(device, space.layout.toMatrices(hotRows)), batch);
    for (const v of await values(neg(networkCredits(fixed, 'conditional', { weights: (g) => hotRows[g]! }))))
      expect(Math.abs(v)).toBeLessThan(1e-12);
  });
});
