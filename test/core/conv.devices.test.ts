/** @file Convolution's three partials on the device against float64: every variant, at sizes around its tiles and workgroups. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { conv2d, conv2dFilter, type Device, grad } from '../../src/index.ts';
import { TRIPWIRE } from '../../src/testing/properties/index.ts';
import {
  anyGeometry,
  type Case,
  convolution,
  dense,
  expectExact,
  plain3x3,
  pointwise,
  separable,
} from '../support/convolution-cases.ts';
import { openDevice } from '../support/device.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

describe('conv2d, conv2dInput and conv2dFilter are within the proved bound of float64', () => {
  for (const spread of ['kink-safe', 'positive'] as const) {
    const tripwire = spread === 'positive' ? Infinity : TRIPWIRE;
    it(`depthwise 3x3 and 5x5, ${spread} values`, () =>
      expectExact(device, convolution('depthwise', separable, spread), 12, tripwire));
    it(`pointwise, ${spread} values`, () => expectExact(device, convolution('pointwise', pointwise, spread), 12, tripwire));
    it(`dense, ${spread} values`, () => expectExact(device, convolution('dense', dense, spread), 10, tripwire));
    it(`3x3 of stride 1, ${spread} values`, () => expectExact(device, convolution('3x3', plain3x3, spread), 16, tripwire));
    it(`any geometry, groups and rows left over, ${spread} values`, () =>
      expectExact(device, convolution('any', anyGeometry, spread), 24, tripwire));
  }

  it('where lanes end just before, at and after a workgroup of 64', async () => {
    const cases = fc
      .constantFrom(63, 64, 65)
      .map((w): Case => ({ input: [1, 2, 4, w], weight: [3, 2, 1, 3], options: { padding: [0, 1] } }));
    await expectExact(device, convolution('boundary', cases, 'kink-safe'), 6);
  });

  const walks: Readonly<Record<string, Case>> = {
    // As many pairs of channels as leave a software adapter four slices for 18 tiles.
    'plain 3x3': { input: [2, 32, 9, 9], weight: [64, 32, 3, 3], options: { padding: 1 } },
    'depthwise 3x3': { input: [9, 2, 14, 14], weight: [2, 1, 3, 3], options: { padding: 1, groups: 2 } },
    'depthwise 5x5': { input: [9, 1, 14, 14], weight: [1, 1, 5, 5], options: { padding: 4, dilation: 2 } },
    pointwise: { input: [9, 2, 14, 14], weight: [5, 2, 1, 1], options: {} },
  };
  for (const [name, only] of Object.entries(walks)) {
    it(`where a lane of the filter gradient walks over several tiles, ${name}`, () =>
      expectExact(device, convolution('walk', fc.constant(only), 'kink-safe'), 1));
  }
});

it('the filter gradient is the same to the bit at every run', async () => {
  const values = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => Math.sin(i * 12.9898) * 3);
  const x = device.tensor(values(4 * 6 * 100), [4, 6, 10, 10]);
  const g = device.tensor(values(4 * 5 * 100), [4, 5, 10, 10]);
  const run = async (): Promise<number[]> => Array.from(await conv2dFilter(x, g, [5, 6, 3, 3], { padding: 1 }).data());
  expect(await run()).toEqual(await run());
});

it('a gradient of the gradient goes through the same three kernels', async () => {
  // For linear conv, d/dx <d/dw <conv(x, w), g>, v> = conv2dInput(g, v): compare with the direct gradient at w = v.
  const values = (n: number, seed: number): Float32Array => Float32Array.from({ length: n }, (_, i) => Math.cos(i * 7.13 + seed));
  const x = device.tensor(values(2 * 4 * 49, 1), [2, 4, 7, 7]);
  const w = device.tensor(values(4 * 4 * 9, 2), [4, 4, 3, 3]);
  const v = device.tensor(values(4 * 4 * 9, 3), [4, 4, 3, 3]);
  const g = device.tensor(values(2 * 4 * 16, 4), [2, 4, 4, 4]);
  const options = { stride: 2, padding: 1 };
  const [gw] = grad(conv2d(x, w, options), [w], { cotangent: g, createGraph: true });
  const [second] = grad(gw, [x], { cotangent: v });
  const [direct] = grad(conv2d(x, v, options), [x], { cotangent: g });
  expect(Array.from(await second.data())).toEqual(Array.from(await direct.data()));
});
