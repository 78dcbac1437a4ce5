/** @file SIMD matrix products of every size and transposition against the float64 loops. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cpu, type Device, matmul } from '../../../../src/index.ts';
import { numbers, roundingFault } from '../../../support/float32.ts';
import { kernelDevice, KERNELS } from '../../../support/kernels.ts';

/** Of the kernels under test. */
let fast: Device;
const exact = cpu({ dtype: 'float64' });
afterAll(() => exact.destroy());

interface Product {
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

async function fault({ batch, m, n, k, transposeA, transposeB }: Product, seed: number): Promise<string | undefined> {
  const lead = batch > 0 ? [batch] : [];
  const [sa, sb] = [
    [...lead, ...(transposeA ? [k, m] : [m, k])],
    [...lead, ...(transposeB ? [n, k] : [k, n])],
  ];
  const [a, b] = [numbers(seed, sa), numbers(seed + 1, sb)];
  const on = async (device: Device, p: Float32Array, q: Float32Array): Promise<ArrayLike<number>> => {
    const [ta, tb] = [device.tensor(p, sa), device.tensor(q, sb)];
    const y = matmul(ta, tb, { transposeA, transposeB });
    const data = await y.data();
    for (const t of [ta, tb, y]) t.dispose();
    return data;
  };
  return roundingFault(await on(fast, a, b), await on(exact, a, b), await on(exact, a.map(Math.abs), b.map(Math.abs)), k);
}

const sizes = fc.constantFrom(1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 24, 31);
const products = fc.record({ batch: fc.nat(3), m: sizes, n: sizes, k: sizes, transposeA: fc.boolean(), transposeB: fc.boolean() });

describe.each(KERNELS)('%s kernels', (kernels) => {
  const device = kernelDevice(kernels);
  beforeAll(() => {
    fast = device();
  });

  describe('the SIMD matrix products equal the float64 loops to rounding', () => {
    it('small matrices and batches, transposed or not', async () => {
      await fc.assert(
        fc.asyncProperty(products, fc.nat(1000), async (product, seed) => {
          expect(await fault(product, seed)).toBeUndefined();
        }),
        { seed: 41, numRuns: 250 },
      );
    });

    it.each([
      [65, 131, 260],
      [130, 259, 300],
      [16, 8, 2100],
      [133, 264, 129],
      [10, 300, 64],
      [64, 10, 784],
      [3, 5, 1030],
    ])('blocks and their edges: %i x %i over %i', async (m, n, k) => {
      for (const transposeA of [false, true]) {
        for (const transposeB of [false, true]) {
          for (const batch of [0, 2]) expect(await fault({ batch, m, n, k, transposeA, transposeB }, m)).toBeUndefined();
        }
      }
    });
  });
});
