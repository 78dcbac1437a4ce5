/** @file Captured steps on the processor: kernels noted with their operands, and run again at every replay. */
import type { BufferCopy, BufferHandle, Program } from '../../contract/backend.ts';
import { CaptureError } from '../../contract/errors.ts';
import { type Lifetimes, type PlannedMemory, Capture } from '../../contract/memory-plan.ts';

/** How a backend gives memory to what was planned, and takes it back. */
export interface Placement<M extends PlannedMemory, Work> {
  /** One more use of memory that is there, and one less. */
  hold(memory: M): void;
  release(memory: M): void;
  /** Memory of its own for what outlives the step. */
  place(memory: M): void;
  /** The memory that the others share: gives each its slot, and returns what takes all of it back. */
  share(memories: readonly (readonly [memory: M, slot: number])[], slotBytes: readonly number[]): () => void;
  copy(from: BufferHandle, to: BufferHandle): void;
  player(works: readonly Work[]): Player;
}

/** Does the work of a captured step, as often as it is asked. */
export interface Player {
  run(): void;
  dispose(): void;
}

/** What a step asks for while it is captured. */
export class ArrayCapture<M extends PlannedMemory, Work> extends Capture<M> {
  readonly #placement: Placement<M, Work>;
  readonly #works: Work[] = [];
  readonly #holds = new Set<M>();

  constructor(placement: Placement<M, Work>) {
    super();
    this.#placement = placement;
  }

  push(memories: readonly M[], work: Work): void {
    const number = this.#works.length;
    for (const memory of memories) {
      if (this.lifetimes.use(memory, number) || this.#holds.has(memory)) continue;
      this.#placement.hold(memory);
      this.#holds.add(memory);
    }
    this.#works.push(work);
  }

  /** Lets go of everything: nothing has been done. */
  abandon(): void {
    for (const memory of this.#holds) this.#placement.release(memory);
    this.#holds.clear();
  }

  finish(): Program {
    this.check();
    const program = new CpuProgram(this.#placement, this.#works, this.lifetimes, [...this.#holds]);
    // They are the program's from here on.
    this.#holds.clear();
    return program;
  }
}

class CpuProgram<M extends PlannedMemory, Work> implements Program {
  readonly launches: number;
  readonly bytes: number;
  readonly unsharedBytes: number;
  readonly #placement: Placement<M, Work>;
  readonly #player: Player;
  readonly #holds: readonly M[];
  readonly #unshare: () => void;
  #disposed = false;

  constructor(placement: Placement<M, Work>, works: readonly Work[], lifetimes: Lifetimes<M>, outside: readonly M[]) {
    this.#placement = placement;
    const { kept, shared, slotBytes } = lifetimes.plan();
    // First what may not fit.
    this.#unshare = placement.share(shared, slotBytes);
    for (const memory of kept) {
      placement.place(memory);
      placement.hold(memory);
    }
    this.#holds = [...outside, ...kept];
    this.#player = placement.player(works);
    this.launches = works.length;
    this.bytes = slotBytes.reduce((sum, bytes) => sum + bytes, 0);
    this.unsharedBytes = shared.reduce((sum, [{ capacity }]) => sum + capacity, 0);
  }

  /** Kernels are assembled at their first use: there is nothing to do in parallel. */
  async prepare(): Promise<void> {}

  run(before: readonly BufferCopy[], after: readonly BufferCopy[]): void {
    if (this.#disposed) throw new CaptureError('a captured step was used after it was disposed; capture it again');
    for (const [from, to] of before) this.#placement.copy(from, to);
    this.#player.run();
    for (const [from, to] of after) this.#placement.copy(from, to);
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#player.dispose();
    for (const memory of this.#holds) this.#placement.release(memory);
    this.#unshare();
  }
}
