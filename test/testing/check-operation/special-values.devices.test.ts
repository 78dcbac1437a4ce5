/** @file NaN, infinities and zeros mean the same in every operation, on every device. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { cpu, type Device } from '../../../src/index.ts';
import { webgpu } from '../../../src/devices/webgpu.ts';
import { operations } from '../../../src/testing/properties/index.ts';
import { difference, noFloats, specialCases, specialRows } from '../../support/special-values.ts';

const SEED = 11;
// An adapter compiles a pipeline for most of the cases that it has not seen.
const RUNS = inject('device') === 'cpu' ? 60 : 25;

let device: Device;
const reference = cpu({ dtype: 'float64' });
// The float64 device is what the others are held to: on the CPU the float32 kernels are.
beforeAll(async () => {
  device = inject('device') === 'cpu' ? cpu({ dtype: 'float32' }) : await webgpu();
});
afterAll(() => {
  device.destroy();
  reference.destroy();
});

it('every operation of the registry has a row', () => {
  const named = operations.map(({ name }) => name);
  expect([...Object.keys(specialRows), ...Object.keys(noFloats)].sort()).toEqual([...new Set(named)].sort());
});

describe('values and first gradients are of the kind that float64 gives', () => {
  it.each(operations.filter(({ name }) => specialRows[name]).map((op) => [op.name, op] as const))('%s', async (name, op) => {
    const row = specialRows[name]!;
    await fc.assert(
      fc.asyncProperty(specialCases(op, row), async (sample) => {
        expect(await difference(op, row, sample, device, reference)).toBeUndefined();
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });
});
