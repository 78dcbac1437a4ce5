/** @file Plans: what a kernel is told about one set of shapes, computed once and kept in the heap. */
import { type Call, callWithScratch, type Held } from './calls.ts';
import type { Heap } from './heap.ts';
import type { WasmFunction } from './linker.ts';

/** What a plan is made of. */
export interface PlanWords {
  /** Where parameters and tables lie, and how many bytes they take. */
  readonly address: number;
  readonly bytes: number;
  readonly scratchBytes: number;
  /** The function to call with them. */
  readonly run: WasmFunction;
  /** Where in the operands the outputs of this plan begin, in bytes; absent: at their first elements. */
  readonly offsets?: readonly number[];
}

/** Parameters and tables in a heap, which lie there while anyone holds the plan. */
export class Plan implements Held {
  readonly #heap: Heap;
  readonly #words: PlanWords;
  #holders = 0;

  constructor(heap: Heap, words: PlanWords) {
    this.#heap = heap;
    this.#words = words;
  }

  hold(): void {
    this.#holders++;
  }

  release(): void {
    if (--this.#holders === 0) this.#heap.free(this.#words.address, this.#words.bytes);
  }

  get address(): number {
    return this.#words.address;
  }

  /** The call that computes this plan's outputs, of operands at these addresses. */
  call(...operands: readonly number[]): Call {
    const { address, scratchBytes, run, offsets } = this.#words;
    const from = offsets ? operands.map((operand, i) => operand + offsets[i]!) : operands;
    return { ...callWithScratch(scratchBytes, run, address, ...from), plan: this };
  }
}

/** The plans of one kernel, the newest 512. The words of others stay in the heap for as long as a captured step holds them. */
export class PlanCache {
  readonly #heap: Heap;
  readonly #capacity: number;
  readonly #entries = new Map<string, readonly Plan[]>();

  constructor(heap: Heap, capacity = 512) {
    this.#heap = heap;
    this.#capacity = capacity;
  }

  /** The plans for a key, to be used at once or held; `make` must always make the same plans for a key. */
  get(key: string, make: () => readonly PlanWords[]): readonly Plan[] {
    const found = this.#entries.get(key);
    if (found) return found;
    const plans = make().map((words) => new Plan(this.#heap, words));
    for (const plan of plans) plan.hold();
    if (this.#entries.size >= this.#capacity) this.#dropOldest();
    this.#entries.set(key, plans);
    return plans;
  }

  #dropOldest(): void {
    for (const [key, plans] of this.#entries) {
      for (const plan of plans) plan.release();
      this.#entries.delete(key);
      return;
    }
  }
}
