/** @file Which device a command runs on. */
import { isSoftwareAdapter } from '../backends/webgpu/runtime/adapter.ts';
import { cpuLike } from '../devices/cpu.ts';
import type { Device } from '../core/tensor.ts';
import { NoAdapterError } from '../contract/errors.ts';
import { webgpu } from '../devices/webgpu.ts';
import { findPeersOfProject } from './peers.ts';
import { installLine, readSystem } from './system.ts';

export const DEVICE_CHOICES = ['auto', 'webgpu', 'cpu'] as const;
export type DeviceChoice = (typeof DEVICE_CHOICES)[number];

/**
 * The device asked for; `auto` is a GPU through WebGPU where there is one, else the CPU, and `say` gets one line about it.
 * On a software adapter the CPU device's SIMD kernels were measured faster (docs/performance.md). `begun` is the name of the device on
 * which stored work was begun: a CPU device takes its kernels, where they are there, for these decide the last bits.
 */
export async function chooseDevice(choice: DeviceChoice, say: (line: string) => void, begun?: string): Promise<Device> {
  if (choice === 'cpu') return cpuLike(begun);
  findPeersOfProject();
  try {
    const device = await webgpu();
    if (choice === 'webgpu' || !isSoftwareAdapter(device.name)) return device;
    say(`the only WebGPU adapter is software (${device.name}), and the CPU device is faster; --device webgpu uses it all the same`);
    device.destroy();
    return cpuLike(begun);
  } catch (error) {
    if (choice === 'webgpu' || !(error instanceof NoAdapterError)) throw error;
    const why = error.need === 'driver' ? `no WebGPU adapter; to get one: ${installLine(readSystem())}` : error.message;
    say(`this runs on the CPU device: ${why}`);
    return cpuLike(begun);
  }
}
