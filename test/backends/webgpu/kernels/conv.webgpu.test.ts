/** @file The convolution kernels of adapters without subgroups, against float64. */
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { Device } from '../../../../src/index.ts';
import { webgpu } from '../../../../src/devices/webgpu.ts';
import { anyGeometry, convolution, dense, expectExact, plain3x3, pointwise } from '../../../support/convolution-cases.ts';

let device: Device;
beforeAll(async () => {
  device = await webgpu({ withoutSubgroups: true });
});
afterAll(() => device.destroy());

describe(
  'without subgroups, conv2d, conv2dInput and conv2dFilter are within the proved bound of float64',
  { timeout: 180_000 },
  () => {
    // A software adapter compiles an unrolled kernel for seconds at its first use.
    it('pointwise', () => expectExact(device, convolution('pointwise', pointwise, 'kink-safe'), 12));
    it('dense', () => expectExact(device, convolution('dense', dense, 'kink-safe'), 12));
    it('3x3 of stride 1', () => expectExact(device, convolution('3x3', plain3x3, 'kink-safe'), 16));
    it('any geometry, groups and rows left over', () => expectExact(device, convolution('any', anyGeometry, 'kink-safe'), 24));
  },
);
