/** @file Finds WebGPU: the browser's own, or Dawn (npm package `webgpu`) in Node. */
import type * as Dawn from 'webgpu';
import { NoAdapterError } from '../../../contract/errors.ts';
import type { AdapterTraits } from '../kernel.ts';

export interface AdapterOptions {
  /** Which adapter of several to prefer. */
  readonly powerPreference?: GPUPowerPreference;
  /** Node only: an adapter whose name contains this, such as 'llvmpipe'. */
  readonly adapterName?: string;
}

/** Dawn crashes if the object that its `create()` returns is collected while a device lives: held for the life of the process. */
const openedGpus = new Map<string, GPU>();

const INSTALL_DAWN = 'npm install webgpu';
const INSTALL_DRIVER =
  'on Debian or Ubuntu: apt-get install -y --no-install-recommends mesa-vulkan-drivers libvulkan1 (Debian 12: from bookworm-backports)';

/** The entry point of WebGPU here; a NoAdapterError naming the install line where there is none. */
export async function openGpu(adapterName?: string): Promise<GPU> {
  const page = globalThis.navigator as Navigator | undefined;
  if (page?.gpu) return page.gpu;
  const inNode = typeof process !== 'undefined' && process.versions?.node !== undefined;
  if (!inNode) {
    throw new NoAdapterError(
      'this page has no navigator.gpu: WebGPU needs a browser that has it (Chrome or Edge 113, Safari 26, Firefox 141 or later) and a secure context (https or localhost)',
    );
  }
  const name = adapterName ?? '';
  let gpu = openedGpus.get(name);
  if (!gpu) {
    gpu = await createDawn(adapterName);
    openedGpus.set(name, gpu);
  }
  return gpu;
}

/** In a constant, because a bundler that reads the name here would put Dawn, which is for Node alone, into a page. */
const DAWN = 'webgpu';

async function importDawn(): Promise<typeof Dawn> {
  return (await import(/* webpackIgnore: true */ /* turbopackIgnore: true */ /* @vite-ignore */ DAWN)) as typeof Dawn;
}

async function createDawn(adapterName: string | undefined): Promise<GPU> {
  let create: (options: string[]) => GPU;
  try {
    ({ create } = await importDawn());
  } catch (cause) {
    throw new NoAdapterError(`WebGPU in Node comes from the package webgpu, which could not be loaded: ${INSTALL_DAWN}`, { cause });
  }
  try {
    return create(adapterName === undefined ? [] : [`adapter=${adapterName}`]);
  } catch (cause) {
    throw new NoAdapterError(`no WebGPU adapter matches '${adapterName}': ${message(cause)}`, { cause });
  }
}

export async function requestAdapter(options: AdapterOptions): Promise<GPUAdapter> {
  const { powerPreference, adapterName } = options;
  const gpu = await openGpu(adapterName);
  let adapter: GPUAdapter | null;
  try {
    adapter = await gpu.requestAdapter(powerPreference === undefined ? {} : { powerPreference });
  } catch (cause) {
    throw new NoAdapterError(`no WebGPU adapter: ${message(cause)}. A software Vulkan driver will do; ${INSTALL_DRIVER}`, {
      cause,
    });
  }
  if (!adapter) throw new NoAdapterError(`no WebGPU adapter was found. A software Vulkan driver will do; ${INSTALL_DRIVER}`);
  return adapter;
}

/** A device with the features that the kernels have variants for, and the adapter's own limits where they are larger. */
export async function requestDevice(adapter: GPUAdapter): Promise<GPUDevice> {
  const wanted: GPUFeatureName[] = ['subgroups', 'timestamp-query', 'shader-f16'];
  const { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage, maxComputeInvocationsPerWorkgroup } =
    adapter.limits;
  try {
    return await adapter.requestDevice({
      label: 'reparam',
      requiredFeatures: wanted.filter((feature) => adapter.features.has(feature)),
      requiredLimits: {
        maxBufferSize,
        maxStorageBufferBindingSize,
        maxStorageBuffersPerShaderStage,
        maxComputeInvocationsPerWorkgroup,
      },
    });
  } catch (cause) {
    throw new NoAdapterError(`the adapter ${adapterLabel(adapter.info)} gave no device: ${message(cause)}`, { cause });
  }
}

/** Whether what an adapter says of itself names a driver that runs on the processor: Mesa's, Chromium's or one of Windows'. */
export function isSoftwareAdapter(description: string): boolean {
  return /llvmpipe|lavapipe|swiftshader|software|warp|basic render/i.test(description);
}

export function readTraits(info: GPUAdapterInfo, device: GPUDevice): AdapterTraits {
  const { limits } = device;
  const subgroups = device.features.has('subgroups');
  return {
    subgroups,
    subgroupMinSize: subgroups ? info.subgroupMinSize : 1,
    subgroupMaxSize: subgroups ? info.subgroupMaxSize : 1,
    software: info.isFallbackAdapter || isSoftwareAdapter(`${info.architecture} ${info.description} ${info.device}`),
    maxInvocations: limits.maxComputeInvocationsPerWorkgroup,
    maxWorkgroups: limits.maxComputeWorkgroupsPerDimension,
    maxStorageBuffers: limits.maxStorageBuffersPerShaderStage,
  };
}

/** An adapter for people: its description, else what else it says of itself. */
export function adapterLabel(info: GPUAdapterInfo): string {
  return info.description || [info.vendor, info.architecture, info.device].filter(Boolean).join(' ') || 'unnamed adapter';
}

function message(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
