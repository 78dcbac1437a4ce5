/** @file Fused kernels of the float32 CPU device against their float64 composites. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cpu, type Device, grad, mixedSum, scope, type Shape, type Tensor } from '../../../../src/index.ts';
import { crossEntropyFused, logSoftmaxFused, softmaxFused } from '../../../../src/core/softmax.ts';
import { numbers, roundingFault } from '../../../support/float32.ts';
import { kernelDevice, KERNELS } from '../../../support/kernels.ts';

/** Of the kernels under test. */
let fast: Device;
const exact = cpu({ dtype: 'float64' });
afterAll(() => exact.destroy());

/** Below this, float32 has no digits to lose. */
const UNDERFLOW = 1e-30;

type Values = readonly ArrayLike<number>[];

/** The value of f and its gradients for a cotangent, by the kernels in float32 and by the composite in float64. */
async function both(
  inputs: readonly (readonly [Float32Array, Shape])[],
  differentiable: number,
  f: (xs: readonly Tensor[]) => Tensor,
  seed: number,
): Promise<readonly [Values, Values]> {
  const on = async (device: Device): Promise<Values> => {
    const results = scope(() => {
      const xs = inputs.map(([data, shape]) => device.tensor(data, shape));
      const y = f(xs);
      return [y, ...grad(y, xs.slice(0, differentiable), { cotangent: device.tensor(numbers(seed, y.shape), y.shape) })];
    });
    const values = await Promise.all(results.map((t) => t.data()));
    for (const t of results) t.dispose();
    return values;
  };
  return [await on(fast), await on(exact)];
}

const rows = fc.record({
  n: fc.integer({ min: 1, max: 5 }),
  k: fc.constantFrom(1, 2, 3, 4, 8, 10, 17),
  spread: fc.constantFrom(1, 10, 60),
  seed: fc.nat(1e6),
});

describe.each(KERNELS)('%s kernels', (kernels) => {
  const device = kernelDevice(kernels);
  beforeAll(() => {
    fast = device();
  });

  describe('fused kernels of the float32 CPU device equal their float64 composites and their gradients, to rounding', () => {
    it('softmax, whose values lie in [0, 1]', async () => {
      await fc.assert(
        fc.asyncProperty(rows, async ({ n, k, spread, seed }) => {
          const x = numbers(seed, [n, k]).map((v) => v * spread);
          const [[y, dx], [ey, edx]] = await both([[x, [n, k]]], 1, ([t]) => softmaxFused([t!], {}), seed + 1);
          const g = numbers(seed + 1, [n, k]);
          const most = Math.max(...g.map(Math.abs));
          expect(
            roundingFault(
              y!,
              ey!,
              Float64Array.from(ey!, () => 1),
              0,
            ),
          ).toBeUndefined();
          expect(
            roundingFault(
              dx!,
              edx!,
              Float64Array.from(edx!, (_, i) => 2 * ey![i]! * most + UNDERFLOW),
              8,
            ),
          ).toBeUndefined();
        }),
        { seed: 51, numRuns: 100 },
      );
    });

    it('log-softmax and cross-entropy', async () => {
      await fc.assert(
        fc.asyncProperty(rows, async ({ n, k, spread, seed }) => {
          const x = numbers(seed, [n, k]).map((v) => v * spread);
          const labels = Float32Array.from({ length: n }, (_, i) => (seed + i * 7) % k);
          const g = numbers(seed + 1, [n, k]);
          const total = Array.from({ length: n }, (_, r) => g.slice(r * k, (r + 1) * k).reduce((s, v) => s + Math.abs(v), 0));
          const largest = Math.max(...x.map(Math.abs)) + Math.log(k);
          const [[y, dx], [ey, edx]] = await both([[x, [n, k]]], 1, ([t]) => logSoftmaxFused([t!], {}), seed + 1);
          expect(
            roundingFault(
              y!,
              ey!,
              Float64Array.from(ey!, () => 2 * largest),
              0,
            ),
          ).toBeUndefined();
          expect(
            roundingFault(
              dx!,
              edx!,
              Float64Array.from(edx!, (_, i) => total[Math.floor(i / k)]!),
              8,
            ),
          ).toBeUndefined();
          const [[l, dl], [el, edl]] = await both(
            [
              [x, [n, k]],
              [labels, [n]],
            ],
            1,
            ([t, label]) => crossEntropyFused([t!, label!], {}),
            seed + 1,
          );
          const rowCotangent = numbers(seed + 1, [n]);
          expect(
            roundingFault(
              l!,
              el!,
              Float64Array.from(el!, () => 2 * largest),
              0,
            ),
          ).toBeUndefined();
          expect(
            roundingFault(
              dl!,
              edl!,
              Float64Array.from(edl!, (_, i) => 2 * Math.abs(rowCotangent[Math.floor(i / k)]!)),
              8,
            ),
          ).toBeUndefined();
        }),
        { seed: 52, numRuns: 100 },
      );
    });

    it('a label that is no class takes no loss and no gradient; a NaN among the logits shows in both', async () => {
      const logits = new Float32Array([1, 2, 3, 1, NaN, 3]);
      const [[l, dl], [el, edl]] = await both(
        [
          [logits, [2, 3]],
          [new Float32Array([5, 0]), [2]],
        ],
        1,
        ([t, label]) => crossEntropyFused([t!, label!], {}),
        1,
      );
      expect([...Array.from(l!), ...Array.from(dl!)].map((v) => (v === 0 ? 0 : v))).toEqual(
        [...Array.from(el!), ...Array.from(edl!)].map((v) => (v === 0 ? 0 : v)),
      );
      expect(l![1]).toBeNaN();
    });

    it('the weighted sum of a mixed operation', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 1, max: 9 }),
          fc.constantFrom(1, 3, 4, 5, 30, 65),
          fc.nat(1e6),
          async (count, size, seed) => {
            const z = numbers(seed, [count]);
            const xs = Array.from({ length: count }, (_, i) => numbers(seed + 2 + i, [size]));
            const inputs = [[z, [count]] as const, ...xs.map((x) => [x, [size]] as const)];
            const g = numbers(seed + 1, [size]);
            const [[y, dz, ...dxs], [ey, edz, ...edxs]] = await both(
              inputs,
              inputs.length,
              ([w, ...terms]) => mixedSum(w!, terms),
              seed + 1,
            );
            expect(
              roundingFault(
                y!,
                ey!,
                Float64Array.from(ey!, (_, i) => xs.reduce((s, x, q) => s + Math.abs(z[q]! * x[i]!), 0)),
                count,
              ),
            ).toBeUndefined();
            expect(
              roundingFault(
                dz!,
                edz!,
                xs.map((x) => x.reduce((s, v, i) => s + Math.abs(v * g[i]!), 0)),
                size,
              ),
            ).toBeUndefined();
            dxs.forEach((dx, q) =>
              expect(
                roundingFault(
                  dx,
                  edxs[q]!,
                  Float64Array.from(g, (v) => Math.abs(v * z[q]!)),
                  1,
                ),
              ).toBeUndefined(),
            );
          },
        ),
        { seed: 53, numRuns: 100 },
      );
    });

    it('the weighted sum gives gradients to those terms alone that need one', async () => {
      const on = async (device: Device): Promise<Values> => {
        const [z, a, b, c] = [3, 6, 6, 6].map((n, i) => device.tensor(numbers(i, [n]), [n]));
        const y = mixedSum(z!, [a!, b!, c!]);
        const gs = grad(y, [c!, a!], { cotangent: device.tensor(numbers(9, [6]), [6]) });
        return Promise.all(gs.map((t) => t.data()));
      };
      const [got, expected] = [await on(fast), await on(exact)];
      got.forEach((v, i) => expect(roundingFault(v, expected[i]!, Float64Array.from(expected[i]!, Math.abs), 1)).toBeUndefined());
    });
  });
});
