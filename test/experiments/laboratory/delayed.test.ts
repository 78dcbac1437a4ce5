/** @file Credit under delayed reward: closed forms of TD, its relatives, the exact gradient of a deep chain, the LSTM and RUDDER. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { enumerate } from '../../../src/credit/index.ts';
import {
  chainValue,
  criticGradient,
  deepChain,
  episodesToShare,
  exactValues,
  learnWatchRepair,
  Lstm,
  monteCarloEpisode,
  pathOf,
  unequalLogits,
  Rudder,
  sweepsToReach,
  tdLambdaEpisode,
  treeEpisodes,
  chainEpisodes,
  treeSize,
  watchEpisode,
} from '../../../experiments/laboratory/index.ts';
import { cpu, foldIn, grad, key, normal, scope, square, sum, uniforms } from '../../../src/index.ts';

const device = cpu();

it('TD(0) on a chain has the value R P(Bin(m, a) >= d) after m episodes, to 1e-12', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 90 }),
      fc.integer({ min: -50, max: 50 }),
      (depth, episodes, percent, reward) => {
        const rate = percent / 100;
        const values = new Float64Array(depth + 1);
        const path = pathOf(Array<number>(depth).fill(0), 1);
        for (let m = 0; m < episodes; m++) tdLambdaEpisode(values, path, reward, rate, 0);
        for (let s = 0; s < depth; s++) {
          const closed = chainValue(reward, rate, episodes, depth - s);
          expect(Math.abs(values[s]! - closed)).toBeLessThan(1e-12 * Math.max(1, Math.abs(reward)));
        }
      },
    ),
    { seed: 1, numRuns: 200 },
  );
});

it('the binomial tail itself: fixed values of P(Bin(10, 0.1) >= d) from tables', () => {
  expect(chainValue(1, 0.1, 10, 1)).toBeCloseTo(0.6513215599, 10);
  expect(chainValue(1, 0.1, 10, 2)).toBeCloseTo(0.2639010709, 10);
  expect(chainValue(1, 0.1, 10, 11)).toBe(0);
});

it('the first state has half its value after 37, 77, 157, 317 episodes for T = 4, 8, 16, 32; TD(0.9) after 9, 13, 21, 37; Monte Carlo after 7', () => {
  const at = (lambda: number): number[] => [4, 8, 16, 32].map((T) => episodesToShare(T, 0.1, lambda));
  expect(at(0)).toEqual([37, 77, 157, 317]);
  expect(at(0.9)).toEqual([9, 13, 21, 37]);
  expect(at(1)).toEqual([7, 7, 7, 7]);
});

it('the first correction of the first state has size a^T, and with synchronous sweeps it comes after exactly T', () => {
  for (const depth of [1, 2, 5, 9]) {
    expect(sweepsToReach(depth, 0.1)).toBe(depth);
    expect(chainValue(1, 0.1, depth, depth)).toBeCloseTo(0.1 ** depth, 14);
    expect(chainValue(1, 0.1, depth - 1, depth)).toBe(0);
  }
});

it('TD(lambda) is TD(0) at 0 and Monte Carlo at 1, to 1e-12, on random trees and rewards', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 1e6 }),
      (depth, actions, seed) => {
        const size = treeSize(actions, depth);
        const [zero, plain, one, mc] = Array.from({ length: 4 }, () => new Float64Array(size)) as [
          Float64Array,
          Float64Array,
          Float64Array,
          Float64Array,
        ];
        for (let m = 0; m < 30; m++) {
          const u = uniforms(foldIn(key(seed), m), depth + 1);
          const path = pathOf(
            Array.from(u.subarray(0, depth), (v) => Math.floor(v * actions)),
            actions,
          );
          const reward = 4 * u[depth]! - 2;
          tdLambdaEpisode(zero, path, reward, 0.2, 0);
          for (let t = 0; t < depth; t++) {
            const next = t + 1 === depth ? reward : plain[path[t + 1]!]!;
            plain[path[t]!] = 0.8 * plain[path[t]!]! + 0.2 * next;
          }
          tdLambdaEpisode(one, path, reward, 0.2, 1);
          monteCarloEpisode(mc, path, reward, 0.2);
        }
        for (let s = 0; s < size; s++) {
          expect(Math.abs(zero[s]! - plain[s]!)).toBeLessThan(1e-12);
          expect(Math.abs(one[s]! - mc[s]!)).toBeLessThan(1e-12);
        }
      },
    ),
    { seed: 2, numRuns: 60 },
  );
});

it('episodes grow linearly on a chain and exponentially on a tree for TD(0), and stay for Monte Carlo', () => {
  const td = chainEpisodes([4, 8, 16, 32], 0.1)
    .filter((r) => r.method === 'TD(0)')
    .map((r) => r.episodes.mean);
  for (let i = 1; i < td.length; i++) expect(td[i]! / td[i - 1]!).toBeLessThan(2);
  const tree = treeEpisodes([2, 3, 4, 5], 3, 0.1, 2, 50_000);
  const of = (method: string): number[] => tree.filter((r) => r.method === method).map((r) => r.episodes.mean);
  const growth = of('TD(0)');
  for (let i = 1; i < growth.length; i++) expect(growth[i]! / growth[i - 1]!).toBeGreaterThan(2);
  expect(Math.max(...of('Monte Carlo'))).toBeLessThan(100);
});

it('the exact gradient of a deep chain by moments is the enumerated one, and that of an exact critic, to 1e-12', async () => {
  const depth = 5;
  const chain = deepChain(device, { depth });
  const logits = unequalLogits(depth, 3);
  const enumerated = await enumerate(chain, logits);
  const { expected, gradient } = await chain.exact(logits);
  expect(Math.abs(expected - enumerated.expected)).toBeLessThan(1e-12);
  expect(Math.max(...gradient.map((g, i) => Math.abs(g - enumerated.gradient[i]!)))).toBeLessThan(1e-12);
  const pi = logits.map((row) => {
    const total = row.reduce((s, l) => s + Math.exp(l), 0);
    return row.map((l) => Math.exp(l) / total);
  });
  const process = {
    depth,
    actions: 3,
    reward: (c: readonly number[]) => enumerated.losses[c.reduce((at, a, t) => at + a * 3 ** t, 0)]!,
  };
  const values = exactValues(process, pi);
  expect(Math.abs(values[0]! - expected)).toBeLessThan(1e-12);
  const critic = criticGradient(process, pi, (s, _c, a) => values[3 * s + a + 1]!);
  expect(Math.max(...critic.map((g, i) => Math.abs(g - gradient[i]!)))).toBeLessThan(1e-12);
});

for (const [forgetGate, outputGate] of [
  [false, false],
  [true, true],
] as const) {
  it(`the LSTM's gradients are central differences to 1e-7, ${forgetGate ? 'with' : 'without'} forget and output gates`, async () => {
    const lstm = new Lstm(device, { inputs: 3, units: 4, key: key(1), forgetGate, outputGate });
    const x = normal(device, key(2), [5, 2, 3]);
    const loss = (): ReturnType<typeof sum> => sum(square(lstm.forward(x)));
    const gradients = scope(() => grad(loss(), lstm.parameters));
    for (const [i, p] of lstm.parameters.entries()) {
      const analytic = await gradients[i]!.data();
      const start = await p.data();
      for (const at of [0, Math.floor(p.size / 2), p.size - 1]) {
        const h = 1e-5;
        const value = async (by: number): Promise<number> => {
          const moved = new Lstm(device, { inputs: 3, units: 4, key: key(1), forgetGate, outputGate });
          const data = Float64Array.from(start);
          data[at]! += by;
          device.backend.write(moved.parameters[i]!.storage.handle, data);
          const y = scope(() => sum(square(moved.forward(x))));
          return y.item();
        };
        expect(Math.abs(((await value(h)) - (await value(-h))) / (2 * h) - analytic[at]!)).toBeLessThan(1e-7);
      }
    }
  });
}

it("RUDDER's redistributed rewards sum to the return, to 1e-12, trained or not; training lessens its error", async () => {
  const lessons = Array.from({ length: 64 }, (_, i) => watchEpisode(key(i), i % 4, 0, 8));
  const rudder = new Rudder(device, { inputs: 8, key: key(1), returnScale: 10, batch: 32 });
  const check = async (): Promise<void> => {
    const rewards = await rudder.redistribute(lessons);
    rewards.forEach((r, i) => expect(Math.abs(r.reduce((a, b) => a + b, 0) - lessons[i]!.return)).toBeLessThan(1e-12));
  };
  await check();
  const before = await rudder.trainStep(lessons);
  for (let i = 0; i < 250; i++) await rudder.trainStep(lessons);
  expect(await rudder.trainStep(lessons)).toBeLessThan(0.3 * before);
  await check();
});

it('watch repair, 10 steps, seeds 1 to 3: RUDDER needs fewer episodes than TD(0) and than Monte Carlo, on average', async () => {
  const mean = async (method: 'RUDDER' | 'TD(0)' | 'MC'): Promise<number> => {
    let total = 0;
    for (const seed of [1, 2, 3]) total += (await learnWatchRepair(device, method, seed, { steps: 10, limit: 15_000 })).episodes;
    return total / 3;
  };
  const rudder = await mean('RUDDER');
  expect(rudder).toBeLessThan(await mean('TD(0)'));
  expect(rudder).toBeLessThan(await mean('MC'));
}, 120_000);
