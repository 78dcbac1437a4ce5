/** @file Every matmul kernel that this adapter can run, on shapes around its tile, against float64. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cpu, type Device, key, matmul, uniforms } from '../../../../src/index.ts';
import { webgpu } from '../../../../src/devices/webgpu.ts';

const U = 2 ** -24;
let devices: readonly (readonly [string, Device])[];
beforeAll(async () => {
  devices = [
    ['with subgroups, if there are', await webgpu()],
    ['without', await webgpu({ withoutSubgroups: true })],
  ];
});
afterAll(() => {
  for (const [, device] of devices) device.destroy();
});

function noise(seed: number, length: number): Float32Array {
  return Float32Array.from(uniforms(key(seed), length), (u) => 4 * u - 2);
}

/** The largest error over u times the sum of absolute terms. */
async function worst(
  device: Device,
  [batch, m, n, k]: readonly number[],
  transposeA: boolean,
  transposeB: boolean,
): Promise<number> {
  const shapeA = transposeA ? [batch!, k!, m!] : [batch!, m!, k!];
  const shapeB = transposeB ? [batch!, n!, k!] : [batch!, k!, n!];
  const a = noise(1, batch! * m! * k!);
  const b = noise(2, batch! * k! * n!);
  const product = (on: Device, p: Float32Array, q: Float32Array) =>
    matmul(on.tensor(p, shapeA), on.tensor(q, shapeB), { transposeA, transposeB }).data();
  const reference = cpu({ dtype: 'float64' });
  const got = await product(device, a, b);
  const expected = await product(reference, a, b);
  const terms = await product(reference, a.map(Math.abs), b.map(Math.abs));
  return Math.max(...Array.from(got, (v, i) => Math.abs(v - expected[i]!) / (U * terms[i]!)));
}

describe('the product is within 8 u of the sum of absolute terms', () => {
  // Around the tiles of 16 x 64 and 8 x 32, with an inner dimension that is no multiple of four.
  const middling = [
    [1, 65, 63, 67],
    [1, 130, 33, 65],
    [3, 40, 100, 66],
    [1, 7, 257, 150],
  ];
  const large = [[1, 257, 255, 259]];
  // Sums in parts of 512 terms, the last one shorter, of one term too.
  const long = [
    [2, 20, 33, 1500],
    [1, 5, 70, 8193],
  ];
  for (const shape of [...middling, ...large, ...long]) {
    it(`for [batch, m, n, k] = [${shape.join(', ')}], transposed or not, with subgroups or without`, async () => {
      for (const [name, device] of devices) {
        for (const transposeA of [false, true]) {
          for (const transposeB of [false, true]) {
            const error = await worst(device, shape, transposeA, transposeB);
            expect({ name, transposeA, transposeB, error }).toSatisfy((found: { error: number }) => found.error < 8);
          }
        }
      }
    });
  }
});
