/** @file Hessian-vector products: exact, leak-free, and differentiable again. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Device, grad, hvp, mul, scope, square, sum, type Tensor } from '../../../src/index.ts';
import { openDevice } from '../../support/device.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => {
  device.destroy();
});

const quartic = (x: Tensor): Tensor => sum(square(square(x)));

it('of sum x^4 with v is 12 x^2 v', async () => {
  const product = hvp(quartic, [device.tensor([2, -1])], [device.tensor([1, 3])])[0];
  expect([...(await product.data())]).toEqual([48, 36]);
});

it('made with createGraph can be differentiated: the gradient of sum 12 x^2 v is 24 x v', async () => {
  const x = device.tensor([2, -1]);
  const product = hvp(quartic, [x], [device.tensor([1, 3])], { createGraph: true })[0];
  expect([...(await grad(sum(product), [x])[0].data())]).toEqual([48, -72]);
});

it('leaves nothing behind', () => {
  const x = device.parameter([2, -1]);
  const v = device.parameter([1, 3]);
  const product = (): void => scope(() => void hvp((p: Tensor) => mul(sum(p), sum(square(p))), [x], [v]));
  product();
  const before = device.memory().tensors;
  product();
  expect(device.memory().tensors).toBe(before);
});
