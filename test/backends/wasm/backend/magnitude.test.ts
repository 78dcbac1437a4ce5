/**
 * @file SIMD kernels at every magnitude: multiplying by a power of two is exact in float32, so a kernel that loses nothing beside large or
 * small numbers commutes with it to the bit. What a scale would push beyond float32, or among its subnormals, is left out.
 */
import { describe, expect, it } from 'vitest';
import {
  add,
  addAll,
  avgPool2d,
  batchNorm2d,
  conv2d,
  cpu,
  globalAvgPool2d,
  grad,
  logSumExp,
  matmul,
  maximum,
  maxPool2d,
  mean,
  mixedSum,
  relu,
  reshape,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
} from '../../../../src/index.ts';
import { numbers } from '../../../support/float32.ts';

/** An operation of x [2, 3, 6, 8] with y(s x) = s^degree y(x), at scales up to 2^highest. */
interface Homogeneous {
  readonly run: (x: Tensor) => Tensor;
  readonly degree: number;
  readonly highest: number;
}

const SHAPE = [2, 3, 6, 8];
// Numbers of up to 4, sums of up to 300 of them: 2^116 times that is still a float32.
const LINEAR = { degree: 1, highest: 116 };
const weights = (x: Tensor, seed: number, shape: number[]): Tensor => x.device.tensor(numbers(seed, shape), shape);

const OPERATIONS: Readonly<Record<string, Homogeneous>> = {
  add: { ...LINEAR, run: (x) => add(x, sub(x, relu(x))) },
  addAll: { ...LINEAR, run: (x) => addAll([x, x, relu(x), x]) },
  maximum: { ...LINEAR, run: (x) => maximum(x, relu(x)) },
  sqrt: { degree: 0.5, highest: 124, run: (x) => sqrt(relu(x)) },
  'sum of rows': { ...LINEAR, run: (x) => sum(x, [2, 3]) },
  'sum of columns': { ...LINEAR, run: (x) => sum(x, 1) },
  mean: { ...LINEAR, run: (x) => mean(x) },
  'sum of squares': { degree: 2, highest: 56, run: (x) => sum(square(x)) },
  'mixed sum': { ...LINEAR, run: (x) => mixedSum(weights(x, 1, [3]), [x, relu(x), x]) },
  matmul: { ...LINEAR, run: (x) => matmul(reshape(x, [36, 8]), weights(x, 2, [8, 12])) },
  conv2d: { ...LINEAR, run: (x) => conv2d(x, weights(x, 3, [4, 3, 3, 3]), { padding: 1 }) },
  'depthwise conv2d': { ...LINEAR, run: (x) => conv2d(x, weights(x, 4, [3, 1, 3, 3]), { padding: 1, groups: 3 }) },
  'conv2d of one pixel': { ...LINEAR, run: (x) => conv2d(x, weights(x, 5, [4, 3, 1, 1])) },
  avgPool2d: { ...LINEAR, run: (x) => avgPool2d(x, 3, { padding: 1 }) },
  maxPool2d: { ...LINEAR, run: (x) => maxPool2d(x, 3, { padding: 1 }) },
  globalAvgPool2d: { ...LINEAR, run: (x) => globalAvgPool2d(x) },
  // The variance is a sum of squares; an eps that shrinks along with it would be needed elsewhere.
  batchNorm2d: { degree: 0, highest: 56, run: (x) => batchNorm2d(x, { eps: 0 }) },
};

describe.each(Object.entries(OPERATIONS))('%s', (_name, { run, degree, highest }) => {
  // Downwards only so far that products of small numbers stay above the subnormals.
  const scales = [-40, -20, 20, 40, highest];

  it.each(scales)('commutes with a scale of 2^%i, its gradient too', async (k) => {
    const device = cpu({ dtype: 'float32' });
    const at = async (scale: number): Promise<readonly [ArrayLike<number>, ArrayLike<number>]> => {
      const x = device.tensor(
        numbers(9, SHAPE).map((v) => v * scale),
        SHAPE,
      );
      const y = run(x);
      const [g] = grad(y, [x], { cotangent: weights(x, 10, [...y.shape]) });
      return [await y.data(), await g.data()];
    };
    const [[y, g], [scaled, scaledGradient]] = [await at(1), await at(2 ** k)];
    const ys = 2 ** (k * degree);
    const gs = 2 ** (k * (degree - 1));
    expect([...Array.from(y, (v) => v * ys)]).toEqual([...Array.from(scaled)]);
    expect([...Array.from(g, (v) => v * gs)]).toEqual([...Array.from(scaledGradient)]);
    device.destroy();
  });
});

describe('logSumExp', () => {
  it('is the maximum beside numbers that vanish next to it, at every magnitude', async () => {
    const device = cpu({ dtype: 'float32' });
    for (let k = 10; k < 128; k++) {
      expect([...(await logSumExp(device.tensor([2 ** k, 0, -(2 ** k)], [1, 3])).data())]).toEqual([2 ** k]);
    }
  });
});
