/** @file A project that has the types of WebGPU, against the entry point that names them. */
import type { Device, Tensor } from 'reparam';
import { gpuDeviceOf, type GpuRange, gpuRangeOf, webgpuFrom } from 'reparam/webgpu';

export async function shared(gpu: GPUDevice, tensor: Tensor): Promise<[Device, GPUBuffer, number]> {
  const device = await webgpuFrom(gpu, { maxStorageBuffers: 8 });
  const same: GPUDevice = gpuDeviceOf(device);
  const range: GpuRange = gpuRangeOf(tensor);
  // @ts-expect-error a number
  await webgpuFrom(same, { maxStorageBuffers: 'all' });
  return [device, range.buffer, range.offset];
}
