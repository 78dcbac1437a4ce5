/** @file Plans: what a kernel is told about one set of shapes, computed once and kept in the heap. */
import type { Heap } from './heap.ts';
import type { WasmFunction } from './linker.ts';

/** Parameters and tables at `address`, the function to call with them, and the scratch that it needs. */
export interface Plan {
  readonly address: number;
  readonly bytes: number;
  readonly scratchBytes: number;
  readonly run: WasmFunction;
}

/** The plans for one set of shapes: made when first asked for, and again if the cache has dropped them since. */
export type Plans = () => readonly Plan[];

/** The plans of one kernel, the newest 512. Their words stay in the heap until the plan is dropped. */
export class PlanCache {
  readonly #heap: Heap;
  readonly #capacity: number;
  readonly #entries = new Map<string, Entry>();

  constructor(heap: Heap, capacity = 512) {
    this.#heap = heap;
    this.#capacity = capacity;
  }

  /** What a kernel keeps of these shapes for as long as it likes; `make` must always make the same plans for a key. */
  get(key: string, make: () => readonly Plan[]): Plans {
    let entry = this.#entries.get(key) ?? this.#admit(key, { plans: make(), dropped: false });
    return () => {
      if (entry.dropped) entry = this.#entries.get(key) ?? this.#admit(key, { plans: make(), dropped: false });
      return entry.plans;
    };
  }

  #admit(key: string, entry: Entry): Entry {
    if (this.#entries.size >= this.#capacity) this.#dropOldest();
    this.#entries.set(key, entry);
    return entry;
  }

  #dropOldest(): void {
    for (const [key, entry] of this.#entries) {
      for (const plan of entry.plans) this.#heap.free(plan.address, plan.bytes);
      entry.dropped = true;
      this.#entries.delete(key);
      return;
    }
  }
}

interface Entry {
  readonly plans: readonly Plan[];
  /** Its words have been given back to the heap. */
  dropped: boolean;
}
