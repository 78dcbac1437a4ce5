/** @file Finds WebGPU: the browser's own, or Dawn (npm package `webgpu`) in Node. */
import type * as Dawn from 'webgpu';
import { NoAdapterError } from '../../../contract/errors.ts';
import { loadPeer } from '../../../contract/peers.ts';
import type { AdapterTraits } from '../kernel.ts';
import { CPU_INSTEAD, installDawn, noAdapter, noWebGpu } from './advice.ts';
import { type Host, readHost } from './host.ts';

export interface AdapterOptions {
  /** Which adapter of several to prefer. */
  readonly powerPreference?: GPUPowerPreference;
  /** Node only: an adapter whose name contains this, such as 'llvmpipe'. */
  readonly adapterName?: string;
}

/** Dawn crashes if the object that its `create()` returns is collected while a device lives: held for the life of the process. */
const openedGpus = new Map<string, GPU>();

/** The entry point of WebGPU here; a NoAdapterError that says how to get one where there is none. */
export async function openGpu(adapterName?: string): Promise<GPU> {
  const found = (globalThis.navigator as Navigator | undefined)?.gpu;
  if (found) return found;
  const host = readHost();
  if (host.runtime !== 'node' && host.runtime !== 'bun') throw new NoAdapterError(noWebGpu(host));
  const name = adapterName ?? '';
  let gpu = openedGpus.get(name);
  if (!gpu) {
    gpu = await createDawn(adapterName, host);
    openedGpus.set(name, gpu);
  }
  return gpu;
}

/** In a constant, because a bundler that reads the name here would put Dawn, which is for Node alone, into a page. */
const DAWN = 'webgpu';

async function importDawn(): Promise<typeof Dawn> {
  return (await import(/* webpackIgnore: true */ /* turbopackIgnore: true */ /* @vite-ignore */ DAWN)) as typeof Dawn;
}

async function createDawn(adapterName: string | undefined, host: Host): Promise<GPU> {
  const peer = await loadPeer(DAWN, importDawn);
  const install = installDawn(host);
  if (peer.state === 'missing') {
    const { where, cause } = peer;
    const runtime = host.runtime === 'bun' ? 'Bun' : 'Node';
    throw new NoAdapterError(
      `WebGPU in ${runtime} comes from the package webgpu, which is not installed: ${install}${where}; ${CPU_INSTEAD}`,
      { cause, need: 'package' },
    );
  }
  if (peer.state === 'broken') {
    const { cause } = peer;
    throw new NoAdapterError(
      `the package webgpu is installed, but does not load: ${firstLine(cause)}. Remove it and install it anew on this system ` +
        `(${install}), with the libraries that the message names; ${CPU_INSTEAD}`,
      { cause, need: 'package' },
    );
  }
  try {
    return peer.module.create(adapterName === undefined ? [] : [`adapter=${adapterName}`]);
  } catch (cause) {
    throw new NoAdapterError(`no WebGPU adapter matches '${adapterName}': ${firstLine(cause)}`, { cause });
  }
}

export async function requestAdapter(options: AdapterOptions): Promise<GPUAdapter> {
  const { powerPreference, adapterName } = options;
  const gpu = await openGpu(adapterName);
  let adapter: GPUAdapter | null;
  try {
    adapter = await gpu.requestAdapter(powerPreference === undefined ? {} : { powerPreference });
  } catch (cause) {
    throw new NoAdapterError(`${noAdapter(readHost())} (${firstLine(cause)})`, { cause, need: 'driver' });
  }
  if (!adapter) throw new NoAdapterError(noAdapter(readHost()), { need: 'driver' });
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
    throw new NoAdapterError(`the adapter ${adapterLabel(adapter.info)} gave no device: ${firstLine(cause)}`, { cause });
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

/** Dawn and the loader add stacks and lists to what they say first. */
function firstLine(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  return message.split('\n', 1)[0]!;
}
