/** @file Batch norm in the kernels for hardware: the merge of partial statistics adds next to nothing to a lane's own rounding. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { batchNorm2d, type Device, webgpu } from '../../../../src/index.ts';
import { kernelErrors, operations } from '../../../../src/testing/properties/index.ts';

let device: Device;
beforeAll(async () => {
  device = await webgpu({ asHardware: true, maxStorageBuffers: 8 });
});
afterAll(() => device.destroy());

// Each lane of 64 or more sums a few numbers and the merge keeps its sums in two: a few roundings, where a merge in one number had 12 units.
const UNITS = 3;

it.each(operations.filter(({ name }) => name.startsWith('batchNorm2d')))('$name stays within 3 units', async (op) => {
  for (const seed of [1, 2]) {
    for (const sample of fc.sample(op.samples('large'), { seed, numRuns: 3 })) {
      for (const { what, units, shape } of await kernelErrors(op, sample, device))
        expect(units, `${what} of ${shape.join(' x ')}, seed ${seed}`).toBeLessThan(UNITS);
    }
  }
});

it('a first lane far from the mean does not spoil it', async () => {
  // 64 lanes of one number each: the first is -63 a, the others a, so the mean is 0 and the variance 63 a^2.
  const a = Math.fround(0.7);
  const x = device.tensor([-63 * a, ...Array.from({ length: 63 }, () => a)], [1, 1, 8, 8]);
  const y = await batchNorm2d(x).data();
  const scale = a / Math.sqrt(63 * a * a + 1e-5);
  for (let i = 0; i < 64; i++) {
    const expected = (i === 0 ? -63 : 1) * scale;
    // 2^-22 of the largest number, whose rounding enters the mean.
    expect(Math.abs(y[i]! - expected)).toBeLessThan(2 ** -22 * 63 * scale);
  }
});

it('NaN in an element is NaN in its channel', async () => {
  const x = device.tensor([NaN, ...Array.from({ length: 127 }, (_, i) => i % 5)], [1, 2, 8, 8]);
  const y = await batchNorm2d(x).data();
  expect(y.slice(0, 64).every(Number.isNaN)).toBe(true);
  expect(y.slice(64).some(Number.isNaN)).toBe(false);
});
