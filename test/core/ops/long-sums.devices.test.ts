/** @file Long float32 sums and products: ten million equal terms, along any axis, to a relative error below 1e-6. */
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import {
  batchNorm2d,
  conv2d,
  cpu,
  type Device,
  dot,
  globalAvgPool2d,
  grad,
  matmul,
  mean,
  mixedSum,
  mul,
  put,
  scope,
  type Shape,
  slice,
  sum,
  type Tensor,
  variance,
} from '../../../src/index.ts';
import { webgpu } from '../../../src/devices/webgpu.ts';

// In a page the adapter is a processor's, and one thread of it.
const TERMS = typeof document === 'undefined' ? 1e7 : 1e6;
/** Neither it nor its multiples are short in binary. */
const TERM = Math.fround(0.1);

let device: Device;
beforeAll(async () => {
  device = inject('device') === 'cpu' ? cpu({ dtype: 'float32' }) : await webgpu();
});
afterAll(() => device.destroy());

/** The largest relative error of the elements that should all be `expected`. */
async function worst(make: () => Tensor, expected: number): Promise<number> {
  const y = scope(make);
  const data = await y.data();
  y.dispose();
  let most = 0;
  for (const v of data) most = Math.max(most, Math.abs(v / expected - 1));
  return most;
}

const terms = (shape: Shape): Tensor => device.full(shape, TERM);
const ones = (shape: Shape): Tensor => device.ones(shape);
const side = Math.floor(Math.sqrt(TERMS));
const fewer = Math.floor(Math.sqrt(TERMS / 8));

/** The gradient by the filter of a convolution of stride 1 without padding whose cotangent is ones. */
function filterGradient(image: Shape, filter: Shape, groups = 1): Tensor {
  const w = ones(filter);
  const y = conv2d(terms(image), w, { groups });
  return grad(y, [w], { cotangent: ones(y.shape) })[0];
}

/** TERM and -TERM by turns, so that the mean is 0 and every square the same. */
function alternating(shape: Shape): Tensor {
  const signs = Float32Array.from({ length: TERMS }, (_, i) => (i % 2 === 0 ? TERM : -TERM));
  return device.tensor(signs, shape);
}

const cases: readonly (readonly [name: string, make: () => Tensor, expected: number])[] = [
  ['sum of all', () => sum(terms([TERMS])), TERM * TERMS],
  ['sum over the first axis', () => sum(terms([TERMS / 5, 5]), 0), (TERM * TERMS) / 5],
  ['sum over a middle axis', () => sum(terms([2, TERMS / 10, 5]), 1), (TERM * TERMS) / 10],
  ['sum over the last axis', () => sum(terms([5, TERMS / 5]), 1), (TERM * TERMS) / 5],
  ['mean', () => mean(terms([TERMS])), TERM],
  ['dot', () => dot(terms([TERMS]), ones([TERMS])), TERM * TERMS],
  ['variance', () => variance(alternating([TERMS])), TERM * TERM],
  ['global average', () => globalAvgPool2d(terms([1, 1, side, side])), TERM],
  ['matmul of one row', () => matmul(terms([1, TERMS]), ones([TERMS, 1])), TERM * TERMS],
  ['matmul', () => matmul(terms([4, TERMS / 4]), ones([TERMS / 4, 8])), (TERM * TERMS) / 4],
  ['matmul by a transpose', () => matmul(terms([4, TERMS / 4]), ones([8, TERMS / 4]), { transposeB: true }), (TERM * TERMS) / 4],
  ['matmul of a transpose', () => matmul(terms([TERMS / 4, 4]), ones([TERMS / 4, 8]), { transposeA: true }), (TERM * TERMS) / 4],
  ['matmul of 1000 terms', () => matmul(terms([20, 1000]), ones([1000, 24])), TERM * 1000],
  ['matmul of 20000 terms', () => matmul(terms([20, 20_000]), ones([20_000, 24])), TERM * 20_000],
  ['convolution of one pixel', () => conv2d(terms([1, TERMS, 1, 1]), ones([1, TERMS, 1, 1])), TERM * TERMS],
  ['convolution of 128 channels', () => conv2d(terms([1, 128, 8, 8]), ones([8, 128, 3, 3])), TERM * 128 * 9],
  ['filter gradient of one pixel', () => filterGradient([1, 1, side, side], [1, 1, 1, 1]), TERM * side ** 2],
  ['filter gradient, 3x3', () => filterGradient([1, 1, side, side], [1, 1, 3, 3]), TERM * (side - 2) ** 2],
  ['filter gradient, 4 outputs', () => filterGradient([1, 8, fewer, fewer], [4, 8, 3, 3]), TERM * (fewer - 2) ** 2],
  ['filter gradient, depthwise', () => filterGradient([1, 8, fewer, fewer], [8, 1, 3, 3], 8), TERM * (fewer - 2) ** 2],
  [
    'batch norm, its variance',
    () => {
      const running = device.zeros([2, 1]);
      batchNorm2d(alternating([1, 1, 1, TERMS]), { running, momentum: 1 });
      return mul(slice(running, [1]), (TERMS - 1) / TERMS);
    },
    TERM * TERM,
  ],
  [
    'batch norm, the gradient of its bias',
    () => {
      const bias = device.zeros([1]);
      const y = batchNorm2d(alternating([1, 1, 1, TERMS]), { weight: ones([1]), bias });
      return grad(y, [bias], { cotangent: terms(y.shape) })[0];
    },
    TERM * TERMS,
  ],
  [
    'weighted sum, the gradient of its weight',
    () => {
      const z = ones([1]);
      const y = mixedSum(z, [terms([TERMS])]);
      return grad(y, [z], { cotangent: ones(y.shape) })[0];
    },
    TERM * TERMS,
  ],
  ['put into one place', () => put(terms([1, TERMS]), device.zeros([1, TERMS]), 1), TERM * TERMS],
];

it.each(cases)('%s', { timeout: 120_000 }, async (_name, make, expected) => {
  expect(await worst(make, expected)).toBeLessThan(1e-6);
});
