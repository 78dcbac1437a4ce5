/** @file The SIMD pools: indices against the plain loop, values and gradients against the float64 composite. */
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { avgPool2d, cpu, type Device, grad, maxPool2d, scope, type Shape, type Tensor } from '../../../../src/index.ts';
import { maxPoolIndices } from '../../../../src/core/pool.ts';
import { numbers, roundingFault } from '../../../support/float32.ts';

const fast = cpu({ dtype: 'float32' });
const plain = cpu({ dtype: 'float32', simd: false });
const exact = cpu({ dtype: 'float64' });
afterAll(() => {
  for (const device of [fast, plain, exact]) device.destroy();
});

/** Pool geometries in which every window holds a pixel. */
const cases = fc
  .record({
    channels: fc.integer({ min: 1, max: 3 }),
    kernel: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    stride: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    dilation: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 })),
    out: fc.tuple(fc.constantFrom(1, 2, 3, 4, 5, 7), fc.constantFrom(1, 3, 4, 5, 7, 8, 9, 16, 17)),
    pad: fc.tuple(fc.nat(1), fc.nat(1), fc.nat(1), fc.nat(1)),
    seed: fc.nat(1_000_000),
  })
  .map(({ out, pad, ...rest }) => {
    const padding = [0, 1].map((a) => [0, 1].map((side) => (rest.kernel[a]! > 1 ? pad[a * 2 + side]! : 0)));
    const size = [0, 1].map((a) =>
      Math.max(
        rest.dilation[a]! + 1,
        (out[a]! - 1) * rest.stride[a]! + (rest.kernel[a]! - 1) * rest.dilation[a]! + 1 - padding[a]![0]! - padding[a]![1]!,
      ),
    );
    return { ...rest, padding: padding as unknown as readonly [readonly [number, number], readonly [number, number]], size };
  });
type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

function options(c: Case): Pick<Case, 'stride' | 'dilation' | 'padding'> {
  return { stride: c.stride, dilation: c.dilation, padding: c.padding };
}

/** Values from a short range, so that ties are frequent. */
function withTies(seed: number, shape: Shape): Float32Array {
  return numbers(seed, shape).map((v) => Math.round(v * 2) / 2);
}

async function on(device: Device, shape: Shape, data: Float32Array, f: (x: Tensor) => Tensor): Promise<ArrayLike<number>> {
  const y = scope(() => f(device.tensor(data, shape)));
  const values = await y.data();
  y.dispose();
  return values;
}

describe('the SIMD pools', () => {
  it('find the very indices of the plain loop, ties and special values included', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.boolean(), async (c, special) => {
        const shape = [2, c.channels, ...c.size];
        const x = withTies(c.seed, shape);
        if (special) {
          for (let i = 0; i < x.length; i++)
            if ((i * 7 + c.seed) % 5 === 0) x[i] = [NaN, Infinity, -Infinity, -0][(i + c.seed) % 4]!;
        }
        const f = (t: Tensor): Tensor => maxPoolIndices(t, { ...options(c), kernel: c.kernel });
        expect(await on(fast, shape, x, f)).toEqual(await on(plain, shape, x, f));
      }),
      { seed: 21, numRuns: 200 },
    );
  });

  it('windows of -Infinity choose their first pixel, never the padding', async () => {
    const shape = [1, 1, 5, 6];
    const x = new Float32Array(30).fill(-Infinity);
    const f = (t: Tensor): Tensor =>
      maxPoolIndices(t, {
        kernel: [3, 3],
        stride: [1, 1],
        padding: [
          [1, 1],
          [1, 1],
        ],
        dilation: [1, 1],
      });
    const first = (p: number, q: number): number => Math.max(0, p - 1) * 6 + Math.max(0, q - 1);
    expect([...((await on(fast, shape, x, f)) as Float32Array)]).toEqual(
      Array.from({ length: 30 }, (_, i) => first(Math.floor(i / 6), i % 6)),
    );
  });

  it('a NaN in a window is the maximum', async () => {
    const x = numbers(3, [1, 1, 4, 8]);
    x[9] = NaN;
    for (const device of [fast, plain, exact]) {
      const y = await on(device, [1, 1, 4, 8], x, (t) => maxPool2d(t, 2));
      expect([...(y as Float32Array)].map(Number.isNaN)).toEqual(Array.from({ length: 8 }, (_, i) => i === 0));
    }
  });

  it('have the values and gradients of the float64 composite', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (c) => {
        const shape = [2, c.channels, ...c.size];
        const x = numbers(c.seed, shape);
        const pixels = c.kernel[0] * c.kernel[1];
        for (const pool of [maxPool2d, avgPool2d]) {
          const value = (t: Tensor): Tensor => pool(t, c.kernel, options(c));
          expect(
            roundingFault(
              await on(fast, shape, x, value),
              await on(exact, shape, x, value),
              await on(exact, shape, x.map(Math.abs), (t) => avgPool2d(t, c.kernel, options(c))),
              pixels,
              pool === maxPool2d ? Infinity : 8,
            ),
          ).toBeUndefined();
          const gradient =
            (absolute: boolean) =>
            (t: Tensor): Tensor => {
              const y = value(t);
              const g = numbers(c.seed + 1, y.shape);
              return grad(y, [t], { cotangent: t.device.tensor(absolute ? g.map(Math.abs) : g, y.shape) })[0];
            };
          expect(
            roundingFault(
              await on(fast, shape, x, gradient(false)),
              await on(exact, shape, x, gradient(false)),
              await on(exact, shape, x, gradient(true)),
              pixels + 2,
            ),
          ).toBeUndefined();
        }
      }),
      { seed: 22, numRuns: 120 },
    );
  });
});
