/** @file The same as a test of vitest. */
import { grad, mul, sum, webgpu } from 'reparam';
import { expect, it } from 'vitest';

it('opens Dawn', async () => {
  const device = await webgpu();
  const x = device.tensor([1, 2, 3]);
  expect([...(await grad(sum(mul(x, x)), [x])[0].data())]).toEqual([2, 4, 6]);
  device.destroy();
});
