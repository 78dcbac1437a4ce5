/** @file The SIMD convolutions and their derivatives against the float64 loops. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { conv2d, conv2dFilter, conv2dInput, cpu, type Device, type Shape, type Tensor } from '../../../../src/index.ts';
import { numbers, roundingFault } from '../../../support/float32.ts';
import { kernelDevice, KERNELS } from '../../../support/kernels.ts';

/** Of the kernels under test. */
let fast: Device;
const exact = cpu({ dtype: 'float64' });
afterAll(() => exact.destroy());

interface Case {
  readonly n: number;
  readonly groups: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly padding: readonly [readonly [number, number], readonly [number, number]];
  readonly size: readonly [number, number];
  readonly seed: number;
}

/** A geometry from its output's size back; `tail` pixels at the end of each axis that no window reaches. */
const cases: fc.Arbitrary<Case> = fc
  .record({
    n: fc.integer({ min: 1, max: 3 }),
    groups: fc.constantFrom(1, 1, 2, 3, 5),
    inputs: fc.constantFrom(1, 1, 2, 3, 5),
    outputs: fc.constantFrom(1, 1, 2, 3, 4, 5, 8, 9),
    out: fc.tuple(fc.constantFrom(1, 2, 3, 4, 5, 7, 9), fc.constantFrom(1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 21)),
    kernel: fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 })),
    stride: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    dilation: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    padding: fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3), fc.nat(3)),
    tail: fc.tuple(fc.nat(2), fc.nat(2)),
    seed: fc.nat(1_000_000),
  })
  .map(({ out, padding, tail, ...rest }) => {
    const low: [number, number] = [padding[0], padding[2]];
    const high: [number, number] = [padding[1], padding[3]];
    const size = ([0, 1] as const).map((a) => {
      const extent =
        (out[a] - 1) * rest.stride[a] + (rest.kernel[a] - 1) * rest.dilation[a] + 1 + Math.min(tail[a], rest.stride[a] - 1);
      const pixels = extent - low[a] - high[a];
      // Where the padding would leave no image, the image grows instead of the output shrinking.
      return Math.max(1, pixels);
    }) as [number, number];
    return {
      ...rest,
      size,
      padding: [
        [low[0], high[0]],
        [low[1], high[1]],
      ] as const,
    };
  });

function shapes(c: Case): { readonly x: Shape; readonly w: Shape; readonly g: Shape } {
  const out = ([0, 1] as const).map((a) => {
    const padded = c.size[a] + c.padding[a][0] + c.padding[a][1];
    return Math.floor((padded - (c.kernel[a] - 1) * c.dilation[a] - 1) / c.stride[a]) + 1;
  });
  return {
    x: [c.n, c.groups * c.inputs, ...c.size],
    w: [c.groups * c.outputs, c.inputs, ...c.kernel],
    g: [c.n, c.groups * c.outputs, ...out],
  };
}

type Operation = (a: Tensor, b: Tensor) => Tensor;

async function fault(c: Case, a: Shape, b: Shape, terms: number, f: Operation): Promise<string | undefined> {
  const p = numbers(c.seed, a);
  const q = numbers(c.seed + 1, b);
  const run = async (device: Device, u: Float32Array, v: Float32Array): Promise<ArrayLike<number>> => {
    const [ta, tb] = [device.tensor(u, a), device.tensor(v, b)];
    const y = f(ta, tb);
    const data = await y.data();
    for (const t of [ta, tb, y]) t.dispose();
    return data;
  };
  const sizes = await run(exact, p.map(Math.abs), q.map(Math.abs));
  return roundingFault(await run(fast, p, q), await run(exact, p, q), sizes, terms);
}

describe.each(KERNELS)('%s kernels', (kernels) => {
  const device = kernelDevice(kernels);
  beforeAll(() => {
    fast = device();
  });

  describe('the SIMD convolutions equal the float64 loops to rounding', () => {
    it('forward', async () => {
      await fc.assert(
        fc.asyncProperty(cases, async (c) => {
          const s = shapes(c);
          expect(await fault(c, s.x, s.w, c.inputs * c.kernel[0] * c.kernel[1], (x, w) => conv2d(x, w, c))).toBeUndefined();
        }),
        { seed: 1, numRuns: 250 },
      );
    });

    it('the input partial', async () => {
      await fc.assert(
        fc.asyncProperty(cases, async (c) => {
          const s = shapes(c);
          expect(
            await fault(c, s.g, s.w, c.outputs * c.kernel[0] * c.kernel[1], (g, w) => conv2dInput(g, w, s.x, c)),
          ).toBeUndefined();
        }),
        { seed: 2, numRuns: 250 },
      );
    });

    it('the filter partial', async () => {
      await fc.assert(
        fc.asyncProperty(cases, async (c) => {
          const s = shapes(c);
          expect(await fault(c, s.x, s.g, c.n * s.g[2]! * s.g[3]!, (x, g) => conv2dFilter(x, g, s.w, c))).toBeUndefined();
        }),
        { seed: 3, numRuns: 250 },
      );
    });

    it('depthwise convolutions of as many rows as a tile, fewer and more', async () => {
      for (let rows = 1; rows <= 13; rows++) {
        for (const columns of [4, 5, 8]) {
          for (const [side, stride, dilation] of [
            [3, 1, 1],
            [5, 1, 1],
            [5, 1, 2],
            [3, 2, 1],
            [5, 2, 2],
          ] as const) {
            const low = (dilation * (side - 1)) / 2;
            const c: Case = {
              n: 2,
              groups: 2,
              inputs: 1,
              outputs: 1,
              kernel: [side, side],
              stride: [stride, stride],
              dilation: [dilation, dilation],
              padding: [
                [low, low],
                [low, low],
              ],
              size: [rows * stride, columns * stride],
              seed: 100 * rows + columns,
            };
            const s = shapes(c);
            const weights = side * side;
            expect(await fault(c, s.x, s.w, weights, (x, w) => conv2d(x, w, c))).toBeUndefined();
            expect(await fault(c, s.g, s.w, weights, (g, w) => conv2dInput(g, w, s.x, c))).toBeUndefined();
            expect(await fault(c, s.x, s.g, 2 * rows * columns, (x, g) => conv2dFilter(x, g, s.w, c))).toBeUndefined();
          }
        }
      }
    });

    it('pointwise convolutions of planes of every size around a vector', async () => {
      for (const side of [
        [1, 1],
        [1, 3],
        [2, 2],
        [1, 5],
        [2, 3],
        [1, 7],
        [3, 3],
        [3, 5],
        [4, 4],
        [7, 7],
        [1, 31],
        [8, 4],
        [3, 11],
      ] as const) {
        for (const [inputs, outputs] of [
          [1, 1],
          [3, 4],
          [4, 3],
          [6, 5],
          [16, 16],
        ] as const) {
          const c: Case = {
            n: 2,
            groups: 1,
            inputs,
            outputs,
            kernel: [1, 1],
            stride: [1, 1],
            dilation: [1, 1],
            padding: [
              [0, 0],
              [0, 0],
            ],
            size: side,
            seed: side[1],
          };
          const s = shapes(c);
          expect(await fault(c, s.x, s.w, inputs, (x, w) => conv2d(x, w, c))).toBeUndefined();
          expect(await fault(c, s.g, s.w, outputs, (g, w) => conv2dInput(g, w, s.x, c))).toBeUndefined();
          expect(await fault(c, s.x, s.g, 2 * side[0] * side[1], (x, g) => conv2dFilter(x, g, s.w, c))).toBeUndefined();
        }
      }
    });
  });

  it.each([
    ['dense', 1],
    ['depthwise', 3],
  ] as const)('a %s convolution reads none of the numbers that earlier work left in scratch', async (_name, groups) => {
    const geometry = { padding: 1, groups };
    const poison = fast.tensor(new Float32Array(2 * 3 * 9 * 9).fill(NaN), [2, 3, 9, 9]);
    const w = fast.tensor(numbers(1, [3, 3 / groups, 3, 3]), [3, 3 / groups, 3, 3]);
    const x = fast.tensor(numbers(2, [2, 3, 5, 5]), [2, 3, 5, 5]);
    const g = fast.tensor(numbers(3, [2, 3, 5, 5]), [2, 3, 5, 5]);
    conv2d(poison, w, geometry);
    conv2dFilter(poison, poison, w.shape, geometry);
    for (const y of [conv2d(x, w, geometry), conv2dInput(g, w, x.shape, geometry), conv2dFilter(x, g, w.shape, geometry)]) {
      expect((await y.data()).every(Number.isFinite)).toBe(true);
    }
  });
});
