/** @file Plans: what a kernel is told about one set of shapes, computed once and kept in the heap. */
import type { Heap } from './heap.ts';

/** Record and tables at `address`, the function to call with them, and the scratch that it needs. */
export interface Plan {
  readonly address: number;
  readonly bytes: number;
  readonly scratchBytes: number;
  readonly run: (...parameters: number[]) => void;
}

/** The plans of one kernel, the newest 512. Their words stay in the heap until the plan is dropped. */
export class PlanCache {
  readonly #heap: Heap;
  readonly #capacity: number;
  readonly #plans = new Map<string, readonly Plan[]>();

  constructor(heap: Heap, capacity = 512) {
    this.#heap = heap;
    this.#capacity = capacity;
  }

  get(key: string, make: () => readonly Plan[]): readonly Plan[] {
    const found = this.#plans.get(key);
    if (found) return found;
    const made = make();
    if (this.#plans.size >= this.#capacity) this.#dropOldest();
    this.#plans.set(key, made);
    return made;
  }

  #dropOldest(): void {
    for (const [key, plans] of this.#plans) {
      for (const plan of plans) this.#heap.free(plan.address, plan.bytes);
      this.#plans.delete(key);
      return;
    }
  }
}

/** Places tables behind a record in one block; `words` gives the record's words once the tables' addresses are known. */
export function placeRecord<Name extends string>(
  heap: Heap,
  recordBytes: number,
  tables: Readonly<Record<Name, readonly number[]>>,
  words: (address: (name: Name) => number) => readonly number[],
): { readonly address: number; readonly bytes: number } {
  const names = Object.keys(tables) as Name[];
  const bytes = names.reduce((sum, name) => sum + tables[name].length * 4, recordBytes);
  const address = heap.alloc(bytes);
  const at = new Map<Name, number>();
  let next = address + recordBytes;
  for (const name of names) {
    at.set(name, next);
    next += tables[name].length * 4;
  }
  const memory = new Int32Array(heap.memory.buffer);
  memory.set(
    words((name) => at.get(name)!),
    address / 4,
  );
  for (const name of names) memory.set(tables[name], at.get(name)! / 4);
  return { address, bytes };
}
