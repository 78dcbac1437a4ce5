/** @file Measured time of a child's forward pass, which is left as it was. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Device, key, OptionError, ShapeError } from '../../../src/index.ts';
import {
  type Architecture,
  batchNorms,
  childLatency,
  type ChildNetwork,
  genotypeArchitecture,
  genotypeFromChoices,
  RelativeLatency,
} from '../../../src/snas/index.ts';
import { dartsSpace } from '../../support/darts-space.ts';
import { openDevice } from '../../support/device.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

const NETWORK = { channels: 2, cells: 3, nodes: 1, classes: 4, inChannels: 1 };
const ARCHITECTURE = architecture([4, 3], [1, 0]);

function architecture(normal: readonly number[], reduce: readonly number[]): Architecture {
  return genotypeArchitecture(genotypeFromChoices({ normal, reduce }, 1));
}

describe('the latency of a child', () => {
  it('is the median of as many samples as asked for, or their shortest, on a clock that it names', async () => {
    const parent = dartsSpace(device, key(1), NETWORK);
    using child = parent.child(ARCHITECTURE, { inherit: true, key: key(2) }) as ChildNetwork;
    const images = device.ones([4, 1, 8, 8]);
    const { milliseconds, samples, clock, passes } = await childLatency(child, images, { samples: 3, warmUps: 1 });
    const shortest = await childLatency(child, images, { samples: 4, statistic: 'shortest' });
    for (const made of [images, parent]) made.dispose();
    expect(shortest.milliseconds).toBe(Math.min(...shortest.samples));
    expect(samples).toHaveLength(3);
    expect(milliseconds).toBe(samples.toSorted((a, b) => a - b)[1]);
    expect(['timestamps', 'wall']).toContain(clock);
    expect(passes).toBeGreaterThanOrEqual(1);
  });

  it('leaves modes, running statistics and memory as they were', async () => {
    const parent = dartsSpace(device, key(1), NETWORK);
    using child = parent.child(ARCHITECTURE, { inherit: true, key: key(2) }) as ChildNetwork;
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
    for (const made of [images, parent]) made.dispose();
  });

  it('refuses counts and images that make no sense, and leaves the modes even then', async () => {
    const parent = dartsSpace(device, key(1), NETWORK);
    using child = parent.child(ARCHITECTURE, { inherit: true, key: key(2) }) as ChildNetwork;
    const images = device.ones([4, 1, 8, 8]);
    await expect(childLatency(child, images, { samples: 0 })).rejects.toThrow(/samples 0/);
    await expect(childLatency(child, images, { samples: 2.5 })).rejects.toThrow(OptionError);
    await expect(childLatency(child, images, { warmUps: -1 })).rejects.toThrow(/warmUps -1/);
    const flat = device.ones([4, 64]);
    await expect(childLatency(child, flat)).rejects.toThrow(ShapeError);
    const wrong = device.ones([4, 3, 8, 8]);
    await expect(childLatency(child, wrong)).rejects.toThrow(ShapeError);
    expect([...child.modules()].every((m) => m.training)).toBe(true);
    for (const made of [images, flat, wrong, parent]) made.dispose();
  });
});

describe('a relative latency', () => {
  it('prices by an empty network and the slowest uniform one, measured once and kept in its state', async () => {
    const parent = dartsSpace(device, key(1), { ...NETWORK, channels: 4 });
    const units: { readonly fastest: number; readonly slowest: number }[] = [];
    const made = (): RelativeLatency =>
      new RelativeLatency(parent, [8, 1, 8, 8], { samples: 1, warmUps: 1, onUnit: (unit) => units.push(unit) });
    const latency = made();
    const child = architecture([5, 5], [5, 5]);
    expect(Number.isFinite(await latency.price(child))).toBe(true);
    expect(Number.isFinite(await latency.price(child))).toBe(true);
    expect(units).toHaveLength(1);
    const { fastest, slowest } = units[0]!;
    expect(slowest).toBeGreaterThan(fastest);
    expect([...latency.state()['latency_unit']!.data]).toEqual([fastest, slowest]);
    const resumed = made();
    resumed.loadState(latency.state());
    await resumed.price(child);
    expect(units).toHaveLength(1);
    const { tensors, buffers, bytes } = device.memory();
    await resumed.price(child);
    expect(device.memory()).toMatchObject({ tensors, buffers, bytes });
    for (const made of [latency, resumed, parent]) made.dispose();
  });
});
