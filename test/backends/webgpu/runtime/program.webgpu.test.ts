/** @file What a replay asks of WebGPU: nothing to be made, and kernels compiled once, beside one another. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  batchNorm2d,
  capture,
  conv2d,
  type Device,
  GpuError,
  grad,
  maxPool2d,
  relu,
  sum,
  type Tensor,
} from '../../../../src/index.ts';
import { SGD } from '../../../../src/optim/index.ts';
import type { WebGpuBackend } from '../../../../src/backends/webgpu/backend.ts';
import { webgpu } from '../../../../src/devices/webgpu.ts';

let device: Device;
let gpu: GPUDevice;
/** Calls of each method of the device that makes something. */
let calls: Map<string, number>;

beforeAll(async () => {
  device = await webgpu();
  gpu = (device.backend as WebGpuBackend).gpuDevice;
  calls = new Map();
  const counted = [
    'createBuffer',
    'createBindGroup',
    'createComputePipeline',
    'createComputePipelineAsync',
    'createShaderModule',
  ] as const;
  for (const name of counted) {
    const original = gpu[name].bind(gpu) as (...args: unknown[]) => unknown;
    Object.defineProperty(gpu, name, {
      value: (...args: unknown[]) => {
        calls.set(name, (calls.get(name) ?? 0) + 1);
        return original(...args);
      },
    });
  }
});
afterAll(() => device.destroy());

function network(): (x: Tensor) => Tensor {
  const w = device.parameter(
    Array.from({ length: 72 }, (_, i) => Math.sin(i) / 4),
    [8, 1, 3, 3],
  );
  const optimizer = new SGD([w], { lr: 0.1, momentum: 0.9, weightDecay: 0 });
  optimizer.prepare();
  return (x) => {
    const loss = sum(maxPool2d(relu(batchNorm2d(conv2d(x, w, { padding: 1 }))), 2, { stride: 2 }));
    optimizer.apply(grad(loss, [w]));
    return loss;
  };
}

const images = (seed: number): Tensor =>
  device.tensor(
    Array.from({ length: 2 * 64 }, (_, i) => Math.cos(i * seed)),
    [2, 1, 8, 8],
  );

describe('on WebGPU', () => {
  it('prepare compiles every kernel asynchronously, each once, and the calls after it compile none', async () => {
    const step = capture(network());
    const again = capture(network());
    const x = images(1);
    await device.finish();
    calls.clear();
    let most = 0;
    await step.prepare([x], (_compiled, of) => (most = of));
    expect(most).toBeGreaterThan(5);
    expect(calls.get('createComputePipelineAsync')).toBe(most);
    expect(calls.get('createComputePipeline')).toBeUndefined();
    calls.clear();
    step(x).dispose();
    await step.prepare([x]);
    await again.prepare([x]);
    again(x).dispose();
    expect([...calls.keys()].filter((name) => /Pipeline|Shader/.test(name))).toEqual([]);
    await device.finish();
    for (const t of [step, again, x]) t.dispose();
  });

  it('a replay makes no buffer and no bind group', async () => {
    const step = capture(network());
    const xs = [images(2), images(3)];
    step(xs[0]!).dispose();
    await device.finish();
    calls.clear();
    const losses: number[] = [];
    for (let i = 0; i < 6; i++) {
      const loss = step(xs[i % 2]!);
      losses.push(await loss.item());
      loss.dispose();
    }
    // The read-back's staging buffer may be new.
    expect((calls.get('createBuffer') ?? 0) <= 1).toBe(true);
    expect(calls.get('createBindGroup')).toBeUndefined();
    expect(new Set(losses).size).toBe(6);
    step.dispose();
  });

  it('a kernel that does not compile is reported with its name and line by prepare, and again by the first wait after a call', async () => {
    const step = capture((x: Tensor) => {
      const code =
        '@group(0) @binding(0) var<storage, read_write> y: array<f32>;\n@compute @workgroup_size(1) fn main() { y[0] = nothing; }';
      return device.launch({ kind: 'wgsl', name: 'broken in a captured step', code, workgroups: [1, 1, 1] }, [], [x.shape])[0]!;
    });
    const x = images(4);
    await expect(step.prepare([x])).rejects.toThrow(/broken in a captured step[\s\S]*line 2/);
    step(x);
    await expect(device.finish()).rejects.toThrow(GpuError);
    await device.finish();
  });
});
