/** @file The float32 CPU device as a whole, and its memory. */
import { describe, expect, it } from 'vitest';
import {
  add,
  batchNorm2d,
  capture,
  conv2d,
  cpu,
  crossEntropy,
  BackendDevice,
  type Device,
  grad,
  LimitError,
  linear,
  maxPool2d,
  mul,
  noGrad,
  relu,
  reshape,
  scope,
  sub,
  sum,
  type Tensor,
} from '../../../src/index.ts';
import { SimdBackend } from '../../../src/backends/wasm/backend.ts';
import { numbers } from '../../support/float32.ts';

const MEGABYTE = 2 ** 20;

/** A small network's training step; the new parameters take the old ones' place. */
function trainingStep(device: Device): { readonly step: () => void; readonly parameters: () => readonly Tensor[] } {
  const x = device.parameter(numbers(1, [4, 3, 9, 9]), [4, 3, 9, 9]);
  const labels = device.parameter([0, 1, 2, 1], [4]);
  const shapes = [[8, 3, 3, 3], [8], [8], [3, 128]];
  let ps: readonly Tensor[] = shapes.map((shape, i) => device.parameter(numbers(i + 2, shape), shape));
  const step = (): void => {
    const next = scope(() => {
      const [w, gamma, beta, head] = ps as [Tensor, Tensor, Tensor, Tensor];
      const h = relu(batchNorm2d(conv2d(x, w, { padding: 1 }), { weight: gamma, bias: beta }));
      const loss = crossEntropy(linear(reshape(maxPool2d(h, 2), [4, 128]), head), labels);
      const gs = grad(loss, ps);
      return noGrad(() => ps.map((p, i) => sub(p, mul(gs[i]!, 0.01))));
    });
    for (const p of ps) p.dispose();
    ps = next;
  };
  return { step, parameters: () => ps };
}

describe('the float32 device', () => {
  it('holds as much memory after a hundred steps as after two', () => {
    const device = cpu({ dtype: 'float32' });
    const { step } = trainingStep(device);
    step();
    step();
    const before = device.memory();
    for (let i = 0; i < 100; i++) step();
    expect(device.memory()).toEqual(before);
  });

  it('trains as the plain float32 loops do, which it is where SIMD is missing', async () => {
    const results: Float32Array[] = [];
    for (const simd of [true, false]) {
      const device = cpu({ dtype: 'float32', simd });
      const { step, parameters } = trainingStep(device);
      for (let i = 0; i < 5; i++) step();
      results.push(...((await Promise.all(parameters().map((p) => p.data()))) as Float32Array[]));
    }
    const half = results.length / 2;
    for (let i = 0; i < half; i++) {
      results[i]!.forEach((v, j) => expect(Math.abs(v - results[half + i]![j]!)).toBeLessThan(1e-5));
    }
  });

  it('falls back to the plain loops where WebAssembly has no SIMD', () => {
    const { validate } = WebAssembly;
    WebAssembly.validate = () => false;
    try {
      expect(cpu({ dtype: 'float32' }).name).toBe('cpu float32');
    } finally {
      WebAssembly.validate = validate;
    }
    expect(cpu({ dtype: 'float32' }).name).toContain('SIMD');
  });

  it('keeps every value while its memory grows', async () => {
    const device = cpu({ dtype: 'float32' });
    const kept = Array.from({ length: 40 }, (_, i) => device.tensor(numbers(i, [300 * (i + 1)]), [300 * (i + 1)]));
    // Each doubles what is held, so that the memory grows under the tensors.
    const large = Array.from({ length: 6 }, (_, i) => device.zeros([2 ** i * 100_000]));
    for (const [i, t] of kept.entries()) expect(await t.data()).toEqual(numbers(i, [300 * (i + 1)]));
    for (const t of large) expect((await t.data()).every((v) => v === 0)).toBe(true);
  });

  it('refuses what does not fit with a LimitError, and goes on', async () => {
    const device = new BackendDevice(new SimdBackend({ maximumBytes: 8 * MEGABYTE }));
    const x = device.tensor([1, 2, 3], [3]);
    expect(() => device.zeros([3 * MEGABYTE])).toThrow(LimitError);
    expect(() => device.zeros([3 * MEGABYTE])).toThrow(/limit is 8388608 bytes/);
    device.zeros([1]).dispose();
    const before = device.memory();
    const held: Tensor[] = [];
    expect(() => {
      for (;;) held.push(device.zeros([MEGABYTE / 8]));
    }).toThrow(LimitError);
    for (const t of held) t.dispose();
    expect(device.memory().buffers).toBe(before.buffers);
    expect(await mul(x, 2).data()).toEqual(new Float32Array([2, 4, 6]));
  });

  it('refuses a step whose intermediates do not fit together, and gives everything back', async () => {
    const device = new BackendDevice(new SimdBackend({ maximumBytes: 8 * MEGABYTE }));
    const x = device.zeros([MEGABYTE / 4]);
    const before = device.memory();
    // Twelve megabytes alive at once.
    const wide = capture((t: Tensor) => Array.from({ length: 12 }, (_, i) => add(t, i)).reduce((a, b) => mul(a, add(b, t))));
    expect(() => wide(x)).toThrow(LimitError);
    expect(device.memory().buffers - before.buffers).toBeLessThanOrEqual(12);
    expect(device.memory().bytes - before.bytes).toBeLessThanOrEqual(12 * 4);
    const narrow = capture((t: Tensor) => sum(mul(add(t, 1), 2)));
    expect(await narrow(x).item()).toBe(MEGABYTE / 2);
  });

  it('counts live buffers and their bytes', () => {
    const device = cpu({ dtype: 'float32' });
    expect(device.memory()).toMatchObject({ tensors: 0, buffers: 0, bytes: 0, pooledBuffers: 0 });
    const x = device.tensor([1, 2, 3, 4, 5], [5]);
    const key = device.tensor(Uint32Array.of(1, 2), [2]);
    expect(device.memory()).toMatchObject({ tensors: 2, buffers: 2, bytes: 28 });
    x.dispose();
    key.dispose();
    expect(device.memory()).toMatchObject({ tensors: 0, buffers: 0, bytes: 0, pooledBuffers: 2, pooledBytes: 128 });
  });
});
