/** @file Random bits, uniforms and Gumbel noise are the same numbers on every device. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { apply } from '../../src/core/primitive.ts';
import {
  bits,
  type Device,
  foldIn,
  gumbel,
  gumbels,
  key,
  keyTensor,
  normal,
  normals,
  randomBits,
  scope,
  uniform,
} from '../../src/index.ts';
import { openDevice } from '../support/device.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

/** Number of places at which two arrays differ. */
function mismatches(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let count = a.length === b.length ? 0 : Infinity;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) count++;
  return count;
}

it('over a million words a key, the device and the host make the same bits, and the same uniforms', async () => {
  const length = 2 ** 20 + 77;
  for (const k of [key(0), foldIn(key(2 ** 40 + 1), 0xffffffff)]) {
    const words = bits(k, length);
    const made = scope(() => randomBits(keyTensor(device, k), [length]));
    expect(mismatches(await made.data(), words)).toBe(0);
    const floats = scope(() => uniform(device, k, [length]));
    expect(
      mismatches(
        await floats.data(),
        Float64Array.from(words, (w) => ((w >>> 9) + 0.5) / 2 ** 23),
      ),
    ).toBe(0);
    made.dispose();
    floats.dispose();
  }
});

it('shape only arranges the words, and a key as a tensor can be changed without rebuilding anything', async () => {
  const k = keyTensor(device, key(5));
  const words = await randomBits(k, [3, 5, 7]).data();
  expect(mismatches(words, bits(key(5), 105))).toBe(0);
  expect(mismatches(await randomBits(keyTensor(device, key(6)), [105]).data(), words)).toBeGreaterThan(100);
});

it('all 2^23 uniforms that a device can make lie in the open interval (0, 1) and are the exact midpoints of the grid', async () => {
  const size = 2 ** 23;
  // Low bits must not matter: they are set on every other word.
  const words = Uint32Array.from({ length: size }, (_, i) => i * 512 + (i % 2) * 511);
  const made = scope(() => apply('bitsToUniform', {}, [device.tensor(words, [size])], [size], [], device.dtype));
  const u = await made.data();
  made.dispose();
  let wrong = 0;
  for (let i = 0; i < size; i++) if (u[i] !== (i + 0.5) / size) wrong++;
  expect({ wrong, first: u[0], last: u[size - 1] }).toEqual({ wrong: 0, first: 2 ** -24, last: 1 - 2 ** -24 });
});

it('Gumbel and normal numbers are those of the host, rounded to the device, whatever the adapter', async () => {
  const round = (x: number): number => (device.dtype === 'float32' ? Math.fround(x) : x);
  expect(mismatches(await gumbel(device, key(9), [1000]).data(), gumbels(key(9), 1000).map(round))).toBe(0);
  expect(mismatches(await normal(device, key(9), [1000]).data(), normals(key(9), 1000).map(round))).toBe(0);
});
