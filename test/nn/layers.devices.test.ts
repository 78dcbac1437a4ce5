/** @file Layers against PyTorch: values, gradients and gradients of gradients. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  add,
  avgPool2d,
  batchNorm2d,
  conv2d,
  crossEntropy,
  type Device,
  grad,
  logSoftmax,
  maxPool2d,
  mul,
  scope,
  softmax,
  square,
  sum,
  type Tensor,
} from '../../src/index.ts';
import conv from '../golden/conv.json' with { type: 'json' };
import loss from '../golden/loss.json' with { type: 'json' };
import norm from '../golden/norm.json' with { type: 'json' };
import pool from '../golden/pool.json' with { type: 'json' };
import { openDevice } from '../support/device.ts';
import { expectClose, expectNumbers, fill, toleranceOf } from '../support/golden.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

type Pair = readonly [number, number];
const pair = (v: readonly number[]): Pair => [v[0]!, v[1]!];
const pairs = (v: readonly (readonly number[])[]): readonly [Pair, Pair] => [pair(v[0]!), pair(v[1]!)];
const cube = (x: Tensor): Tensor => mul(x, square(x));

describe('conv2d', () => {
  it.each(conv.values)('$name', async (c) => {
    const results = scope(() => {
      const x = fill(device, `conv.${c.name}.x`, c.x);
      const w = fill(device, `conv.${c.name}.w`, c.w);
      const g = fill(device, `conv.${c.name}.g`, c.g);
      const bias = c.gb && fill(device, `conv.${c.name}.b`, [c.w[0]!]);
      const y = conv2d(x, w, {
        stride: pair(c.stride),
        padding: pairs(c.padding),
        dilation: pair(c.dilation),
        groups: c.groups,
        ...(bias && { bias }),
      });
      const first = grad(sum(mul(y, g)), bias ? [x, w, bias] : [x, w], { createGraph: true });
      const second = grad(add(sum(square(first[0])), sum(square(first[1]))), [x, w, g]);
      return { y, first, second };
    });
    const t = toleranceOf(device);
    const [gx, gw, gb] = results.first;
    const [ggx, ggw, ggg] = results.second;
    await expectClose('y', results.y, c.y, t);
    await expectClose('dx', gx, c.gx, t);
    await expectClose('dw', gw, c.gw, t);
    if (c.gb) await expectClose('db', gb!, c.gb, t);
    await expectClose('second order, x', ggx, c.ggx, t);
    await expectClose('second order, w', ggw, c.ggw, t);
    await expectClose('second order, g', ggg, c.ggg, t);
  });
});

interface NormPass {
  readonly training: boolean;
  readonly y: number[];
  readonly gx: number[];
  readonly ggx: number[];
  readonly runningMean: number[];
  readonly runningVar: number[];
  readonly gweight?: number[];
  readonly gbias?: number[];
}

describe('batchNorm2d: two passes in training, one in evaluation', () => {
  it.each(norm.values)('$name', async (c) => {
    const channels = c.shape[1]!;
    const [weight, bias] = scope(() => [
      add(mul(fill(device, `norm.${c.name}.weight`, [channels]), 0.5), 1),
      fill(device, `norm.${c.name}.bias`, [channels]),
    ]);
    const running = device.parameter([...Array<number>(channels).fill(0), ...Array<number>(channels).fill(1)], [2, channels]);
    // Batch norm divides by a standard deviation, so second-order terms cancel more.
    const t = toleranceOf(device, 1e-11, 1e-4);
    const passes: readonly NormPass[] = c.passes;
    for (const [i, pass] of passes.entries()) {
      const results = scope(() => {
        const x = fill(device, `norm.${c.name}.x${i}`, c.shape, 1 + i);
        const g = fill(device, `norm.${c.name}.g${i}`, c.shape);
        const y = batchNorm2d(x, {
          running,
          training: pass.training,
          eps: c.eps,
          momentum: c.momentum,
          ...(c.affine && { weight, bias }),
        });
        const first = grad(sum(mul(y, g)), c.affine ? [x, weight, bias] : [x], { createGraph: true });
        const [ggx] = grad(add(sum(square(first[0])), sum(cube(y))), [x]);
        return { y, first, ggx: ggx };
      });
      await expectClose(`y of pass ${i}`, results.y, pass.y, t);
      await expectClose(`dx of pass ${i}`, results.first[0], pass.gx, t);
      if (pass.gweight) await expectClose(`dweight of pass ${i}`, results.first[1]!, pass.gweight, t);
      if (pass.gbias) await expectClose(`dbias of pass ${i}`, results.first[2]!, pass.gbias, t);
      await expectClose(`second order of pass ${i}`, results.ggx, pass.ggx, t);
      await expectClose(`running statistics after pass ${i}`, running, [...pass.runningMean, ...pass.runningVar], t);
    }
  });
});

describe('pools', () => {
  it.each(pool.values)('$name', async (c) => {
    const options = { stride: pair(c.stride), padding: pair(c.padding), dilation: pair(c.dilation) };
    const { y, gx } = scope(() => {
      const x = fill(device, `pool.${c.name}.x`, c.x);
      const y = c.kind === 'max' ? maxPool2d(x, pair(c.kernel), options) : avgPool2d(x, pair(c.kernel), options);
      const [gx] = grad(sum(mul(y, fill(device, `pool.${c.name}.g`, c.g))), [x]);
      return { y, gx: gx };
    });
    await expectClose('y', y, c.y, toleranceOf(device));
    await expectClose('dx', gx, c.gx, toleranceOf(device));
  });
});

describe('softmax, logSoftmax and crossEntropy', () => {
  it.each(loss.values)('$name', async (c) => {
    const results = scope(() => {
      const x = fill(device, `loss.${c.name}.x`, c.shape, c.scale);
      const value = crossEntropy(x, device.tensor(c.labels), {
        labelSmoothing: c.smoothing,
        reduction: c.reduction === 'sum' ? 'sum' : 'mean',
      });
      const [gx] = grad(value, [x], { createGraph: true });
      const [ggx] = grad(sum(mul(gx, fill(device, `loss.${c.name}.v`, c.shape))), [x]);
      return { value, gx: gx, ggx: ggx, soft: softmax(x), logSoft: logSoftmax(x) };
    });
    const t = toleranceOf(device);
    expectNumbers('loss', [await results.value.item()], [c.loss], t);
    await expectClose('dlogits', results.gx, c.gx, t);
    // p (v - sum p v) with p near 1: a small difference of terms of order 1 / n.
    await expectClose('second order', results.ggx, c.ggx, t, 0.1);
    await expectClose('softmax', results.soft, c.softmax, t);
    await expectClose('logSoftmax', results.logSoft, c.logSoftmax, t);
  });
});

it('the goldens come from PyTorch in double precision and cover the geometry grid', () => {
  expect(conv.torch).toMatch(/^1\.13/);
  expect(conv.values.length).toBeGreaterThanOrEqual(20);
  expect(new Set(conv.values.map((c) => c.name)).size).toBe(conv.values.length);
});
