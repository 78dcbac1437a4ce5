/** @file The first test to read: a gradient, a second derivative, a scope that leaks nothing, a fused operation. */
import { expect, it } from 'vitest';
import { cpu, grad, mul, scope, softmax, square, sum, withComposites } from '../src/index.ts';

const device = cpu();

it('the gradient of sum x^2 is 2 x', async () => {
  const x = device.tensor([1, -2, 3]);
  const [slope] = grad(sum(square(x)), [x]);
  expect([...(await slope.data())]).toEqual([2, -4, 6]);
});

it('a gradient can be differentiated: the second derivative of x^3 at 5 is 30', async () => {
  const x = device.tensor(5);
  const [first] = grad(mul(x, square(x)), [x], { createGraph: true });
  const [second] = grad(first, [x]);
  expect([await first.item(), await second.item()]).toEqual([75, 30]);
});

it('a scope frees all that it made but what it returns', () => {
  const before = device.memory().tensors;
  const y = scope(() => square(square(device.tensor([1, 2]))));
  expect(device.memory().tensors).toBe(before + 1);
  y.dispose();
  expect(device.memory().tensors).toBe(before);
});

it('a fused operation is its composite: softmax of [0, ln 3] is [1/4, 3/4], by its kernel and by its definition', async () => {
  const x = cpu({ dtype: 'float32' }).tensor([0, Math.log(3)]);
  for (const values of [await softmax(x).data(), await withComposites(() => softmax(x)).data()]) {
    expect(values[0]).toBeCloseTo(1 / 4, 6);
    expect(values[1]).toBeCloseTo(3 / 4, 6);
  }
});
