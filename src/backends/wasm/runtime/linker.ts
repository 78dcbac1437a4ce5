/** @file Compiles kernel modules once a process and instantiates them once a heap, when first used; asks whether this can be done at all. */
import { LimitError, OptionError } from '../../../contract/errors.ts';
import { relaxedProbe, simdProbe, type WasmModule } from './assembler.ts';
import type { Heap } from './heap.ts';
import { type Kernels, type MultiplyAdd, multiplyAdds } from './instructions.ts';

/** A module, and the names of its functions. */
export interface SharedModule {
  readonly module: WebAssembly.Module;
  readonly names: readonly string[];
}

/** A function of a module: takes numbers and leaves its results in memory. */
export type WasmFunction = (...parameters: number[]) => void;

/** Browsers refuse to compile larger modules synchronously on a page's main thread. */
const SYNCHRONOUS_BYTES = 4096;

/** Compiled code does not depend on a memory, so all devices share it. */
const compiled = new Map<string, WebAssembly.Module>();

export class Linker {
  readonly heap: Heap;
  readonly kernels: Kernels;
  readonly #instances = new Map<string, unknown>();
  /** All modules that were loaded, and the numbers of their functions: one after the other, in the order of their names. */
  readonly modules: SharedModule[] = [];
  readonly #numbers = new Map<WasmFunction, number>();

  constructor(heap: Heap, kernels: Kernels = 'plain') {
    this.heap = heap;
    this.kernels = kernels;
  }

  /** The functions of the module of this name, which must always come with the same bytes for one way to multiply and add. */
  load<Exports extends string>(
    name: string,
    assemble: (multiplyAdd: MultiplyAdd) => WasmModule<Exports>,
  ): Readonly<Record<Exports, WasmFunction>> {
    let exports = this.#instances.get(name);
    if (!exports) {
      const { shared, memory } = this.heap;
      const key = `${this.kernels} ${shared} ${name}`;
      let module = compiled.get(key);
      if (!module) compiled.set(key, (module = compile(name, assemble(multiplyAdds[this.kernels]).bytes(shared))));
      exports = new WebAssembly.Instance(module, { reparam: { memory } }).exports;
      this.#instances.set(name, exports);
      const functions = exports as Record<string, WasmFunction>;
      this.modules.push({ module, names: Object.keys(functions) });
      for (const run of Object.values(functions)) this.#numbers.set(run, this.#numbers.size);
    }
    return exports as Readonly<Record<Exports, WasmFunction>>;
  }

  /** The number of a function that was loaded. */
  numberOf(run: WasmFunction): number {
    return this.#numbers.get(run)!;
  }
}

/**
 * Whether kernels run here: false where the engine has no 128-bit SIMD, an OptionError where it may not compile. A policy forbids all
 * WebAssembly, while validation still says yes, so that only compiling tells.
 */
export function simdRuns(): boolean {
  if (typeof WebAssembly !== 'object') return false;
  const bytes = simdProbe();
  if (!WebAssembly.validate(bytes)) return false;
  compile('probe', bytes);
  return true;
}

/**
 * Whether relaxed SIMD runs here and rounds a product and its sum once. An engine may have the instruction and round twice, on a
 * processor without fused arithmetic: then it is no gain, and its results would be those of neither variant elsewhere.
 */
export function relaxedRuns(): boolean {
  const bytes = relaxedProbe().bytes(false);
  if (!WebAssembly.validate(bytes)) return false;
  const memory = new WebAssembly.Memory({ initial: 1 });
  const { exports } = new WebAssembly.Instance(compile('probe', bytes), { reparam: { memory } });
  (exports['probe'] as WasmFunction)(0);
  return new Float32Array(memory.buffer)[0] === 2 ** -24;
}

function compile(name: string, bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module {
  if (bytes.length > SYNCHRONOUS_BYTES)
    throw new LimitError(`kernel ${name}: ${bytes.length} bytes of code, where a page allows ${SYNCHRONOUS_BYTES}`);
  try {
    return new WebAssembly.Module(bytes);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OptionError(
      `cpu: float32 kernels are WebAssembly, which may not be compiled here: add 'wasm-unsafe-eval' to script-src of the page's ` +
        `Content-Security-Policy, or pass simd: false for plain loops (slower), or open webgpu() instead (${reason})`,
      { cause },
    );
  }
}
