/** @file The float32 CPU device beside the other devices: it runs on SIMD wherever WebAssembly has it, pages included. */
import { expect, it } from 'vitest';
import {
  avgPool2d,
  batchNorm2d,
  conv2d,
  cpu,
  crossEntropy,
  type Device,
  grad,
  linear,
  matmul,
  maxPool2d,
  relu,
  reshape,
  scope,
  sum,
} from '../../src/index.ts';
import { numbers } from '../support/float32.ts';

// The float32 CPU device compiles its kernels where it runs: in Node, and on a page's main thread.
it('the float32 CPU device runs here on SIMD and agrees with float64', async () => {
  const run = async (device: Device): Promise<number[]> => {
    const results = scope(() => {
      const make = (seed: number, shape: readonly number[]) => device.tensor(numbers(seed, shape), shape);
      const [x, w, depthwise, gamma, beta, head] = [
        make(1, [2, 3, 9, 9]),
        make(2, [5, 3, 3, 3]),
        make(3, [5, 1, 3, 3]),
        make(4, [5]),
        make(5, [5]),
        make(6, [4, 80]),
      ] as const;
      const a = relu(batchNorm2d(conv2d(x, w, { padding: 1 }), { weight: gamma, bias: beta }));
      const b = conv2d(a, depthwise, { stride: 2, padding: 2, dilation: 2, groups: 5 });
      const c = avgPool2d(maxPool2d(b, 3, { stride: 1, padding: 1 }), 2, { stride: 1 });
      const loss = crossEntropy(linear(reshape(c, [2, 80]), head), device.tensor([1, 3]));
      const product = sum(matmul(make(7, [40, 70]), make(8, [70, 300])), 0);
      return [loss, product, ...grad(loss, [x, w, depthwise, gamma, beta, head])];
    });
    const values = (await Promise.all(results.map(async (t) => [...(await t.data())]))).flat();
    for (const t of results) t.dispose();
    return values;
  };
  using fast = cpu({ dtype: 'float32' });
  using exact = cpu();
  expect(fast.name).toContain('SIMD');
  const [got, expected] = [await run(fast), await run(exact)];
  const largest = Math.max(...expected.map(Math.abs));
  got.forEach((v, i) => expect(Math.abs(v - expected[i]!)).toBeLessThan(1e-5 * (1 + Math.abs(expected[i]!)) + 1e-7 * largest));
});
