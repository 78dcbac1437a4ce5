/** @file Both kinds of float32 SIMD kernels in one process, on Node 20 too, where relaxed SIMD is behind a flag. */
import v8 from 'node:v8';
import { afterAll, beforeAll } from 'vitest';
import { relaxedRuns } from '../../src/backends/wasm/runtime/linker.ts';
import { cpu, type Device } from '../../src/index.ts';

export const KERNELS = ['plain', 'relaxed'] as const;
export type Kernels = (typeof KERNELS)[number];

const FLAG = 'experimental-wasm-relaxed-simd';
/** Whether relaxed SIMD is on without a flag. */
export const RELAXED: boolean = relaxedRuns();

/** Turns relaxed SIMD on for the tests around; files that run later in the process find it as it was. */
export function useRelaxed(): void {
  if (RELAXED) return;
  beforeAll(() => v8.setFlagsFromString(`--${FLAG}`));
  afterAll(() => v8.setFlagsFromString(`--no-${FLAG}`));
}

/** Runs something with relaxed SIMD in the engine, or without it. */
export async function withRelaxed<T>(there: boolean, body: () => Promise<T>): Promise<T> {
  if (there === RELAXED) return body();
  const { validate } = WebAssembly;
  if (there) v8.setFlagsFromString(`--${FLAG}`);
  else WebAssembly.validate = (bytes) => !hasRelaxed(bytes) && validate(bytes);
  try {
    return await body();
  } finally {
    WebAssembly.validate = validate;
    if (there) v8.setFlagsFromString(`--no-${FLAG}`);
  }
}

/** Whether the bytes of f32x4.relaxed_madd are in a module. */
export function hasRelaxed(module: BufferSource): boolean {
  const bytes = module instanceof Uint8Array ? module : new Uint8Array(0);
  return bytes.some((byte, i) => byte === 0xfd && bytes[i + 1] === 0x85 && bytes[i + 2] === 0x02);
}

/** The device of these kernels for the tests around, once they run. */
export function kernelDevice(kernels: Kernels): () => Device {
  useRelaxed();
  let device: Device | undefined;
  beforeAll(() => {
    device = cpu({ dtype: 'float32', kernels });
  });
  afterAll(() => device?.destroy());
  return () => device!;
}
