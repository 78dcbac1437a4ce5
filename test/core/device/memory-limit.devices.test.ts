/** @file Memory that a device has not got: a LimitError before anything is allocated or done, with all state as it was. */
import { describe, expect, inject, it } from 'vitest';
import { add, assign, capture, cpu, type Device, LimitError, mul, OptionError, sum, type Tensor } from '../../../src/index.ts';
import { webgpu } from '../../../src/devices/webgpu.ts';
import type { StateDict } from '../../../src/nn/index.ts';
import { Search } from '../../../src/snas/index.ts';
import { quadrants, TINY } from '../../support/tiny-search.ts';

type Open = (memoryLimit?: number) => Promise<Device>;
const limited = (memoryLimit: number | undefined): { memoryLimit?: number } => (memoryLimit === undefined ? {} : { memoryLimit });
const DEVICES: readonly (readonly [string, Open])[] =
  inject('device') === 'webgpu'
    ? [['webgpu', (limit) => webgpu(limited(limit))]]
    : [
        ['cpu float64', async (limit) => cpu(limited(limit))],
        ['cpu float32', async (limit) => cpu({ dtype: 'float32', ...limited(limit) })],
        ['cpu float32 without SIMD', async (limit) => cpu({ dtype: 'float32', simd: false, ...limited(limit) })],
      ];

/** What is in use; places kept for reuse are the backend's own affair. */
function inUse(device: Device): unknown {
  const { tensors, buffers, bytes } = device.memory();
  return { tensors, buffers, bytes };
}

describe.each(DEVICES)('on %s', (_name, open) => {
  it('a tensor beyond the limit is refused by name, and one that fits after something was freed is made', async () => {
    const device = await open(64_000);
    const bytes = device.dtype === 'float64' ? 8 : 4;
    const most = device.zeros([40_000 / bytes]);
    const before = inUse(device);
    expect(() => device.zeros([40_000 / bytes])).toThrow(LimitError);
    expect(() => device.zeros([40_000 / bytes])).toThrow(/memoryLimit, 64000 bytes: use a smaller batch/);
    expect(inUse(device)).toEqual(before);
    most.dispose();
    expect(await sum(device.ones([40_000 / bytes])).item()).toBe(40_000 / bytes);
    device.destroy();
  });

  it('a captured step that does not fit does nothing, and runs as soon as there is room', async () => {
    const device = await open(90_000);
    const n = 16_000 / (device.dtype === 'float64' ? 8 : 4);
    const w = device.parameter(new Float64Array(n).fill(1), [n]);
    const x = device.tensor(new Float64Array(n).fill(2), [n]);
    using step = capture((input: Tensor) => {
      assign(w, add(w, mul(input, input)));
      return sum(w);
    });
    const room = device.tensor(new Float64Array(n).fill(3), [n]);
    const before = inUse(device);
    for (let i = 0; i < 3; i++) {
      expect(() => step(x)).toThrow(LimitError);
      await expect(step.prepare([x])).rejects.toThrow(LimitError);
    }
    expect(inUse(device)).toEqual(before);
    expect(await sum(w).item()).toBe(n);
    room.dispose();
    expect(await step(x).item()).toBe(5 * n);
    device.destroy();
  });

  it('a search stops with its state after whole steps, whatever the limit', async () => {
    const data = { train: quadrants(24, 1), validation: quadrants(8, 2) };
    const config = { ...TINY, epochs: 1, network: { ...TINY.network, cells: 1, nodes: 1 } };
    const states: StateDict[] = [];
    const whole = await open();
    const reference = new Search(whole, config, data);
    const least = whole.memory().bytes;
    states.push(await reference.state());
    const afterStep = async (): Promise<void> => void states.push(await reference.state());
    for await (const _ of reference.run({ afterStep })) continue;
    const most = 1.5 * whole.memory().bytes;
    whole.destroy();
    const refused: unknown[] = [];
    for (let i = 0; i < 6; i++) {
      const device = await open(Math.round(least + ((most - least) * i) / 5));
      const search = new Search(device, config, data);
      try {
        for await (const _ of search.run()) continue;
      } catch (error) {
        refused.push(error);
      }
      expect(await search.state()).toEqual(states[search.step]);
      device.destroy();
    }
    expect(refused.length).toBeGreaterThan(1);
    expect(refused.every((error) => error instanceof LimitError)).toBe(true);
    expect(states).toHaveLength(4);
  });

  it.each([0, -1, NaN])('a limit of %d bytes is refused', async (limit) => {
    await expect(open(limit)).rejects.toThrow(OptionError);
  });
});
