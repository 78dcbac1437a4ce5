/** @file Kernels whose outputs are cut into ranges. */
import { afterAll, expect, it } from 'vitest';
import { SimdBackend } from '../../../../src/backends/wasm/backend.ts';
import { BackendDevice, type Device } from '../../../../src/index.ts';
import { Adam, SGD } from '../../../../src/optim/index.ts';
import { numbers } from '../../../support/float32.ts';
import { operationBits, operationCases } from '../../../support/operation-bits.ts';

const devices = [1, 2, 3, 8].map((ranges) => new BackendDevice(new SimdBackend({ ranges })));
afterAll(() => {
  for (const device of devices) device.destroy();
});

it('every operation and its gradients have the same bits, however many ranges the outputs are cut into', async () => {
  for (const one of operationCases(41, 3)) {
    const [whole, ...cut] = await Promise.all(devices.map((device) => operationBits(device, one)));
    for (const [i, words] of cut.entries()) expect(words, `${one.op.name}, device ${i + 1}`).toEqual(whole);
  }
});

it('an update in place has the same bits, for each number is changed once', async () => {
  const updated = async (device: Device): Promise<unknown[]> => {
    const parameters = [1, 7, 64, 1000].map((n) => device.parameter(numbers(n, [n]), [n]));
    const optimizers = [new SGD(parameters, { lr: 0.1, momentum: 0.9 }), new Adam(parameters, { lr: 0.1 })];
    for (const optimizer of optimizers) {
      for (const seed of [1, 2]) optimizer.step(parameters.map((p) => device.tensor(numbers(seed, p.shape), p.shape)));
    }
    return Promise.all(parameters.map((p) => p.data()));
  };
  const [whole, ...cut] = await Promise.all(devices.map(updated));
  for (const bits of cut) expect(bits).toEqual(whole);
});
