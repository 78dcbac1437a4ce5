/** @file Batch normalisation on SIMD against its float64 composite. */
import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import { cpu, type Device, grad, scope } from '../../../../src/index.ts';
import { batchNormAffine, batchNormalize } from '../../../../src/core/batch-norm.ts';
import { numbers, roundingFault } from '../../../support/float32.ts';

const fast = cpu({ dtype: 'float32' });
const exact = cpu({ dtype: 'float64' });
afterAll(() => {
  fast.destroy();
  exact.destroy();
});

const cases = fc
  .record({
    n: fc.integer({ min: 1, max: 4 }),
    c: fc.integer({ min: 1, max: 3 }),
    h: fc.constantFrom(1, 2, 3, 4, 7),
    w: fc.constantFrom(1, 2, 3, 4, 5, 8, 9),
    offset: fc.constantFrom(0, 1, 30),
    seed: fc.nat(1_000_000),
  })
  .filter(({ n, h, w }) => n * h * w > 1);

async function run(
  device: Device,
  shape: readonly number[],
  x: Float32Array,
  g: Float32Array,
  eps: number,
): Promise<ArrayLike<number>[]> {
  const results = scope(() => {
    const t = device.tensor(x, shape);
    const [y, statistics] = batchNormalize([t], { eps });
    return [y, statistics, ...grad(y, [t], { cotangent: device.tensor(g, shape) })];
  });
  const values = await Promise.all(results.map((r) => r.data()));
  for (const r of results) r.dispose();
  return values;
}

it('batch norm on SIMD has the values, statistics and gradient of the float64 composite, to rounding', async () => {
  await fc.assert(
    fc.asyncProperty(cases, async ({ n, c, h, w, offset, seed }) => {
      const shape = [n, c, h, w];
      const eps = 1e-3;
      const x = numbers(seed, shape).map((v) => v + offset);
      const g = numbers(seed + 1, shape);
      const [y, statistics, dx] = await run(fast, shape, x, g, eps);
      const [ey, estatistics, edx] = await run(exact, shape, x, g, eps);
      const plane = h * w;
      const channel = (i: number): number => Math.floor(i / plane) % c;
      const mean = Array.from({ length: c }, (_, k) => estatistics![k]!);
      const scale = Array.from({ length: c }, (_, k) => 1 / Math.sqrt(estatistics![c + k]! + eps));
      const average = (f: (i: number) => number): number[] => {
        const sums = Array.from({ length: c }, () => 0);
        for (let i = 0; i < x.length; i++) sums[channel(i)]! += f(i) / (n * plane);
        return sums;
      };
      const absolute = average((i) => Math.abs(x[i]!));
      // The first rounding of the mean shifts every centred value by up to u |mean|: the terms of y are |x| r and |mean| r.
      const ySize = Float64Array.from(x, (v, i) => (Math.abs(v) + absolute[channel(i)]!) * scale[channel(i)]!);
      const spread = average((i) => (Math.abs(x[i]!) + Math.abs(mean[channel(i)]!)) ** 2);
      const cotangent = average((i) => Math.abs(g[i]!));
      const product = average((i) => Math.abs(g[i]!) * ySize[i]!);
      const dxSize = Float64Array.from(
        g,
        (v, i) => scale[channel(i)]! * (1 + ySize[i]!) * (Math.abs(v) + cotangent[channel(i)]! + ySize[i]! * product[channel(i)]!),
      );
      expect(roundingFault(y!, ey!, ySize, Infinity)).toBeUndefined();
      expect(roundingFault(statistics!, estatistics!, [...absolute, ...spread], Infinity)).toBeUndefined();
      expect(roundingFault(dx!, edx!, dxSize, Infinity)).toBeUndefined();
    }),
    { seed: 31, numRuns: 200 },
  );
});

it('with weight and bias the gradients of both are those of the float64 composite, to rounding', async () => {
  await fc.assert(
    fc.asyncProperty(cases, async ({ n, c, h, w, seed }) => {
      const shape = [n, c, h, w];
      const [x, g, weight, bias] = [numbers(seed, shape), numbers(seed + 1, shape), numbers(seed + 2, [c]), numbers(seed + 3, [c])];
      const eps = 1e-2;
      const on = async (device: Device): Promise<ArrayLike<number>[]> => {
        const results = scope(() => {
          const xs = [device.tensor(x, shape), device.tensor(weight, [c]), device.tensor(bias, [c])] as const;
          const [y] = batchNormAffine(xs, { eps });
          return [y, ...grad(y, xs, { cotangent: device.tensor(g, shape) })];
        });
        const values = await Promise.all(results.map((r) => r.data()));
        for (const r of results) r.dispose();
        return values;
      };
      const [y, dx, dw, db] = await on(fast);
      const [ey, edx, edw, edb] = await on(exact);
      const plane = h * w;
      const channel = (i: number): number => Math.floor(i / plane) % c;
      // |z| <= sqrt(count), r <= 10 and here |x| < 6: bounds of the terms, channel by channel.
      const r = 1 / Math.sqrt(eps);
      const sums = Array.from({ length: c }, () => 0);
      for (let i = 0; i < g.length; i++) sums[channel(i)]! += Math.abs(g[i]!);
      const z = 12 * r;
      expect(
        roundingFault(
          y!,
          ey!,
          Float64Array.from(x, (_, i) => z * Math.abs(weight[channel(i)]!) + Math.abs(bias[channel(i)]!)),
          8,
        ),
      ).toBeUndefined();
      expect(
        roundingFault(
          dx!,
          edx!,
          Float64Array.from(g, (v, i) => Math.abs(weight[channel(i)]!) * r * (Math.abs(v) + (1 + z) * sums[channel(i)]!)),
          8,
        ),
      ).toBeUndefined();
      expect(
        roundingFault(
          dw!,
          edw!,
          sums.map((s) => z * s),
          8,
        ),
      ).toBeUndefined();
      expect(roundingFault(db!, edb!, sums, 8)).toBeUndefined();
    }),
    { seed: 32, numRuns: 150 },
  );
});
