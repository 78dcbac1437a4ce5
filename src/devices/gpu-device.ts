/** @file Between reparam's devices and tensors and the WebGPU objects that they stand on. */
import { WebGpuBackend } from '../backends/webgpu/backend.ts';
import type { GpuDeviceOptions } from '../backends/webgpu/kernel.ts';
import { adapterLabel, readTraits } from '../backends/webgpu/runtime/adapter.ts';
import { refusesSubgroups, tellRefusal } from '../backends/webgpu/runtime/trial.ts';
import { gpuHandle } from '../backends/webgpu/runtime/memory.ts';
import { OptionError } from '../contract/errors.ts';
import { BackendDevice } from '../core/device.ts';
import type { Device, Tensor } from '../core/tensor.ts';

/** Internal: `webgpu()` has the adapter at hand, whose name an old device does not tell. */
export async function deviceOver(gpu: GPUDevice, info: GPUAdapterInfo, options: GpuDeviceOptions): Promise<Device> {
  const { memoryLimit = Infinity } = options;
  if (!(memoryLimit > 0)) throw new OptionError(`webgpu: memoryLimit ${memoryLimit} must be > 0 bytes`);
  const found = readTraits(info, gpu);
  const name = adapterLabel(info);
  const refusal = found.subgroups && !options.withoutSubgroups ? await refusesSubgroups(gpu) : undefined;
  if (refusal !== undefined) tellRefusal(name, refusal);
  const traits = {
    ...found,
    maxStorageBuffers: Math.min(found.maxStorageBuffers, options.maxStorageBuffers ?? Infinity),
    ...((options.withoutSubgroups || refusal !== undefined) && { subgroups: false }),
    ...(options.asHardware && { software: false }),
  };
  return new BackendDevice(new WebGpuBackend(gpu, traits, name, memoryLimit), options);
}

/**
 * A reparam device on a GPUDevice of yours, which it can share with a renderer. Ask for the features `subgroups` and `timestamp-query` and for
 * the adapter's limits when you open it, where it has them: kernels are chosen by what the device was given. `destroy()` destroys it.
 */
export async function webgpuFrom(gpu: GPUDevice, options: GpuDeviceOptions = {}): Promise<Device> {
  return deviceOver(gpu, gpu.adapterInfo, options);
}

/** The GPUDevice under a device. An error scope of reparam's is always open on it: pop what you push before you await. */
export function gpuDeviceOf(device: Device): GPUDevice {
  return backendOf('gpuDeviceOf', device).gpuDevice;
}

/** Where a tensor's elements are: `size` bytes of row-major float32 (or uint32) at `offset`, a multiple of 256. */
export interface GpuRange {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly size: number;
}

/**
 * The memory of a tensor, to read in passes of your own: all work on it has been handed to the queue. It is the tensor's until that is freed,
 * and may then become another's; what you write there is seen by no gradient.
 */
export function gpuRangeOf(tensor: Tensor): GpuRange {
  const backend = backendOf('gpuRangeOf', tensor.device);
  const { memory, offset, byteLength } = gpuHandle(tensor.operand('gpuRangeOf').handle);
  backend.flush();
  return { buffer: memory.buffer, offset, size: byteLength };
}

function backendOf(op: string, { backend, name }: Device): WebGpuBackend {
  if (backend instanceof WebGpuBackend) return backend;
  throw new OptionError(`${op}: ${name} is no WebGPU device; open one with webgpu()`);
}
