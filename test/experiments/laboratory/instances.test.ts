/** @file Figures over random instances: quantiles, and what holds for every instance. */
import { expect, it } from 'vitest';
import { baselineInstances, edgeInstances, spaceInstances, trapezoidLimits } from '../../../experiments/laboratory/instances.ts';
import { quantile, quantiles } from '../../../experiments/laboratory/quantiles.ts';
import { cpu } from '../../../src/index.ts';

const device = cpu();

it('quantiles are those of NumPy: fixed values', () => {
  // numpy.quantile([3, 1, 2, 10], [0, 0.1, 0.5, 0.9, 1])
  expect([0, 0.1, 0.5, 0.9, 1].map((p) => quantile([3, 1, 2, 10], p))).toEqual([1, 1.3, 2.5, expect.closeTo(7.9, 12), 10]);
  expect(quantiles([1]).median).toBe(1);
  expect(() => quantile([1, NaN], 0.5)).toThrow('NaN');
});

it('the published form is exact for the linear head on one edge, and not in a cell, where tanh operations follow an edge', async () => {
  for (const { gradient, published } of await edgeInstances(device, 'linear', 3)) expect(published).toBeCloseTo(gradient, 12);
  for (const { published, trapezoid } of await spaceInstances(device, 'linear', 3)) {
    expect(published.gap).toBeGreaterThan(0.01);
    expect(trapezoid.gap).toBeGreaterThan(1e-6);
  }
  for (const { published } of await spaceInstances(device, 'tanh', 3)) expect(published.gap).toBeGreaterThan(0.01);
});

it('no baseline spreads less than the best, and at equal operations the mean baseline is ahead of ablation: 2 networks a head', async () => {
  for (const head of ['softmax', 'tanh'] as const) {
    for (const { baselines } of await baselineInstances(device, head, 2)) {
      const of = (name: string): (typeof baselines)[number] => baselines.find((b) => b.name === name)!;
      for (const b of baselines) expect(b.spread).toBeGreaterThanOrEqual(of('best').spread - 1e-12);
      expect(of('mean').spreadAtEqualCost).toBeLessThan(of('ablation').spreadAtEqualCost);
      expect(of('ablation').operations).toBe(7);
      expect(of('conditional mean').operations).toBe(13);
    }
  }
});

it('Gumbel-Rao at temperature 0.02 is at the trapezoid limit and not unbiased: relu head, N = 4,096, seed 1, 95 % intervals', async () => {
  const { limit, estimators } = await trapezoidLimits(device, 'relu', [0.02], 4096);
  const { interval } = estimators.find((e) => e.name.startsWith('Gumbel-Rao'))!;
  expect(interval[0]).toBeLessThan(limit);
  expect(interval[1]).toBeGreaterThan(limit);
  expect(interval[0]).toBeGreaterThan(0.1);
});
