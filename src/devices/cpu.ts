/** @file Opens a CPU device, in Node and in a page. */
import { CpuBackend } from '../backends/cpu/backend.ts';
import { KERNEL_NAMES, SimdBackend } from '../backends/wasm/backend.ts';
import type { Kernels } from '../backends/wasm/runtime/instructions.ts';
import { relaxedRuns, simdRuns } from '../backends/wasm/runtime/linker.ts';
import { MOST_THREADS } from '../backends/wasm/threads/control.ts';
import { sayAlone } from '../backends/wasm/threads/crew.ts';
import { cores, whyAlone } from '../backends/wasm/threads/start.ts';
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
  /**
   * float32 SIMD only. 'relaxed' kernels multiply and add with one rounding (relaxed SIMD: Node from 22 on, browsers from 2023 or 2024
   * on) and are faster; 'plain' ones round twice, as every engine can. One and the same kind gives the same bits on every engine, and
   * the device's name says which it is. Default: relaxed where it is there.
   */
  readonly kernels?: Kernels;
  /**
   * float32 SIMD only: threads that share the work, the caller's among them, 1 to 32. The results have the same bits at any number.
   * Workers start at the first kernel that is worth it and join when they are ready; all devices of a process have the same ones, and they
   * keep no process alive. Default: the processors, at most 8, or what the environment variable REPARAM_THREADS says; 1 in a page that
   * is not cross-origin isolated, which the console says once.
   */
  readonly threads?: number;
  /** Bytes of tensors and captured steps that may be in use at once; more is a LimitError before anything is allocated. Default: no limit. */
  readonly memoryLimit?: number;
}

/**
 * A device that runs on the processor, in Node and in a page.
 *
 * @throws OptionError where float32 kernels may not be compiled (see `simd`), for kernels that are not there, for a number of threads that
 *   cannot be, or for another dtype.
 */
export function cpu(options: CpuOptions = {}): Device {
  const { dtype = 'float64', simd = true, memoryLimit } = options;
  if (dtype !== 'float32' && dtype !== 'float64')
    throw new OptionError(`cpu: dtype ${String(dtype)} must be 'float32' or 'float64'`);
  if (memoryLimit !== undefined && !(memoryLimit > 0)) throw new OptionError(`cpu: memoryLimit ${memoryLimit} must be > 0 bytes`);
  const useSimd = dtype === 'float32' && simd && simdRuns();
  const kernels = kernelsFor(options.kernels, useSimd);
  const threads = threadsFor(options.threads, kernels !== undefined);
  return new BackendDevice(
    kernels ? new SimdBackend({ memoryLimit, kernels, threads }) : new CpuBackend(dtype, {}, memoryLimit),
    options,
  );
}

/**
 * A float32 device with the SIMD kernels that a device's name says, so that a stored run goes on to the same bits; where they are not
 * there, and for any other name, the device of `cpu({ dtype: 'float32' })`.
 */
export function cpuLike(name: string | undefined): Device {
  const named = (['plain', 'relaxed'] as const).find((kernels) => KERNEL_NAMES[kernels] === name);
  const there = named !== undefined && simdRuns() && (named === 'plain' || relaxedRuns());
  return cpu({ dtype: 'float32', ...(there && { kernels: named }) });
}

/** The SIMD kernels to run, of those asked for; undefined: plain loops. */
function kernelsFor(asked: Kernels | undefined, useSimd: boolean): Kernels | undefined {
  if (asked !== undefined && asked !== 'plain' && asked !== 'relaxed')
    throw new OptionError(`cpu: kernels ${String(asked)} must be 'plain' or 'relaxed'`);
  if (!useSimd) {
    if (asked !== undefined)
      throw new OptionError(
        `cpu: kernels '${asked}' are of dtype 'float32' with SIMD, which is not what runs here; leave kernels out`,
      );
    return undefined;
  }
  if (asked === 'plain') return 'plain';
  const relaxed = relaxedRuns();
  if (asked === 'relaxed' && !relaxed)
    throw new OptionError(
      "cpu: this engine has no relaxed SIMD that rounds once (Node has it from 22 on): pass kernels: 'plain', or leave it out",
    );
  return relaxed ? 'relaxed' : 'plain';
}

/** Most threads by default: beyond, what is left to one thread is most of the time. */
const DEFAULT_THREADS = 8;

/** The threads to run on, of those asked for; 1 for plain loops. */
function threadsFor(asked: number | undefined, useSimd: boolean): number {
  const host: { process?: { env?: Record<string, string | undefined> } } = globalThis;
  const named = host.process?.env?.['REPARAM_THREADS'];
  const threads = asked ?? (named === undefined || named === '' ? Math.min(cores(), DEFAULT_THREADS) : Number(named));
  if (!Number.isInteger(threads) || threads < 1 || threads > MOST_THREADS) {
    const what = asked === undefined ? `the environment variable REPARAM_THREADS, ${named},` : `threads ${String(asked)}`;
    throw new OptionError(`cpu: ${what} must be a whole number from 1 to ${MOST_THREADS}`);
  }
  if (!useSimd || threads === 1) return 1;
  const why = whyAlone();
  if (why === undefined) return threads;
  sayAlone(why);
  return 1;
}
