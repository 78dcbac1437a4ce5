/** @file Opens a CPU device, in Node and in a page. */
import { CpuBackend } from '../backends/cpu/backend.ts';
import { SimdBackend } from '../backends/wasm/backend.ts';
import { simdRuns } from '../backends/wasm/runtime/linker.ts';
import type { FloatType } from '../contract/backend.ts';
import { OptionError } from '../contract/errors.ts';
import { BackendDevice } from '../core/device.ts';
import type { Device } from '../core/tensor.ts';

export interface CpuOptions {
  /** Check values that only the device sees (labels and indices in tensors, ...): the next read-back names the row. Default false. */
  readonly checked?: boolean;
  /** float64 (default) is the reference for every gradient; float32 is for training: half the memory and SIMD kernels. */
  readonly dtype?: FloatType;
  /**
   * float32 only: false runs the plain loops even where WebAssembly has SIMD. Default: SIMD where the engine has it. A page whose
   * Content-Security-Policy lacks 'wasm-unsafe-eval' may not compile it: there the default is an OptionError, so that nobody runs
   * several times slower without knowing.
   */
  readonly simd?: boolean;
  /** Bytes of tensors and captured steps that may be in use at once; more is a LimitError before anything is allocated. Default: no limit. */
  readonly memoryLimit?: number;
}

/**
 * A device that runs on the processor, in Node and in a page.
 *
 * @throws OptionError where float32 kernels may not be compiled (see `simd`), or for another dtype.
 */
export function cpu(options: CpuOptions = {}): Device {
  const { dtype = 'float64', simd = true, memoryLimit } = options;
  if (dtype !== 'float32' && dtype !== 'float64')
    throw new OptionError(`cpu: dtype ${String(dtype)} must be 'float32' or 'float64'`);
  if (memoryLimit !== undefined && !(memoryLimit > 0)) throw new OptionError(`cpu: memoryLimit ${memoryLimit} must be > 0 bytes`);
  const useSimd = dtype === 'float32' && simd && simdRuns();
  return new BackendDevice(useSimd ? new SimdBackend({ memoryLimit }) : new CpuBackend(dtype, {}, memoryLimit), options);
}
