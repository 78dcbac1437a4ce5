/** @file Constants that the library keeps are bounded and counted; scalars of a call leave nothing behind. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  add,
  avgPool2d,
  batchNorm2d,
  capture,
  cpu,
  type Device,
  div,
  grad,
  maximum,
  mul,
  scope,
  sub,
  sum,
  type Tensor,
  where,
} from '../../src/index.ts';
import { oneHotArgmax } from '../../src/distributions/index.ts';
import { openDevice } from '../support/device.ts';

const devices: Device[] = [];
beforeAll(async () => {
  devices.push(await openDevice(), cpu({ dtype: 'float32' }));
});
afterAll(() => devices.forEach((device) => device.destroy()));

it('a thousand products with different numbers outside a scope leave the products alone, and nothing once those are freed', () => {
  for (const device of devices) {
    const x = device.tensor([1, 2, 3]);
    const c = device.tensor([0, 1, 0]);
    // Fills what is kept for good.
    for (let i = 0; i < 300; i++) mul(x, 1000 + i).dispose();
    const operations: readonly ((v: number) => Tensor)[] = [
      (v) => mul(x, v),
      (v) => add(v, x),
      (v) => sub(x, v),
      (v) => div(v, x),
      (v) => maximum(x, v),
      (v) => where(c, v, x),
      (v) => device.full([3], v),
    ];
    for (const operation of operations) {
      const before = device.memory().tensors;
      const made = Array.from({ length: 1000 }, (_, i) => operation(i / 7 + 0.1));
      expect(device.memory().tensors - before).toBe(1000);
      for (const t of made) t.dispose();
      expect(device.memory().tensors).toBe(before);
    }
  }
});

it('gradients of operations with numbers are right after the numbers have gone', async () => {
  for (const device of devices) {
    const x = device.tensor([1, -2]);
    for (let i = 0; i < 300; i++) mul(x, 2000 + i).dispose();
    const y = add(sum(mul(x, 0.123)), add(sum(div(0.5, x)), sum(maximum(x, -0.77))));
    const [g] = grad(y, [x]);
    const expected = [0.123 - 0.5 + 1, 0.123 - 0.125];
    for (const [i, v] of (await g.data()).entries()) expect(v).toBeCloseTo(expected[i]!, 5);
  }
});

it('memory is steady over pools of ten thousand sizes, and over one-hots and batch norms of many', () => {
  for (const device of devices) {
    const sizes = device.kind === 'webgpu' ? 400 : 10_000;
    const run = (i: number): void =>
      scope(() => {
        avgPool2d(device.zeros([1, 1, 3 + (i % 100), 3 + Math.floor(i / 100)]), 2, { padding: 1, stride: 1 });
        if (i % 10 === 0) oneHotArgmax(device.zeros([2 + i / 10]));
        if (i % 50 === 0) batchNorm2d(device.ones([2, 1 + i / 50, 2, 1]), { running: device.zeros([2, 1 + i / 50]) });
      });
    for (let i = 0; i < sizes / 2; i++) run(i);
    const middle = device.memory();
    for (let i = sizes / 2; i < sizes; i++) run(i);
    const end = device.memory();
    expect(end.constants).toBeLessThanOrEqual(256 + 64);
    expect(end.constantBytes).toBeLessThanOrEqual(256 * 8 + 4 * 2 ** 20);
    expect(end.tensors - middle.tensors).toBeLessThanOrEqual(64);
    expect(end.bytes - middle.bytes).toBeLessThanOrEqual(4 * 2 ** 20);
    expect(end.buffers - middle.buffers).toBeLessThanOrEqual(64);
  }
});

it('a constant larger than the bound is used and not kept, and one that is evicted is whole for graphs and captured steps', async () => {
  const device = cpu();
  const n = 2 ** 20;
  const made = (name: string, length: number): Tensor =>
    device.constant(name, () => ({ data: new Float64Array(length).fill(3), shape: [length] }));
  const large = made('large', n);
  expect(device.memory().constantBytes).toBeLessThan(2 ** 20);
  expect((await large.data())[n - 1]).toBe(3);
  large.dispose();
  const x = device.tensor([1, 2]);
  const y = sum(mul(x, made('small', 2)));
  const step = capture((t: Tensor) => mul(t, made('in a step', 2)));
  expect([...(await step(x).data())]).toEqual([3, 6]);
  for (let i = 0; i < 200; i++) scope(() => void made(`other ${i}`, 1));
  const [g] = grad(y, [x]);
  expect([...(await g.data())]).toEqual([3, 3]);
  expect([...(await step(x).data())]).toEqual([3, 6]);
  device.destroy();
});

it('0 and -0 are two numbers', async () => {
  for (const device of devices) {
    const one = device.tensor([1]);
    mul(one, 0);
    expect([...(await div(one, -0).data()), ...(await div(one, 0).data()), ...(await div(one, -0).data())]).toEqual([
      -Infinity,
      Infinity,
      -Infinity,
    ]);
  }
});
