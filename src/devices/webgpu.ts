/** @file Opens a WebGPU device, in Node and in a page. */
import { BackendDevice } from '../core/device.ts';
import type { Device } from '../core/tensor.ts';
import {
  adapterLabel,
  type AdapterOptions,
  readTraits,
  requestAdapter,
  requestDevice,
} from '../backends/webgpu/runtime/adapter.ts';
import { WebGpuBackend } from '../backends/webgpu/backend.ts';

export interface WebGpuOptions extends AdapterOptions {
  /** Pretend that the adapter lacks subgroups, to run the kernels that do without. Default false. */
  readonly withoutSubgroups?: boolean;
  /** Choose kernels as for hardware on a software adapter too, to run those that it would avoid. Default false. */
  readonly asHardware?: boolean;
  /** Pretend that a kernel may bind no more buffers than this; a page may be given 8. Default: the device's limit. */
  readonly maxStorageBuffers?: number;
}

/**
 * A float32 device on WebGPU: `navigator.gpu` in a page, Dawn (npm package `webgpu`) in Node. A NoAdapterError says what to
 * install where there is none.
 */
export async function webgpu(options: WebGpuOptions = {}): Promise<Device> {
  const adapter = await requestAdapter(options);
  const gpu = await requestDevice(adapter);
  const found = readTraits(adapter, gpu);
  const traits = {
    ...found,
    maxStorageBuffers: Math.min(found.maxStorageBuffers, options.maxStorageBuffers ?? Infinity),
    ...(options.withoutSubgroups && { subgroups: false }),
    ...(options.asHardware && { software: false }),
  };
  return new BackendDevice(new WebGpuBackend(gpu, traits, adapterLabel(adapter)));
}
