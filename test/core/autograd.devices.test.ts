/** @file Values and gradients of every registered operation on each device, and the documented subgradients at kinks and ties. */
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import {
  abs,
  avgPool2d,
  batchNorm2d,
  cpu,
  type Device,
  grad,
  max,
  maximum,
  maxPool2d,
  minimum,
  relu,
  softplus,
  sum,
  type Tensor,
} from '../../src/index.ts';
import { checkOperationKernel, operations, type Sample, TRIPWIRE } from '../../src/testing/properties/index.ts';
import regressions from '../regressions.json' with { type: 'json' };
import { openDevice } from '../support/device.ts';

const SEED = 11;
const RUNS = 6;

let device: Device;
beforeAll(async () => {
  // What is under test is float32: on the CPU too.
  device = inject('device') === 'cpu' ? cpu({ dtype: 'float32' }) : await openDevice();
});
afterAll(() => device.destroy());

describe('value and gradient on the device are within the proved bound (n + 4) 2^-23 sum |terms| of float64', () => {
  const above: string[] = [];
  for (const op of operations) {
    it(op.name, async () => {
      const examples = regressions.filter((r) => r.op === op.name).map((r) => r.sample as Sample);
      const { tally, failure } = await checkOperationKernel(op, device, { seed: SEED, runs: RUNS, examples });
      expect(failure?.message).toBeUndefined();
      if (tally.worst > TRIPWIRE) above.push(`${op.name} ${tally.worst.toFixed(1)}`);
    });
  }

  it(`and within ${TRIPWIRE} units of 2^-24 sum |terms|, batch norm's running means apart`, () => {
    // Welford's update adds up one-signed rounding on long channels, for accuracy where the mean is large beside the spread.
    expect(above.filter((name) => !name.startsWith('batchNorm2d'))).toEqual([]);
  });
});

async function gradients(y: Tensor, xs: readonly Tensor[], cotangent?: Tensor): Promise<number[][]> {
  const found = grad(y, xs, cotangent ? { cotangent } : {});
  return Promise.all(found.map(async (g) => Array.from(await g.data())));
}

describe('the documented subgradient at a kink or a tie', () => {
  it("relu'(0) = 0, for -0 too", async () => {
    const x = device.tensor([-1, -0, 0, 1]);
    expect(await gradients(sum(relu(x)), [x])).toEqual([[0, 0, 0, 1]]);
  });

  it("abs'(0) = 0", async () => {
    const x = device.tensor([-2, 0, 2]);
    expect(await gradients(sum(abs(x)), [x])).toEqual([[-1, 0, 1]]);
  });

  it("softplus'(0) = 1/2 and softplus''(0) = 1/4: it has no kink, though it is made of functions that have", async () => {
    const x = device.tensor([0]);
    const [g] = grad(softplus(x), [x], { createGraph: true });
    const [h] = grad(g, [x]);
    expect(await g.item()).toBeCloseTo(0.5, 6);
    expect(await h.item()).toBeCloseTo(0.25, 6);
  });

  it('maximum and minimum give half to each of two equal operands', async () => {
    const a = device.tensor([1, 2, 3]);
    const b = device.tensor([1, 3, 2]);
    expect(await gradients(sum(maximum(a, b)), [a, b])).toEqual([
      [0.5, 0, 1],
      [0.5, 1, 0],
    ]);
    expect(await gradients(sum(minimum(a, b)), [a, b])).toEqual([
      [0.5, 1, 0],
      [0.5, 0, 1],
    ]);
  });

  it('maximum of a tensor with itself has the gradient of the tensor', async () => {
    const a = device.tensor([-1, 0, 2]);
    expect(await gradients(sum(maximum(a, a)), [a])).toEqual([[1, 1, 1]]);
  });

  it('max shares equally among the elements that attain it', async () => {
    const x = device.tensor([
      [4, 4, 1, 4],
      [0, 0, 0, 0],
      [1, 2, 3, -1],
    ]);
    const third = Math.fround(1 / 3);
    const [g] = await gradients(sum(max(x, 1)), [x]);
    expect(g!.map(Math.fround)).toEqual([third, third, 0, third, 0.25, 0.25, 0.25, 0.25, 0, 0, 1, 0]);
  });

  it('maxPool2d gives all to the first maximum of a window, in reading order', async () => {
    const x = device.tensor([5, 5, 0, 0, 5, 5, 0, 0, 1, 1, 2, 3, 1, 1, 3, 3], [1, 1, 4, 4]);
    const y = maxPool2d(x, 2);
    const cotangent = device.tensor([1, 2, 4, 8], [1, 1, 2, 2]);
    expect(await gradients(y, [x], cotangent)).toEqual([[1, 0, 2, 0, 0, 0, 0, 0, 4, 0, 0, 8, 0, 0, 0, 0]]);
  });

  it('maxPool2d never gives gradient to padding, though all of the image is below zero', async () => {
    const x = device.tensor([-3, -2, -4, -9], [1, 1, 2, 2]);
    const y = maxPool2d(x, 3, { stride: 1, padding: 1 });
    expect(Array.from(await y.data())).toEqual([-2, -2, -2, -2]);
    expect(await gradients(sum(y), [x])).toEqual([[0, 4, 0, 0]]);
  });

  it('overlapping pools hand on exactly the gradient that came in, ties or not', async () => {
    const values = Array.from({ length: 2 * 2 * 5 * 5 }, (_, i) => (i * 7) % 3);
    const x = device.tensor(values, [2, 2, 5, 5]);
    for (const y of [maxPool2d(x, 3, { stride: 2, padding: 1 }), maxPool2d(x, 2, { stride: 1 })]) {
      const cotangent = device.tensor(
        Array.from({ length: y.size }, (_, i) => 1 + (i % 5)),
        y.shape,
      );
      const [g] = await gradients(y, [x], cotangent);
      const total = (a: ArrayLike<number>): number => Array.from(a).reduce((p, q) => p + q, 0);
      expect(total(g!)).toBe(total(await cotangent.data()));
    }
    const [g] = await gradients(avgPool2d(x, 3, { stride: 2, padding: 1 }), [x], device.ones([2, 2, 3, 3]));
    expect(g!.reduce((p, q) => p + q, 0)).toBeCloseTo(2 * 2 * 3 * 3, 4);
  });

  it('batch norm of a constant channel gives zeros and a zero gradient, no NaN', async () => {
    const x = device.full([2, 1, 2, 2], 3);
    const y = batchNorm2d(x);
    expect(Array.from(await y.data())).toEqual(Array.from({ length: 8 }, () => 0));
    const cotangent = device.ones([2, 1, 2, 2]);
    const [g] = await gradients(y, [x], cotangent);
    expect(g!.every((v) => Math.abs(v) < 1e-3)).toBe(true);
  });
});
