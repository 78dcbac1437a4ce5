/** @file A compiler that refuses subgroups although the device lists them: kernels without stand in, and it is said once. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { conv2d, type Device, matmul, type Tensor } from '../../../../src/index.ts';
import type { WebGpuBackend } from '../../../../src/backends/webgpu/backend.ts';
import { requestAdapter, requestDevice } from '../../../../src/backends/webgpu/runtime/adapter.ts';
import { refusesSubgroups, SUBGROUP_SHADERS } from '../../../../src/backends/webgpu/runtime/trial.ts';
import * as shaders from '../../../../src/backends/webgpu/shaders.gen.ts';
import { webgpuFrom } from '../../../../src/webgpu/index.ts';
import { numbers } from '../../../support/float32.ts';

const adapter = await requestAdapter({});
const hasSubgroups = adapter.features.has('subgroups');

/** The adapter's device, as it is but for what `changes` says. Methods are called on the device itself, which they insist on. */
function disguised(device: GPUDevice, changes: Partial<GPUDevice>): GPUDevice {
  return new Proxy(device, {
    get(target, name) {
      const changed = (changes as Record<string | symbol, unknown>)[name];
      if (changed !== undefined) return changed;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

const opened: GPUDevice[] = [];

async function open(): Promise<GPUDevice> {
  const device = await requestDevice(await requestAdapter({}));
  opened.push(device);
  return device;
}

afterEach(() => {
  vi.restoreAllMocks();
  for (const device of opened.splice(0)) device.destroy();
});

/** A device that lists subgroups, whose compiler takes no shader that `refuses` picks. It keeps what it was given. */
async function refusing(refuses: (code: string) => boolean): Promise<{ device: GPUDevice; codes: string[] }> {
  const real = await open();
  const codes: string[] = [];
  const device = disguised(real, {
    features: new Set([...real.features, 'subgroups']),
    createShaderModule: (descriptor: GPUShaderModuleDescriptor) => {
      codes.push(descriptor.code);
      // What wgpu said of the directive: an extension that it does not know.
      return real.createShaderModule(
        refuses(descriptor.code) ? { ...descriptor, code: `enable unknown;\n${descriptor.code}` } : descriptor,
      );
    },
  });
  return { device, codes };
}

/** A product large enough for the kernels with subgroups, and a pointwise convolution. */
async function compute(device: Device): Promise<number[]> {
  const square = (seed: number): Tensor => device.tensor(numbers(seed, [256, 256]), [256, 256]);
  const image = device.tensor(numbers(3, [1, 8, 8, 8]), [1, 8, 8, 8]);
  const weights = device.tensor(numbers(4, [8, 8, 1, 1]), [8, 8, 1, 1]);
  const product = await matmul(square(1), square(2)).data();
  return [...product, ...(await conv2d(image, weights).data())];
}

const enablesSubgroups = (code: string): boolean => code.includes('enable subgroups;');

it('the trial knows every shader that enables anything', () => {
  const kernels = Object.values(shaders).filter((shader) => shader !== shaders.subgroupsTrial);
  const enabling = kernels.filter(({ code }) => /^\s*enable\b/m.test(code));
  expect(SUBGROUP_SHADERS.map(({ name }) => name).sort()).toEqual(enabling.map(({ name }) => name).sort());
});

it.skipIf(!hasSubgroups)('a compiler that takes them is not held against', async () => {
  expect(await refusesSubgroups(await open())).toBeUndefined();
});

describe.each<readonly [string, (code: string) => boolean]>([
  ['refuses the directive', enablesSubgroups],
  ['refuses one kernel alone', (code) => code === shaders.matmulSubgroups.code],
])('a compiler that %s', (_name, refuses) => {
  it('is found out, and every kernel without subgroups stands in: the same results', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const { device, codes } = await refusing(refuses);
    const tried = await webgpuFrom(disguised(device, { adapterInfo: { description: `a name for ${_name}` } as GPUAdapterInfo }));
    expect((tried.backend as WebGpuBackend).traits.subgroups).toBe(false);
    codes.length = 0;
    const found = await compute(tried);
    expect(codes.length).toBeGreaterThan(0);
    expect(codes.filter(enablesSubgroups)).toEqual([]);
    const plain = await webgpuFrom(await open(), { withoutSubgroups: true });
    expect(found).toEqual(await compute(plain));
    expect(warn.mock.calls.map(([line]) => String(line))).toEqual([
      expect.stringMatching(
        /^reparam: a name for .* lists the feature subgroups, but its compiler refuses it \(.+\); kernels without/,
      ),
    ]);
  });

  it('is told of once, however many devices are opened', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    for (let i = 0; i < 2; i++) {
      const { device } = await refusing(refuses);
      await webgpuFrom(disguised(device, { adapterInfo: { description: `another for ${_name}` } as GPUAdapterInfo }));
    }
    expect(warn).toHaveBeenCalledTimes(1);
  });
});
