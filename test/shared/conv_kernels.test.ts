/** @file Convolution's three partials on the device against float64: every variant, at sizes around its tiles and workgroups. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { conv2d, conv2dFilter, type Conv2dOptions, type Device, grad, type Shape } from '../../src/index.ts';
import {
  bulk,
  checkOperationKernel,
  convolutions,
  type Operation,
  operation,
  type Spread,
  TRIPWIRE,
} from '../../src/testing/index.ts';
import { openDevice } from '../support/device.ts';

const SEED = 31;

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

interface Case {
  readonly input: Shape;
  readonly weight: Shape;
  readonly options: Conv2dOptions;
}

/** conv2d with its gradients, that is conv2dInput and conv2dFilter. */
function convolution(name: string, cases: fc.Arbitrary<Case>, spread: Spread): Operation {
  return operation({
    name,
    run: ([x, w], params: Case) => conv2d(x!, w!, params.options),
    order: 1,
    samples: () =>
      cases.chain((params) =>
        fc.tuple(bulk(params.input, spread), bulk(params.weight, spread)).map((inputs) => ({ inputs, params })),
      ),
  });
}

/**
 * Within the proved bound; and within the tripwire where signs mix. One-signed terms summed in a row of n err by about
 * 0.4 sqrt(n / 3) units, n up to 153 here: 2.9 at one standard deviation, 8.8 at the worst of some 10^4 elements.
 */
async function expectExact(op: Operation, runs: number, tripwire = TRIPWIRE): Promise<void> {
  const { failure, cases, tally } = await checkOperationKernel(op, device, { seed: SEED, runs });
  expect(failure?.message).toBeUndefined();
  expect(tally.worst).toBeLessThanOrEqual(tripwire);
  expect(cases).toBe(runs);
}

/** Image sizes around the tiles of four and those of the default search. */
const sizes = fc.constantFrom(5, 7, 8, 9, 13, 14);

/** Depthwise kernels that have a variant of their own, padding different on every side. */
const separable: fc.Arbitrary<Case> = fc
  .record({
    k: fc.constantFrom(3, 5),
    d: fc.constantFrom(1, 2),
    h: sizes,
    w: sizes,
    n: fc.constantFrom(1, 3),
    c: fc.constantFrom(1, 3, 4),
    less: fc.nat(1),
  })
  .map(({ k, d, h, w, n, c, less }) => {
    const reach = ((k - 1) * d) / 2;
    return {
      input: [n, c, h, w],
      weight: [c, 1, k, k],
      options: {
        groups: c,
        dilation: d,
        padding: [
          [reach + less, reach],
          [reach - less, reach + 1],
        ],
      },
    };
  });

/** Pointwise convolutions of stride 1 and 2, and channels around 4, 8 and 16, where the variants change. */
const channels = fc.constantFrom(1, 3, 4, 5, 8, 9, 16, 17);
const pointwise: fc.Arbitrary<Case> = fc
  .record({ i: channels, o: channels, h: sizes, w: sizes, stride: fc.constantFrom(1, 2), n: fc.constantFrom(1, 3) })
  .map(({ i, o, h, w, stride, n }) => ({ input: [n, i, h, w], weight: [o, i, 1, 1], options: { stride } }));

const dense: fc.Arbitrary<Case> = fc
  .record({ i: channels, o: channels, h: sizes, w: sizes, stride: fc.constantFrom(1, 2), k: fc.constantFrom(2, 3) })
  .map(({ i, o, h, w, stride, k }) => ({
    input: [2, i, h, w],
    weight: [o, i, k, k],
    options: {
      stride,
      padding: [
        [1, 0],
        [0, 1],
      ],
    },
  }));

const any: fc.Arbitrary<Case> = convolutions({ output: 6, kernel: 4, channels: 5 });

describe('conv2d, conv2dInput and conv2dFilter are within the proved bound of float64', () => {
  for (const spread of ['kink-safe', 'positive'] as const) {
    const tripwire = spread === 'positive' ? Infinity : TRIPWIRE;
    it(`depthwise 3x3 and 5x5, ${spread} values`, () => expectExact(convolution('depthwise', separable, spread), 12, tripwire));
    it(`pointwise, ${spread} values`, () => expectExact(convolution('pointwise', pointwise, spread), 12, tripwire));
    it(`dense, ${spread} values`, () => expectExact(convolution('dense', dense, spread), 10, tripwire));
    it(`any geometry, groups and rows left over, ${spread} values`, () =>
      expectExact(convolution('any', any, spread), 24, tripwire));
  }

  it('where lanes end just before, at and after a workgroup of 64', async () => {
    const cases = fc
      .constantFrom(63, 64, 65)
      .map((w): Case => ({ input: [1, 2, 4, w], weight: [3, 2, 1, 3], options: { padding: [0, 1] } }));
    await expectExact(convolution('boundary', cases, 'kink-safe'), 6);
  });
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
  const [second] = grad(gw!, [x], { cotangent: v });
  const [direct] = grad(conv2d(x, v, options), [x], { cotangent: g });
  expect(Array.from(await second!.data())).toEqual(Array.from(await direct!.data()));
});
