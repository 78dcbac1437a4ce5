/** @file `checked: true`: what only a device can find wrong is named at the next read-back, in captured steps too. */

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { RelaxedOneHotCategorical, gumbelSoftmax } from '../../src/distributions/index.ts';
import { capture, cpu, crossEntropy, type Device, OptionError, put, sum, take, type Tensor } from '../../src/index.ts';
import { webgpu } from '../../src/devices/webgpu.ts';

const devices: Device[] = [];
beforeAll(async () => {
  devices.push(
    inject('device') === 'cpu' ? cpu({ checked: true }) : await webgpu({ checked: true }),
    cpu({ dtype: 'float32', checked: true }),
  );
});
afterAll(() => devices.forEach((device) => device.destroy()));

interface Case {
  readonly run: (x: Tensor, values: Tensor) => Tensor;
  readonly good: readonly (readonly number[])[];
  readonly bad: readonly (readonly number[])[];
  readonly message: RegExp;
}

const cases: Readonly<Record<string, Case>> = {
  crossEntropy: {
    run: (x, labels) => crossEntropy(x, sum(labels, 1)),
    good: [[0], [2]],
    bad: [[1], [3]],
    message: /^crossEntropy: the label of row 1 is none of the 3 classes, 0 to 2$/,
  },
  'crossEntropy with an ignored label': {
    run: (x, labels) => crossEntropy(x, sum(labels, 1), { ignoreIndex: -1 }),
    good: [[-1], [2]],
    bad: [[-1], [-2]],
    message: /^crossEntropy: the label of row 1 /,
  },
  take: {
    run: (x, index) => take(x, index),
    good: [
      [0, 2],
      [1, 1],
    ],
    bad: [
      [0, -1],
      [1, 1.5],
    ],
    message: /^take: an index of row 0 is no integer from 0 to 2$/,
  },
  put: {
    run: (x, index) => put(x, index, 3),
    good: [
      [0, 2, 1],
      [1, 1, 0],
    ],
    bad: [
      [0, 2, 1],
      [1, NaN, 0],
    ],
    message: /^put: an index of row 1 is no integer from 0 to 2$/,
  },
  gumbelSoftmax: {
    run: (x, t) => gumbelSoftmax(x, { noise: x, temperature: t }),
    good: [[1], [0.5]],
    bad: [[1], [0]],
    message: /^gumbelSoftmax: element 1 of the temperature is not above 0$/,
  },
  'logProb of z': {
    run: (x, z) => new RelaxedOneHotCategorical({ logits: x, temperature: 0.5 }).logProb({ z }),
    good: [
      [0.25, 0.25, 0.5],
      [0.5, 0.25, 0.25],
    ],
    bad: [
      [0.25, 0.25, 0.5],
      [1, 0, 0],
    ],
    message: /row 1 of z .*underflowed.*\{ logZ \} \(rsampleLog\) or as \{ noise \}/,
  },
};

describe('the next read-back names operation and row', () => {
  for (const [name, { run, good, bad, message }] of Object.entries(cases)) {
    it(`${name}, eager and captured, and goes on after it`, async () => {
      for (const device of devices) {
        const x = device.tensor([
          [1, 2, 5],
          [3, 0, 0],
        ]);
        const step = capture(run);
        for (const f of [run, step]) {
          await f(x, device.tensor(good)).data();
          f(x, device.tensor(bad));
          const other = device.tensor([7]);
          await expect(other.data()).rejects.toThrow(message);
          f(x, device.tensor(bad));
          await expect(device.finish()).rejects.toThrow(OptionError);
          expect([...(await other.data())]).toEqual([7]);
          await f(x, device.tensor(good)).data();
        }
        step.dispose();
      }
    });
  }

  it('the first row of several is named, and one launch more or less does not matter', async () => {
    for (const device of devices) {
      const x = device.zeros([5, 3]);
      crossEntropy(x, device.tensor([0, 1, 3, -1, 7]));
      crossEntropy(x, device.tensor([0, 1, 2, 0, 9]));
      await expect(device.zeros([1]).data()).rejects.toThrow(/the label of row 2 /);
    }
  });
});

it('a device that is not checked notes nothing and runs no kernel more', async () => {
  const device = cpu();
  const before = device.memory().tensors;
  const x = device.zeros([2, 3]);
  const labels = device.tensor([0, 5]);
  const step = capture((a: Tensor, l: Tensor) => crossEntropy(a, l, { reduction: 'none' }));
  expect([...(await step(x, labels).data())]).toEqual([Math.log(3), NaN]);
  const checked = cpu({ checked: true });
  const noted = capture((a: Tensor, l: Tensor) => crossEntropy(a, l, { reduction: 'none' }));
  noted(checked.zeros([2, 3]), checked.tensor([0, 5]));
  expect(step.info!.launches).toBeLessThan(noted.info!.launches);
  step.dispose();
  expect(device.memory().tensors - before).toBeLessThan(10);
  device.destroy();
  checked.destroy();
});
