/** @file The WebGPU backend: compilation, errors after the fact, limits, memory, and the order of writes and dispatches. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  add,
  cpu,
  type Device,
  DeviceLostError,
  GpuError,
  grad,
  LimitError,
  matmul,
  mul,
  neg,
  relu,
  scope,
  sum,
  type WgslKernel,
} from '../../../src/index.ts';
import { WebGpuBackend } from '../../../src/backends/webgpu/backend.ts';
import { webgpu } from '../../../src/devices/webgpu.ts';
import * as shaders from '../../../src/backends/webgpu/shaders.gen.ts';

let device: Device;
beforeAll(async () => {
  device = await webgpu();
});
afterAll(() => device.destroy());

function backendOf(d: Device): WebGpuBackend {
  if (!(d.backend instanceof WebGpuBackend)) throw new Error('not a WebGPU device');
  return d.backend;
}

/** Every combination of the values that a shader's `override` constants of type bool and its OP take. */
function variants(code: string, operations: Readonly<Record<string, number>>): Record<string, number>[] {
  let found: Record<string, number>[] = [{}];
  for (const [, name, type] of code.matchAll(/^override (\w+)\s*:\s*(\w+)/gm)) {
    const values = type === 'bool' ? [0, 1] : name === 'OP' ? Object.values(operations) : [];
    if (values.length > 0) found = found.flatMap((v) => values.map((value) => ({ ...v, [name!]: value })));
  }
  return found;
}

describe('every shader', () => {
  for (const { name, code, entryPoints, operations } of Object.values(shaders)) {
    it(`${name} compiles with every variant and no message`, async () => {
      const gpu = backendOf(device).gpuDevice;
      // A device without subgroups never runs such a shader.
      if (/^enable subgroups;/m.test(code) && !gpu.features.has('subgroups')) return;
      // Nor one that binds more buffers than it can.
      if ([...code.matchAll(/var<storage/g)].length > gpu.limits.maxStorageBuffersPerShaderStage) return;
      const module = gpu.createShaderModule({ label: name, code });
      const { messages } = await module.getCompilationInfo();
      expect(messages.map((m) => `${m.lineNum}:${m.linePos} ${m.message}`)).toEqual([]);
      expect(entryPoints.length).toBeGreaterThan(0);
      for (const entryPoint of entryPoints) {
        for (const constants of variants(code, operations)) {
          const pipeline = await gpu.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint, constants } });
          expect(pipeline.getBindGroupLayout(0)).toBeDefined();
        }
      }
    });
  }
});

const BROKEN: WgslKernel = {
  kind: 'wgsl',
  name: 'broken',
  code: '@group(0) @binding(0) var<storage, read_write> y: array<f32>;\n@compute @workgroup_size(64)\nfn main() { y[0] = 1u; }',
  workgroups: [1, 1, 1],
};

describe('errors', () => {
  it('of the compiler are thrown at the next read, with the kernel, the line and the message, and then forgotten', async () => {
    const d = await webgpu();
    const [y] = d.launch(BROKEN, [], [[4]]);
    // Tint points at what is assigned, naga at what it is assigned to; both name the two types in their first line.
    await expect(y!.data()).rejects.toThrow(/broken: the WGSL does not compile\n {2}line 3, column (18|13): .*u32.*f32/);
    expect([...(await d.tensor([1, 2]).data())]).toEqual([1, 2]);
    d.destroy();
  });

  it('of validation are thrown as GpuError by finish(), once', async () => {
    const d = await webgpu();
    // A binding that the shader does not have.
    d.launch(
      { ...BROKEN, name: 'one binding too many', code: '@compute @workgroup_size(64) fn main() {}', entryPoint: 'absent' },
      [],
      [[4]],
    );
    await expect(d.finish()).rejects.toThrow(GpuError);
    await d.finish();
    d.destroy();
  });

  it('of a destroyed device are DeviceLostError, whatever is called', async () => {
    const d = await webgpu();
    const x = d.tensor([1, 2]);
    const late = x.data().then(
      () => 'read',
      (error: unknown) => error,
    );
    d.destroy();
    expect(await late).toSatisfy((v) => v === 'read' || v instanceof DeviceLostError);
    expect(() => add(x, x)).toThrow(DeviceLostError);
    expect(() => d.tensor([1])).toThrow(/make a new device/);
    await expect(x.data()).rejects.toThrow(DeviceLostError);
    await expect(d.finish()).rejects.toThrow(DeviceLostError);
    x.dispose();
    d.destroy();
  });

  it('of size are LimitError, name the limit, and come before anything is allocated', () => {
    const before = device.memory();
    const limit = backendOf(device).gpuDevice.limits.maxStorageBufferBindingSize;
    expect(() => device.empty([limit / 4 + 1])).toThrow(LimitError);
    expect(() => device.empty([2 ** 31])).toThrow(/maxStorageBufferBindingSize|maxBufferSize/);
    expect(device.memory()).toEqual(before);
  });

  it('of a grid beyond the limit are LimitError', () => {
    const kernel: WgslKernel = { ...BROKEN, name: 'wide', workgroups: [65536, 1, 1] };
    expect(() => scope(() => device.launch(kernel, [], [[1]]))).toThrow(/maxComputeWorkgroupsPerDimension/);
  });
});

describe('memory', () => {
  it('is the same after every training step of 100', async () => {
    const w = device.parameter(
      Array.from({ length: 64 }, (_, i) => Math.sin(i)),
      [8, 8],
    );
    const seen = new Set<string>();
    for (let i = 0; i < 100; i++) {
      const loss = scope(() => {
        const x = device.tensor(
          Array.from({ length: 32 }, (_, k) => Math.cos(i + k)),
          [4, 8],
        );
        const y = sum(relu(matmul(relu(matmul(x, w)), w)));
        const [g] = grad(y, [w]);
        device.run('sgd', { nesterov: false }, [g, device.tensor([0.001, 0, 0, 1])], [w, device.zeros([8, 8])]);
        return y;
      });
      await loss.item();
      loss.dispose();
      if (i > 0) seen.add(JSON.stringify(device.memory()));
    }
    expect([...seen]).toHaveLength(1);
    w.dispose();
  });

  it('of tensors that live in one buffer is counted once and freed with the last of them', () => {
    const before = device.memory();
    const { backend } = device;
    const whole = backend.alloc(256, 'float32');
    const part = backend.view(whole, 64, 10, 'float32');
    expect(device.memory().bytes - before.bytes).toBe(1024);
    backend.free(whole);
    expect(device.memory().bytes - before.bytes).toBe(1024);
    backend.free(part);
    expect(device.memory().bytes).toBe(before.bytes);
  });

  it('is bounded in a loop that never waits: dispatches are handed over in batches, and their memory is used again', async () => {
    const d = await webgpu();
    const x = d.tensor(new Float32Array(1024));
    for (let i = 0; i < 1000; i++) scope(() => void add(x, x));
    const { pending } = backendOf(d).queue();
    expect(pending).toBeLessThanOrEqual(64);
    expect(d.memory().pooledBuffers).toBeLessThanOrEqual(65);
    await d.finish();
    expect(backendOf(d).queue()).toEqual({ inFlight: 0, pending: 0 });
    d.destroy();
  });
});

describe('order', () => {
  it('a write does not overtake a recorded dispatch that reads the old contents', async () => {
    const x = device.tensor([1, 2, 3, 4]);
    const doubled = add(x, x);
    device.backend.write(x.storage.handle, Float32Array.of(10, 20, 30, 40));
    expect([...(await doubled.data())]).toEqual([2, 4, 6, 8]);
    expect([...(await x.data())]).toEqual([10, 20, 30, 40]);
  });

  it('memory freed while a recorded dispatch still reads it is not handed out to a write before', async () => {
    const results = Array.from({ length: 20 }, (_, i) => {
      const x = device.tensor([i, i, i, i]);
      const y = mul(x, x);
      x.dispose();
      return y;
    });
    for (const [i, y] of results.entries()) expect((await y.data())[0]).toBe(i * i);
  });

  it('an output may share memory with an input', async () => {
    const { backend } = device;
    const whole = device.tensor(Array.from({ length: 128 }, (_, i) => i));
    const half = (offset: number) => ({
      handle: backend.view(whole.storage.handle, offset, 64, 'float32'),
      shape: [64],
      dtype: 'float32' as const,
    });
    backend.run('add', {}, [half(0), half(64)], [half(64)]);
    const got = await whole.data();
    expect(got[3]).toBe(3);
    expect(got[64 + 3]).toBe(3 + 67);
  });

  it('a view is written to its end and no further', async () => {
    const { backend } = device;
    for (const n of [1, 2, 3, 5, 61, 62, 63]) {
      const whole = device.tensor(new Float32Array(192).fill(9));
      const ones = device.ones([n]);
      const view = { handle: backend.view(whole.storage.handle, 64, n, 'float32'), shape: [n], dtype: 'float32' as const };
      backend.run('neg', {}, [ones.operand('test')], [view]);
      backend.run('add', {}, [ones.operand('test'), ones.operand('test')], [view]);
      const got = [...(await whole.data())];
      expect(got).toEqual(Array.from({ length: 192 }, (_, i) => (i >= 64 && i < 64 + n ? 2 : 9)));
    }
  });

  it('results of a long chain of dispatches do not depend on where batches end', async () => {
    const reference = cpu({ dtype: 'float32' });
    const chain = (d: Device) =>
      scope(() => {
        let x = d.tensor([1, 2, 3]);
        for (let i = 0; i < 200; i++) x = add(mul(x, 0.5), i % 7);
        return x;
      });
    expect(await chain(device).data()).toEqual(await chain(reference).data());
  });
});

it('code that never awaits gets a typed error before the driver breaks, and the device goes on after a wait', async () => {
  const own = await webgpu();
  const x = own.parameter([3]);
  const flood = (): void => {
    for (let i = 0; i < 400_000; i++) scope(() => neg(x)).dispose();
  };
  expect(flood).toThrow(/waiting for the device.*await device\.finish\(\)/);
  await own.finish();
  expect(await neg(x).item()).toBe(-3);
  own.destroy();
}, 180_000);

it('kernels with more than 65535 workgroups are folded into two dimensions', async () => {
  const n = 2 ** 21 + 5;
  const column = device.ones([n, 1]);
  const pair = device.tensor([1, 2]);
  // A broadcast takes one invocation an element: 65537 workgroups of 64.
  const y = mul(column, pair);
  const total = sum(y, 0);
  expect([...(await total.data())]).toEqual([n, 2 * n]);
  for (const t of [column, pair, y, total]) t.dispose();
});
