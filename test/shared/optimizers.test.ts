/** @file Optimisers that may update several parameters at once. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Device, Tensor } from '../../src/index.ts';
import { SGD } from '../../src/optim/index.ts';
import { openDevice } from '../support/device.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

it('SGD moves each of many parameters to the bits that it has when it is alone', async () => {
  const sizes = [1, 300, 7, 256, 64, 1000, 2, 13, 5];
  const values = (seed: number): Tensor[] =>
    sizes.map((size, k) => device.parameter(Array.from({ length: size }, (_, i) => Math.sin(seed + 7 * k + i * 12.9898))));
  for (const nesterov of [false, true]) {
    const options = { lr: 0.3, momentum: 0.9, nesterov, weightDecay: 0.01 };
    const [together, alone] = [values(1), values(1)];
    const all = new SGD(together, options);
    const each = alone.map((p) => new SGD([p], options));
    for (const seed of [2, 3]) {
      const gradients = values(seed);
      all.step(gradients);
      for (const [k, sgd] of each.entries()) sgd.step([gradients[k]!]);
    }
    for (const [k, p] of together.entries()) expect(await p.data()).toEqual(await alone[k]!.data());
  }
});
