/** @file The same as a test of Node's own runner. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { grad, mul, sum, webgpu } from 'reparam';

void it('opens Dawn', async () => {
  const device = await webgpu();
  const x = device.tensor([1, 2, 3]);
  assert.deepEqual([...(await grad(sum(mul(x, x)), [x])[0].data())], [2, 4, 6]);
  device.destroy();
});
