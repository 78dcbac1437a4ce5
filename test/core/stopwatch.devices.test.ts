/** @file Measured time of work on a device. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Device, matmul, scope, Stopwatch } from '../../src/index.ts';
import type { WebGpuBackend } from '../../src/backends/webgpu/backend.ts';
import { openDevice } from '../support/device.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

/** Side of the matrices that are multiplied: plain loops in float64 are slow. */
const side = (): number => (device.dtype === 'float64' ? 64 : 192);

describe('a stopwatch', () => {
  it('reads timestamp queries where the adapter has them, else wall time', async () => {
    const timestamps = device.kind === 'webgpu' && (device.backend as WebGpuBackend).gpuDevice.features.has('timestamp-query');
    using stopwatch = new Stopwatch(device);
    expect(stopwatch.clock).toBe(timestamps ? 'timestamps' : 'wall');
    const a = device.ones([128, 128]);
    const { milliseconds, wall } = await stopwatch.time(() => scope(() => void matmul(a, a)));
    a.dispose();
    expect(milliseconds).toBeGreaterThanOrEqual(0);
    expect(wall).toBeGreaterThanOrEqual(0);
  });

  it('gives more work a longer time: 24 matrix products take above 4 times as long as one', async () => {
    using stopwatch = new Stopwatch(device);
    const a = device.ones([side(), side()]);
    const shortest = async (products: number): Promise<number> => {
      const times: number[] = [];
      for (let i = 0; i < 4; i++) {
        const { milliseconds } = await stopwatch.time(() =>
          scope(() => {
            for (let j = 0; j < products; j++) matmul(a, a);
          }),
        );
        times.push(milliseconds);
      }
      return Math.min(...times);
    };
    const [one, many] = [await shortest(1), await shortest(24)];
    a.dispose();
    // A shared machine makes times longer, never shorter: the shortest of four are compared. A browser's clock may round the small one to 0.
    expect(many).toBeGreaterThan(4 * one);
  });

  it('does not count work that was handed over before', async () => {
    using stopwatch = new Stopwatch(device);
    const a = device.ones([side(), side()]);
    const times: { readonly before: number; readonly nothing: number }[] = [];
    for (let i = 0; i < 4; i++) {
      const started = performance.now();
      scope(() => {
        for (let j = 0; j < 24; j++) matmul(a, a);
      });
      const { milliseconds } = await stopwatch.time(() => undefined);
      times.push({ before: performance.now() - started, nothing: milliseconds });
    }
    a.dispose();
    expect(Math.min(...times.map((t) => t.nothing))).toBeLessThan(0.5 * Math.min(...times.map((t) => t.before)));
  });
});
