/** @file The device that a shared test runs on: chosen by the vitest project, the same test file for all. */
import { inject } from 'vitest';
import { cpu, type Device } from '../../src/index.ts';
import { webgpu } from '../../src/devices/webgpu.ts';

/** The device under test: float64 on the CPU project, else WebGPU. A missing adapter is a failure, never a skip. */
export async function openDevice(): Promise<Device> {
  return inject('device') === 'cpu' ? cpu({ dtype: 'float64' }) : webgpu();
}
