/** @file Opens a WebGPU device, in Node and in a page. Its declarations name no type of WebGPU: those are in gpu-device.ts. */
import type { Device } from '../core/tensor.ts';
import type { GpuDeviceOptions } from '../backends/webgpu/kernel.ts';
import { requestAdapter, requestDevice } from '../backends/webgpu/runtime/adapter.ts';
import { deviceOver } from './gpu-device.ts';

export interface WebGpuOptions extends GpuDeviceOptions {
  /** Which adapter of several to prefer. */
  readonly powerPreference?: 'low-power' | 'high-performance';
  /** Node only: an adapter whose name contains this, such as 'llvmpipe'. */
  readonly adapterName?: string;
}

/**
 * A float32 device on WebGPU: `navigator.gpu` in a page, Dawn (npm package `webgpu`) in Node. A NoAdapterError says what to
 * install where there is none.
 */
export async function webgpu(options: WebGpuOptions = {}): Promise<Device> {
  const adapter = await requestAdapter(options);
  return deviceOver(await requestDevice(adapter), adapter.info, options);
}
