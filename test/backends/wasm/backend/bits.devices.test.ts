/** @file The bits of float32 results depend on the kind of kernels alone: not on Node's version, nor on running in a page. */
import { expect, it } from 'vitest';
import { relaxedRuns } from '../../../../src/backends/wasm/runtime/linker.ts';
import {
  add,
  avgPool2d,
  batchNorm2d,
  conv2d,
  cpu,
  type Device,
  grad,
  linear,
  matmul,
  maxPool2d,
  mean,
  mul,
  relu,
  reshape,
  scope,
  type Shape,
  type Tensor,
} from '../../../../src/index.ts';
import { digest } from '../../../support/bits.ts';

/** A digest of the gradients of a network that has convolutions of all kinds, products, pools and a norm. */
async function results(device: Device): Promise<string> {
  let places = 0;
  const parameter = (...shape: Shape): Tensor => {
    const place = places++;
    const size = shape.reduce((a, b) => a * b, 1);
    // Quotients of small integers: nothing that an engine computes in its own way.
    return device.parameter(
      Float32Array.from({ length: size }, (_, i) => (((i + 1) * (37 + 2 * place)) % 65) / 64 - 0.5),
      shape,
    );
  };
  const x = parameter(4, 3, 15, 13);
  const parameters = [
    parameter(8, 3, 3, 3),
    parameter(8, 1, 5, 5),
    parameter(12, 8, 1, 1),
    parameter(6, 12, 3, 3),
    parameter(70, 6 * 8 * 7),
    parameter(70, 300),
  ];
  const gradients = scope(() => {
    const [dense, deep, point, strided, head, wide] = parameters as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
    let h = relu(conv2d(x, dense, { padding: 1 }));
    h = conv2d(h, deep, { padding: 4, dilation: 2, groups: 8 });
    h = batchNorm2d(conv2d(h, point));
    h = add(maxPool2d(h, 3, { stride: 1, padding: 1 }), avgPool2d(h, 3, { stride: 1, padding: 1 }));
    h = conv2d(h, strided, { padding: 1, stride: 2 });
    const y = matmul(linear(reshape(h, [4, 6 * 8 * 7]), head), wide);
    return grad(mean(mul(y, y)), parameters);
  });
  return digest(await Promise.all(gradients.map((g) => g.data())));
}

const DIGESTS = { plain: '3e397397', relaxed: '33e3e377' };

it('plain kernels have their bits on every engine', async () => {
  expect(await results(cpu({ dtype: 'float32', kernels: 'plain' }))).toBe(DIGESTS.plain);
});

it.runIf(relaxedRuns())('relaxed kernels have theirs, wherever they are there', async () => {
  expect(await results(cpu({ dtype: 'float32', kernels: 'relaxed' }))).toBe(DIGESTS.relaxed);
});
