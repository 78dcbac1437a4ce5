/** @file Clipping by norm where squares overflow, underflow or are none, and Adam with betas next to 1, on every device. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cpu, type Device, scope } from '../../src/index.ts';
import { Adam, clipGradNorm, SGD } from '../../src/optim/index.ts';
import { openDevice } from '../support/device.ts';

const devices: Device[] = [];
beforeAll(async () => {
  devices.push(await openDevice());
  if (devices[0]!.kind === 'cpu') devices.push(cpu({ dtype: 'float32' }));
});
afterAll(() => {
  for (const device of devices) device.destroy();
});

async function clipped(device: Device, gradient: readonly number[]): Promise<{ norm: number; step: number[] }> {
  const p = device.parameter([0, 0], [2]);
  const norm = scope(() => {
    const g = device.tensor(gradient);
    const c = clipGradNorm([g], 1);
    new SGD([p], { lr: 1 }).step([g], c);
    return c.norm;
  });
  return { norm: (await norm.data())[0]!, step: [...(await p.data())] };
}

describe('clipGradNorm', () => {
  it.each([
    [[3e20, 4e20], 5e20, [-0.6, -0.8]],
    [[3e-30, 4e-30], 5e-30, [-3e-30, -4e-30]],
    [[3, 4], 5, [-0.6, -0.8]],
    [[0, 0], 0, [0, 0]],
  ] as const)('of %j has the norm %d', async (gradient, norm, step) => {
    for (const device of devices) {
      const got = await clipped(device, gradient);
      expect(Math.abs(got.norm - norm)).toBeLessThanOrEqual(1e-6 * norm);
      for (const [i, want] of step.entries()) expect(Math.abs(got.step[i]! - want)).toBeLessThanOrEqual(1e-6 * Math.abs(want));
    }
  });

  it('an infinite gradient stops the others and becomes NaN; a NaN makes all of them NaN', async () => {
    for (const device of devices) {
      const infinite = await clipped(device, [1, -Infinity]);
      expect([infinite.norm, ...infinite.step.map(Math.abs)]).toEqual([Infinity, 0, NaN]);
      expect(await clipped(device, [1, NaN])).toEqual({ norm: NaN, step: [NaN, NaN] });
    }
  });
});

it('Adam with betas up to 1 - 1e-8 is within 1e-6 of its formula in float64, over five steps', async () => {
  for (const device of devices) {
    for (const betas of [
      [0.9, 0.999],
      [0.9, 0.999999],
      [0.999999, 0.9999999],
      [1 - 1e-8, 1 - 1e-8],
    ] as const) {
      const p = device.parameter([0], [1]);
      const adam = new Adam([p], { lr: 1, betas });
      let [m, v, expected] = [0, 0, 0];
      for (let t = 1; t <= 5; t++) {
        const g = Math.fround(1 + t / 4);
        m += (1 - betas[0]) * (g - m);
        v += (1 - betas[1]) * (g * g - v);
        expected -= m / (1 - betas[0] ** t) / (Math.sqrt(v / (1 - betas[1] ** t)) + 1e-8);
        scope(() => adam.step([device.tensor([g])]));
        const got = (await p.data())[0]!;
        expect(Math.abs(got / expected - 1), `${device.name}, ${betas.join(' ')}, step ${t}`).toBeLessThan(1e-6);
      }
      adam.dispose();
      p.dispose();
    }
  }
});
