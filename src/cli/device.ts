/** @file Which device a command runs on. */
import { cpu } from '../cpu/backend.ts';
import type { Device } from '../device.ts';
import { NoAdapterError } from '../errors.ts';
import { webgpu } from '../webgpu/device.ts';
import { installLine, readSystem } from './system.ts';

export const DEVICE_CHOICES = ['auto', 'webgpu', 'cpu'] as const;
export type DeviceChoice = (typeof DEVICE_CHOICES)[number];

/** The device asked for; `auto` is WebGPU where there is an adapter, else the CPU, and `say` gets one line about it. */
export async function chooseDevice(choice: DeviceChoice, say: (line: string) => void): Promise<Device> {
  if (choice === 'cpu') return cpu({ dtype: 'float32' });
  try {
    return await webgpu();
  } catch (error) {
    if (choice === 'webgpu' || !(error instanceof NoAdapterError)) throw error;
    say(`no WebGPU adapter, so this runs on the CPU device; to get an adapter: ${installLine(readSystem())}`);
    return cpu({ dtype: 'float32' });
  }
}
