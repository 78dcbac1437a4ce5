/** @file Does the work of kernels, at once or wave by wave as it was captured, alone or with the crew. */
import { type Alone, type Call, type Calls, isAlone, type Step, type Work } from './calls.ts';
import type { Heap } from './heap.ts';
import type { Linker } from './linker.ts';
import { callBytes, writeCalls } from '../threads/batch.ts';
import { CLOSED } from '../threads/control.ts';
import { theCrew } from '../threads/crew.ts';

/** What it costs (see `Calls.cost`) before other threads are asked to help: less is done sooner alone. */
const WORTH_SHARING = 60_000;

export interface RunnerOptions {
  /** Threads that may share the work, this one among them. Default 1. */
  readonly threads?: number | undefined;
  /** For tests: ranges that each kernel's outputs are cut into where this thread is alone. Default 1. */
  readonly ranges?: number | undefined;
  /** For tests: what work has to cost to be shared. */
  readonly worthSharing?: number | undefined;
}

/** What a device that nobody refers to any more has left with the crew. */
const left = new FinalizationRegistry<number>((device) => theCrew().leave(device));

export class Runner {
  readonly threads: number;
  readonly worthSharing: number;
  readonly heap: Heap;
  readonly #linker: Linker;
  readonly #ranges: number;
  /** Its number among the crew's devices. */
  #device: number | undefined;
  /** Modules that the crew has been told of. */
  #told = 0;
  #ended = false;
  #list = 0;
  #listBytes = 0;

  constructor(linker: Linker, { threads = 1, ranges = 1, worthSharing = WORTH_SHARING }: RunnerOptions) {
    this.worthSharing = worthSharing;
    this.heap = linker.heap;
    this.threads = threads;
    this.#linker = linker;
    this.#ranges = ranges;
  }

  run(work: Work): void {
    for (const step of work) {
      if (isAlone(step)) step.run();
      else this.#runStep(step);
    }
  }

  #runStep(step: Calls): void {
    if (this.threads === 1 || step.cost < this.worthSharing) {
      for (const call of step.make(this.#ranges)) this.runCall(call);
      return;
    }
    const calls = step.make(this.threads);
    if (calls.length < 2 || calls.length >= CLOSED || !this.joined()) {
      for (const call of calls) this.runCall(call);
      return;
    }
    const bytes = callBytes(calls);
    if (bytes > this.#listBytes) {
      if (this.#listBytes > 0) this.heap.free(this.#list, this.#listBytes);
      this.#listBytes = 2 * bytes;
      this.#list = this.heap.alloc(this.#listBytes);
    }
    writeCalls(this.#linker, calls, this.#list);
    this.share(calls, this.#list, scratchStep(calls), () => undefined);
  }

  /** Ranges that a step is cut into that costs so much of what is done at the same time. */
  rangesFor(cost: number, together: number): number {
    if (this.threads === 1) return this.#ranges;
    return together < this.worthSharing ? 1 : Math.max(1, Math.min(this.threads, Math.round((this.threads * cost) / together)));
  }

  /** Whether all threads are ready to work, each with all functions; starts them or tells them of what is new, so that they will be. */
  joined(): boolean {
    if (this.threads === 1 || this.#ended) return false;
    const crew = theCrew();
    if (this.#device === undefined) {
      this.#device = crew.enter(this.heap.memory);
      left.register(this, this.#device, this);
    }
    crew.want(this.threads - 1);
    const { modules } = this.#linker;
    if (modules.length > this.#told) {
      crew.share(this.#device, modules.slice(this.#told));
      this.#told = modules.length;
    }
    return crew.ready(this.threads - 1);
  }

  /** Does calls that were written to a list with all threads, which have joined; this one does `first` before. */
  share(calls: readonly Call[], list: number, step: number, first: () => void): void {
    const scratch = this.heap.scratch(step * this.threads);
    theCrew().run(this.#device!, this.threads - 1, { list, count: calls.length, scratch, scratchStep: step }, first, (i) =>
      callAt(calls[i]!, scratch),
    );
  }

  runCall(call: Call): void {
    callAt(call, call.scratch > 0 ? this.heap.scratch(call.scratch) : 0);
  }

  write(calls: readonly Call[], address: number): void {
    writeCalls(this.#linker, calls, address);
  }

  /** Works alone from here on. */
  end(): void {
    this.#ended = true;
    if (this.#device === undefined) return;
    left.unregister(this);
    theCrew().leave(this.#device);
  }
}

function callAt({ run, parameters, scratch }: Call, address: number): void {
  if (scratch > 0) run(...parameters, address);
  else run(...parameters);
}

/** Bytes of scratch memory that each thread has for itself. */
function scratchStep(calls: readonly Call[]): number {
  return Math.ceil(calls.reduce((most, { scratch }) => Math.max(most, scratch), 0) / 64) * 64;
}

function costOf(steps: readonly Step[]): number {
  return steps.reduce((sum, step) => sum + (isAlone(step) ? 0 : step.cost), 0);
}

/** What is done at one time: what only this thread can do, and calls; those that all threads share lie in a list. */
interface Wave {
  readonly alone: readonly Alone[];
  readonly calls: readonly Call[];
  readonly shared: boolean;
  list: number;
}

/** Plays captured steps. Their calls are made once, and again when the crew joins: in between nothing that they were told can move. */
export class StepPlayer {
  readonly #runner: Runner;
  readonly #steps: readonly (readonly Step[])[];
  #waves: readonly Wave[] | undefined;
  readonly #worthSharing: boolean;
  #joined = false;
  #step = 0;
  #lists = { address: 0, bytes: 0 };

  /** Waves of work. What a work does second is done when all have done what they do first. */
  constructor(waves: readonly (readonly Work[])[], runner: Runner) {
    this.#runner = runner;
    this.#steps = waves.flatMap((works) => {
      const most = works.reduce((sum, { length }) => Math.max(sum, length), 0);
      return Array.from({ length: most }, (_, i) => works.flatMap((work) => work.slice(i, i + 1)));
    });
    this.#worthSharing = this.#steps.some((steps) => costOf(steps) >= runner.worthSharing);
  }

  run(): void {
    const runner = this.#runner;
    const joined = this.#worthSharing && runner.joined();
    if (!this.#waves || joined !== this.#joined) {
      this.dispose();
      this.#waves = this.#make(joined);
      this.#joined = joined;
    }
    // Cut calls may be of modules that the others do not have yet.
    const together = joined && runner.joined();
    const step = this.#step;
    runner.heap.scratch(step * (together ? runner.threads : 1));
    for (const { alone, calls, shared, list } of this.#waves) {
      if (shared && together) {
        runner.share(calls, list, step, () => {
          for (const { run } of alone) run();
        });
      } else {
        for (const { run } of alone) run();
        for (const call of calls) runner.runCall(call);
      }
    }
  }

  dispose(): void {
    for (const { calls } of this.#waves ?? []) for (const { plan } of calls) plan?.release();
    if (this.#lists.bytes > 0) this.#runner.heap.free(this.#lists.address, this.#lists.bytes);
    this.#lists = { address: 0, bytes: 0 };
    this.#waves = undefined;
  }

  #make(joined: boolean): readonly Wave[] {
    const waves = this.#steps.map((steps) => this.#wave(steps, joined));
    this.#step = waves.reduce((most, { calls }) => Math.max(most, scratchStep(calls)), 0);
    const shared = waves.filter((wave) => wave.shared);
    const bytes = shared.reduce((sum, { calls }) => sum + callBytes(calls), 0);
    if (bytes === 0) return waves;
    this.#lists = { address: this.#runner.heap.alloc(bytes), bytes };
    let at = this.#lists.address;
    for (const wave of shared) {
      wave.list = at;
      this.#runner.write(wave.calls, at);
      at += callBytes(wave.calls);
    }
    return waves;
  }

  #wave(steps: readonly Step[], joined: boolean): Wave {
    const shares = steps.filter((step): step is Calls => !isAlone(step));
    const total = costOf(steps);
    const made = shares.map((step) => {
      const calls = step.make(joined ? this.#runner.rangesFor(step.cost, total) : this.#runner.rangesFor(0, 0));
      // Before the next step's plans may put these out of the cache.
      for (const { plan } of calls) plan?.hold();
      return { calls, each: step.cost / calls.length };
    });
    // The longest first, so that no thread is left with one at the end.
    const calls = made.toSorted((a, b) => b.each - a.each).flatMap((step) => step.calls);
    const shared = joined && total >= this.#runner.worthSharing && calls.length > 1 && calls.length < CLOSED;
    return { alone: steps.filter(isAlone), calls, shared, list: 0 };
  }
}
