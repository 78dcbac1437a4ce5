/** @file One SNAS search on every device: the same figures as in float64, architectures by seed, steady memory. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cpu, type Device } from '../../../src/index.ts';
import { Search } from '../../../src/snas/index.ts';
import { openDevice } from '../../support/device.ts';
import { quadrants, TINY } from '../../support/tiny-search.ts';

const data = { train: quadrants(32, 1), validation: quadrants(16, 2) };

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

/** Mean training loss of each of the first steps. */
async function losses(on: Device, steps: number): Promise<number[]> {
  using search = new Search(on, { ...TINY, epochs: steps, batchSize: 32 }, { ...data, validation: quadrants(32, 2) });
  const out: number[] = [];
  for await (const epoch of search.run()) out.push(epoch.loss);
  return out;
}

describe('search', () => {
  it('has the loss of the float64 device to 1e-4 over three steps', async () => {
    const [expected, got] = [await losses(cpu(), 3), await losses(device, 3)];
    expect(expected).toHaveLength(3);
    expected.forEach((loss, i) => expect(Math.abs(got[i]! - loss)).toBeLessThan(1e-4 * Math.max(1, loss)));
  });

  it('keeps tensors, buffers and bytes constant from the second step on', async () => {
    using search = new Search(device, TINY, data);
    const batch = {
      images: device.tensor(new Float64Array(8 * 64).fill(0.5), [8, 1, 8, 8]),
      labels: device.tensor([0, 1, 2, 3, 0, 1, 2, 3]),
    };
    const seen: string[] = [];
    for (let step = 0; step < 8; step++) {
      search.trainStep(batch);
      await device.finish();
      const { tensors, buffers, bytes } = device.memory();
      seen.push(`${tensors} ${buffers} ${bytes}`);
    }
    await device.finish();
    expect(new Set(seen.slice(1)).size).toBe(1);
    batch.images.dispose();
    batch.labels.dispose();
  });

  it('leaves nothing behind when it is disposed, apart from constants of the device', async () => {
    const run = async (): Promise<void> => {
      using search = new Search(device, { ...TINY, epochs: 1 }, data);
      for await (const epoch of search.run()) expect(epoch.step).toBe(4);
    };
    await run();
    const before = device.memory();
    await run();
    expect(device.memory().tensors).toBe(before.tensors);
    expect(device.memory().buffers).toBe(before.buffers);
  });
});
