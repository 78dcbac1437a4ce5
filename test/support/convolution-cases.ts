/** @file Convolutions around the tiles and workgroups of every kernel, and what their three partials must keep to. */
import fc from 'fast-check';
import { expect } from 'vitest';
import { conv2d, type Conv2dOptions, type Device, type Shape } from '../../src/index.ts';
import {
  bulk,
  checkOperationKernel,
  convolutions,
  type Operation,
  operation,
  type Spread,
  TRIPWIRE,
} from '../../src/testing/properties/index.ts';

const SEED = 31;

export interface Case {
  readonly input: Shape;
  readonly weight: Shape;
  readonly options: Conv2dOptions;
}

/** conv2d with its gradients, that is conv2dInput and conv2dFilter. */
export function convolution(name: string, cases: fc.Arbitrary<Case>, spread: Spread): Operation {
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
export async function expectExact(device: Device, op: Operation, runs: number, tripwire: number = TRIPWIRE): Promise<void> {
  const { failure, cases, tally } = await checkOperationKernel(op, device, { seed: SEED, runs });
  expect(failure?.message).toBeUndefined();
  expect(tally.worst).toBeLessThanOrEqual(tripwire);
  expect(cases).toBe(runs);
}

/** Image sizes around the tiles of four and those of the default search. */
const sizes = fc.constantFrom(5, 7, 8, 9, 13, 14);

/** Depthwise kernels that have a variant of their own, padding different on every side. */
export const separable: fc.Arbitrary<Case> = fc
  .record({
    k: fc.constantFrom(3, 5),
    d: fc.constantFrom(1, 2, 3),
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
export const pointwise: fc.Arbitrary<Case> = fc
  .record({
    i: channels,
    o: channels,
    groups: fc.constantFrom(1, 1, 2),
    h: sizes,
    w: sizes,
    stride: fc.constantFrom(1, 1, 2),
    n: fc.constantFrom(1, 3),
  })
  .map(({ i, o, groups, h, w, stride, n }) => ({
    input: [n, i * groups, h, w],
    weight: [o * groups, i, 1, 1],
    options: { stride, groups },
  }));

export const dense: fc.Arbitrary<Case> = fc
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

/** 3x3 of stride 1, groups, padding up to 2 that differs on every side: the tiles that load a pixel once for nine taps. */
const side = fc.nat(2);
export const plain3x3: fc.Arbitrary<Case> = fc
  .record({
    groups: fc.constantFrom(1, 1, 2),
    i: fc.constantFrom(1, 3, 4, 9),
    o: fc.constantFrom(3, 4, 5, 8, 9, 12),
    h: sizes,
    w: sizes,
    n: fc.constantFrom(1, 3),
    padding: fc.tuple(fc.tuple(side, side), fc.tuple(side, side)),
  })
  .map(({ groups, i, o, h, w, n, padding }) => ({
    input: [n, groups * i, h, w],
    weight: [groups * o, i, 3, 3],
    options: { groups, padding },
  }));

export const anyGeometry: fc.Arbitrary<Case> = convolutions({ output: 6, kernel: 4, channels: 5 });
