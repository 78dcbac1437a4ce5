/** @file Measured time of a child's forward pass, which is left as it was. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Device, key, OptionError, ShapeError } from '../../../src/index.ts';
import { batchNorms, childLatency, genotypeFromChoices, inherit, RelativeLatency, Supernet } from '../../../src/snas/index.ts';
import { openDevice } from '../../support/device.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

const NETWORK = { channels: 2, cells: 3, nodes: 1, classes: 4, inChannels: 1 };
const GENOTYPE = genotypeFromChoices({ normal: [4, 3], reduce: [1, 0] }, 1);

describe('the latency of a child', () => {
  it('is the median of as many samples as asked for, or their shortest, on a clock that it names', async () => {
    using parent = new Supernet(device, key(1), NETWORK);
    using child = inherit(parent, GENOTYPE, key(2));
    const images = device.ones([4, 1, 8, 8]);
    const { milliseconds, samples, clock, passes } = await childLatency(child, images, { samples: 3, warmUps: 1 });
    const shortest = await childLatency(child, images, { samples: 4, statistic: 'shortest' });
    images.dispose();
    expect(shortest.milliseconds).toBe(Math.min(...shortest.samples));
    expect(samples).toHaveLength(3);
    expect(milliseconds).toBe(samples.toSorted((a, b) => a - b)[1]);
    expect(['timestamps', 'wall']).toContain(clock);
    expect(passes).toBeGreaterThanOrEqual(1);
  });

  it('leaves modes, running statistics and memory as they were', async () => {
    using parent = new Supernet(device, key(1), NETWORK);
    using child = inherit(parent, GENOTYPE, key(2));
    const images = device.ones([4, 1, 8, 8]);
    child.train();
    child.cells[1]!.eval();
    const modes = (): boolean[] => [...child.modules()].map((m) => m.training);
    const statistics = async (): Promise<number[][]> => {
      const out: number[][] = [];
      for (const norm of batchNorms(child)) out.push([...(await norm.running.data())]);
      return out;
    };
    const [modesBefore, statisticsBefore] = [modes(), await statistics()];
    await childLatency(child, images, { samples: 1, warmUps: 1 });
    await device.finish();
    const { tensors, buffers, bytes } = device.memory();
    for (let i = 0; i < 3; i++) await childLatency(child, images, { samples: 2, warmUps: 1 });
    await device.finish();
    expect(device.memory()).toMatchObject({ tensors, buffers, bytes });
    expect(modes()).toEqual(modesBefore);
    expect(new Set(modesBefore).size).toBe(2);
    expect(await statistics()).toEqual(statisticsBefore);
    images.dispose();
  });

  it('refuses counts and images that make no sense, and leaves the modes even then', async () => {
    using parent = new Supernet(device, key(1), NETWORK);
    using child = inherit(parent, GENOTYPE, key(2));
    const images = device.ones([4, 1, 8, 8]);
    await expect(childLatency(child, images, { samples: 0 })).rejects.toThrow(/samples 0/);
    await expect(childLatency(child, images, { samples: 2.5 })).rejects.toThrow(OptionError);
    await expect(childLatency(child, images, { warmUps: -1 })).rejects.toThrow(/warmUps -1/);
    const flat = device.ones([4, 64]);
    await expect(childLatency(child, flat)).rejects.toThrow(ShapeError);
    const wrong = device.ones([4, 3, 8, 8]);
    await expect(childLatency(child, wrong)).rejects.toThrow(ShapeError);
    expect([...child.modules()].every((m) => m.training)).toBe(true);
    for (const t of [images, flat, wrong]) t.dispose();
  });
});

describe('a relative latency', () => {
  it('prices by an empty network and the slowest uniform one, measured once and kept in its state', async () => {
    using parent = new Supernet(device, key(1), { ...NETWORK, channels: 4 });
    const units: { readonly empty: number; readonly slowest: number }[] = [];
    const made = (): RelativeLatency =>
      new RelativeLatency(parent, [8, 1, 8, 8], { samples: 1, warmUps: 1, onUnit: (unit) => units.push(unit) });
    const latency = made();
    const child = genotypeFromChoices({ normal: [5, 5], reduce: [5, 5] }, 1);
    expect(Number.isFinite(await latency.price(child))).toBe(true);
    expect(Number.isFinite(await latency.price(child))).toBe(true);
    expect(units).toHaveLength(1);
    const { empty, slowest } = units[0]!;
    expect(slowest).toBeGreaterThan(empty);
    expect([...latency.state()['latency_unit']!.data]).toEqual([empty, slowest]);
    const resumed = made();
    resumed.loadState(latency.state());
    await resumed.price(child);
    expect(units).toHaveLength(1);
    const { tensors, buffers, bytes } = device.memory();
    await resumed.price(child);
    expect(device.memory()).toMatchObject({ tensors, buffers, bytes });
    latency.dispose();
    resumed.dispose();
  });
});
