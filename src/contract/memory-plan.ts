/** @file What every backend keeps of a step that it captures: how long its memory is used, which of it may share, and what cannot be replayed. */
import type { Program } from './backend.ts';
import { CaptureError } from './errors.ts';

/** From the first to the last command that uses a piece of memory, both included, and its size. */
export interface Lifetime {
  readonly first: number;
  readonly last: number;
  readonly bytes: number;
}

export interface SlotPlan {
  /** The slot of each lifetime, in their order. */
  readonly slots: readonly number[];
  /** The size of each slot: the largest of those that share it. */
  readonly bytes: readonly number[];
}

/**
 * Assigns slots so that lifetimes of one slot never overlap: the largest first, each to the first slot that is free for as long
 * as it lives ("greedy by size", Pisarchyk and Lee, "Efficient memory management for deep neural net inference", 2020). Two
 * lifetimes that meet in one command overlap, for a command may not read and write the same memory.
 */
export function planSlots(lifetimes: readonly Lifetime[]): SlotPlan {
  const order = lifetimes.map((_, i) => i).sort((a, b) => lifetimes[b]!.bytes - lifetimes[a]!.bytes || a - b);
  const slots = Array.from<number>({ length: lifetimes.length }).fill(-1);
  const bytes: number[] = [];
  /** The lifetimes of each slot by increasing time. */
  const taken: Lifetime[][] = [];
  for (const i of order) {
    const lifetime = lifetimes[i]!;
    let slot = 0;
    let at = -1;
    for (; slot < taken.length; slot++) {
      at = placeIn(taken[slot]!, lifetime);
      if (at >= 0) break;
    }
    if (at < 0) {
      taken.push([lifetime]);
      bytes.push(lifetime.bytes);
    } else {
      taken[slot]!.splice(at, 0, lifetime);
    }
    slots[i] = slot;
  }
  return { slots, bytes };
}

/** Where a lifetime goes in a sorted list of disjoint ones, or -1 if it overlaps one of them. */
function placeIn(list: readonly Lifetime[], { first, last }: Lifetime): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle]!.last < first) low = middle + 1;
    else high = middle;
  }
  return low === list.length || list[low]!.first > last ? low : -1;
}

/** Memory that was asked for while a step was captured: it is there only from the plan on. */
export interface PlannedMemory {
  /** Bytes that it takes. */
  readonly capacity: number;
  /** Handles on it that have not been given up. */
  readonly handles: number;
}

/** Follows the memory of a capture through its commands. */
export class Lifetimes<M extends PlannedMemory> {
  readonly #all = new Map<M, { first: number; last: number }>();

  /** Notes memory that is asked for. */
  add(memory: M): void {
    this.#all.set(memory, { first: -1, last: -1 });
  }

  /** Whether the memory belongs to the capture. */
  has(memory: M): boolean {
    return this.#all.has(memory);
  }

  /** Notes that the command of this number uses the memory. Returns whether the memory belongs to the capture. */
  use(memory: M, command: number): boolean {
    const lifetime = this.#all.get(memory);
    if (!lifetime) return false;
    if (lifetime.first < 0) lifetime.first = command;
    lifetime.last = command;
    return true;
  }

  /** Memory that outlives the capture, and a plan for all other. */
  plan(): {
    readonly kept: readonly M[];
    readonly shared: readonly (readonly [memory: M, slot: number])[];
    readonly slotBytes: readonly number[];
  } {
    const kept = [...this.#all.keys()].filter((memory) => memory.handles > 0);
    const passing = [...this.#all].filter(([memory, { first }]) => memory.handles === 0 && first >= 0);
    const { slots, bytes } = planSlots(passing.map(([{ capacity }, { first, last }]) => ({ first, last, bytes: capacity })));
    return { kept, shared: passing.map(([memory], i) => [memory, slots[i]!] as const), slotBytes: bytes };
  }
}

/** The message of a LimitError where a device's `memoryLimit` would be passed. */
export function beyondLimit(device: string, bytes: number, used: number, limit: number): string {
  return (
    `${device}: ${bytes} bytes more than the ${used} in use would pass the device's memoryLimit, ${limit} bytes: ` +
    'use a smaller batch or network, or dispose of tensors that are of no more use'
  );
}

/** A step while it is captured. Each backend adds what it notes of the work. */
export class Capture<M extends PlannedMemory> {
  readonly lifetimes: Lifetimes<M> = new Lifetimes();
  #refusal: CaptureError | undefined;

  /** The error for a write from the host. */
  refuseWrite(): CaptureError {
    return this.#refuse('write: host data inside a captured step would be the same at every replay; write it outside');
  }

  /** For a wait: a promise without end, for whoever waits must not go on; the capture fails as a whole. */
  refuseWait(op: 'data' | 'finish'): Promise<never> {
    this.#refuse(`${op}: waiting inside a captured step cannot be replayed; return the tensor from the step and read it outside`);
    return new Promise(() => undefined);
  }

  /** Throws the first thing that cannot be replayed. */
  check(): void {
    if (this.#refusal) throw this.#refusal;
  }

  #refuse(message: string): CaptureError {
    this.#refusal ??= new CaptureError(message);
    return this.#refusal;
  }
}

/** Whether a backend captures now, and into what. */
export class CaptureSwitch<R extends { abandon(): void }> {
  #current: R | undefined;

  get current(): R | undefined {
    return this.#current;
  }

  /** Runs `body` into the capture and makes the program, or lets go of everything if either fails. */
  run(capture: R, body: () => void, finish: (capture: R) => Program): Program {
    if (this.#current) {
      throw new CaptureError('capture: a captured step cannot call another captured step; call the function itself inside');
    }
    this.#current = capture;
    try {
      body();
      this.#current = undefined;
      return finish(capture);
    } catch (error) {
      this.#current = undefined;
      capture.abandon();
      throw error;
    }
  }

  /** Runs `body` with the capture set aside. */
  outsideCapture<T>(body: () => T): T {
    const capture = this.#current;
    this.#current = undefined;
    try {
      return body();
    } finally {
      this.#current = capture;
    }
  }
}
