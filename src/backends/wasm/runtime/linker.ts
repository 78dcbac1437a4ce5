/** @file Compiles kernel modules once a process and instantiates them once a heap, when first used. */
import { LimitError } from '../../../contract/errors.ts';
import type { WasmModule } from './assembler.ts';
import type { Heap } from './heap.ts';

/** A function of a module: takes numbers and leaves its results in memory. */
export type WasmFunction = (...parameters: number[]) => void;

/** Browsers refuse to compile larger modules synchronously on a page's main thread. */
const SYNCHRONOUS_BYTES = 4096;

/** Compiled code does not depend on a memory, so all devices share it. */
const compiled = new Map<string, WebAssembly.Module>();

export class Linker {
  readonly heap: Heap;
  readonly #instances = new Map<string, unknown>();

  constructor(heap: Heap) {
    this.heap = heap;
  }

  /** The functions of the module of this name, which must always come with the same bytes. */
  load<Exports extends string>(name: string, assemble: () => WasmModule<Exports>): Readonly<Record<Exports, WasmFunction>> {
    let exports = this.#instances.get(name);
    if (!exports) {
      let module = compiled.get(name);
      if (!module) compiled.set(name, (module = compile(name, assemble().bytes)));
      exports = new WebAssembly.Instance(module, { reparam: { memory: this.heap.memory } }).exports;
      this.#instances.set(name, exports);
    }
    return exports as Readonly<Record<Exports, WasmFunction>>;
  }
}

function compile(name: string, bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module {
  if (bytes.length > SYNCHRONOUS_BYTES)
    throw new LimitError(`kernel ${name}: ${bytes.length} bytes of code, where a page allows ${SYNCHRONOUS_BYTES}`);
  return new WebAssembly.Module(bytes);
}
