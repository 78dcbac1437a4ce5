/** @file Captured steps on the processor: kernels noted with their operands, and run again at every replay. */
import type { BufferCopy, BufferHandle, Program } from '../../contract/backend.ts';
import { CaptureError } from '../../contract/errors.ts';
import type { Access } from './waves.ts';
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
  /** The wave of each command, the same or later for later commands of the same memory. */
  waves(commands: readonly Access<M>[]): readonly number[];
  player(waves: readonly (readonly Work[])[]): Player;
}

/** Does the work of a captured step, as often as it is asked. */
export interface Player {
  run(): void;
  dispose(): void;
}

/** Work with the memory that it uses. */
interface Command<M, Work> extends Access<M> {
  readonly work: Work;
}

/** What a step asks for while it is captured. */
export class ArrayCapture<M extends PlannedMemory, Work> extends Capture<M> {
  readonly #placement: Placement<M, Work>;
  readonly #commands: Command<M, Work>[] = [];
  readonly #holds = new Set<M>();

  constructor(placement: Placement<M, Work>) {
    super();
    this.#placement = placement;
  }

  push(reads: readonly M[], writes: readonly M[], work: Work): void {
    for (const memory of [...reads, ...writes]) {
      if (this.lifetimes.has(memory) || this.#holds.has(memory)) continue;
      this.#placement.hold(memory);
      this.#holds.add(memory);
    }
    this.#commands.push({ reads, writes, work });
  }

  /** Lets go of everything: nothing has been done. */
  abandon(): void {
    for (const memory of this.#holds) this.#placement.release(memory);
    this.#holds.clear();
  }

  finish(): Program {
    this.check();
    const program = new CpuProgram(this.#placement, this.#inWaves(), this.lifetimes, [...this.#holds]);
    // They are the program's from here on.
    this.#holds.clear();
    return program;
  }

  /** The work wave by wave; memory lives from the first wave that uses it to the last. */
  #inWaves(): readonly (readonly Work[])[] {
    const waves: Command<M, Work>[][] = [];
    const order = this.#placement.waves(this.#commands);
    for (const [i, command] of this.#commands.entries()) (waves[order[i]!] ??= []).push(command);
    for (const [wave, commands] of waves.entries()) {
      for (const { reads, writes } of commands) for (const memory of [...reads, ...writes]) this.lifetimes.use(memory, wave);
    }
    return waves.map((commands) => commands.map(({ work }) => work));
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

  constructor(placement: Placement<M, Work>, waves: readonly (readonly Work[])[], lifetimes: Lifetimes<M>, outside: readonly M[]) {
    this.#placement = placement;
    const { kept, shared, slotBytes } = lifetimes.plan();
    // First what may not fit.
    this.#unshare = placement.share(shared, slotBytes);
    for (const memory of kept) {
      placement.place(memory);
      placement.hold(memory);
    }
    this.#holds = [...outside, ...kept];
    this.#player = placement.player(waves);
    this.launches = waves.reduce((sum, { length }) => sum + length, 0);
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
