/** @file Compiles kernel modules once a process and instantiates them once a heap, when first used. */
import type { Heap } from './heap.ts';

/** What a module exports: functions of numbers that leave their results in memory. */
export type Exports = Readonly<Record<string, (...parameters: number[]) => void>>;

/** Compiled code does not depend on a memory, so all devices share it. */
const compiled = new Map<string, WebAssembly.Module>();

export class Linker {
  readonly heap: Heap;
  readonly #instances = new Map<string, Exports>();

  constructor(heap: Heap) {
    this.heap = heap;
  }

  /** The functions of the module of this name, which must always come with the same bytes. */
  load(name: string, bytes: () => Uint8Array<ArrayBuffer>): Exports {
    let exports = this.#instances.get(name);
    if (!exports) {
      let module = compiled.get(name);
      if (!module) compiled.set(name, (module = new WebAssembly.Module(bytes())));
      const instance = new WebAssembly.Instance(module, { reparam: { memory: this.heap.memory } });
      this.#instances.set(name, (exports = instance.exports as Exports));
    }
    return exports;
  }
}
