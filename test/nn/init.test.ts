/** @file Initialisers: PyTorch's bounds by its own fans and gains, and a uniform distribution within them. */
import { describe, expect, it } from 'vitest';
import { cpu, key } from '../../src/index.ts';
import { Conv2d, defaultBound, kaimingBound, Linear, uniformParameter, xavierBound } from '../../src/nn/index.ts';
import golden from '../golden/training.json' with { type: 'json' };
import { kolmogorovSmirnov } from '../support/statistics.ts';

const device = cpu({ dtype: 'float64' });

describe.each(golden.values.initialisers)('$name', ({ shape, default: bound, kaiming, xavier }) => {
  it('has the bounds of kaiming_uniform (a = sqrt 5, and for ReLU) and of xavier_uniform', () => {
    expect(Math.abs(defaultBound(shape) / bound - 1)).toBeLessThan(1e-14);
    expect(Math.abs(kaimingBound(shape) / kaiming - 1)).toBeLessThan(1e-14);
    expect(Math.abs(xavierBound(shape) / xavier - 1)).toBeLessThan(1e-14);
  });
});

const uniformWithin =
  (bound: number) =>
  (x: number): number =>
    (x + bound) / (2 * bound);

it('a parameter is uniform in (-bound, bound): KS (N = 65,536, seed 1, p > 1e-3), and never reaches the bound', async () => {
  const data = await uniformParameter(device, key(1), [256, 256], 0.3).data();
  expect(kolmogorovSmirnov(data, uniformWithin(0.3)).p).toBeGreaterThan(1e-3);
  expect(kolmogorovSmirnov(data, uniformWithin(0.31)).p).toBeLessThan(1e-6);
  expect(data.every((v) => Math.abs(v) < 0.3)).toBe(true);
});

it('convolution and linear layers draw weight and bias within 1 / sqrt(fan in): KS (N = 18,432 and 4,096, p > 1e-3)', async () => {
  const conv = new Conv2d(device, key(2), 32, 64, 3);
  const depthwise = new Conv2d(device, key(3), 16, 16, 5, { groups: 16 });
  const linear = new Linear(device, key(4), 64, 64);
  for (const [tensor, fanIn] of [
    [conv.weight, 32 * 9],
    [conv.bias!, 32 * 9],
    [depthwise.weight, 25],
    [linear.weight, 64],
    [linear.bias!, 64],
  ] as const) {
    expect(kolmogorovSmirnov(await tensor.data(), uniformWithin(1 / Math.sqrt(fanIn))).p).toBeGreaterThan(1e-3);
  }
});

it('different layers and different keys give different weights, the same key the same', async () => {
  const draw = async (seed: number): Promise<number[]> => Array.from(await new Linear(device, key(seed), 4, 4).weight.data());
  expect(await draw(1)).toEqual(await draw(1));
  expect(await draw(1)).not.toEqual(await draw(2));
});
