/** @file Does the work of kernels, at once or step by step as it was captured. */
import { type Alone, type Call, type Calls, isAlone, type Step, type Work } from './calls.ts';
import type { Heap } from './heap.ts';

export class Runner {
  readonly #heap: Heap;
  /** Ranges that each kernel's outputs are cut into. */
  readonly #ranges: number;

  constructor(heap: Heap, ranges: number) {
    this.#heap = heap;
    this.#ranges = ranges;
  }

  run(work: Work): void {
    for (const step of work) {
      if (isAlone(step)) step.run();
      else for (const call of this.callsOf(step)) this.runCall(call);
    }
  }

  callsOf(step: Calls): readonly Call[] {
    return step.make(this.#ranges);
  }

  runCall({ run, parameters, scratch }: Call): void {
    if (scratch > 0) run(...parameters, this.#heap.scratch(scratch));
    else run(...parameters);
  }
}

/** Plays captured steps. Their calls are made at the first run: from then on nothing that they were told can move. */
export class StepPlayer {
  readonly #runner: Runner;
  readonly #steps: readonly Step[];
  #list: readonly (Call | Alone)[] | undefined;

  constructor(steps: readonly Step[], runner: Runner) {
    this.#steps = steps;
    this.#runner = runner;
  }

  run(): void {
    this.#list ??= this.#make();
    for (const item of this.#list) {
      if ('parameters' in item) this.#runner.runCall(item);
      else item.run();
    }
  }

  dispose(): void {
    for (const item of this.#list ?? []) if ('parameters' in item) item.plan?.release();
    this.#list = undefined;
  }

  #make(): readonly (Call | Alone)[] {
    return this.#steps.flatMap((step): readonly (Call | Alone)[] => {
      if (isAlone(step)) return [step];
      const calls = this.#runner.callsOf(step);
      // Before the next step's plans may put these out of the cache.
      for (const { plan } of calls) plan?.hold();
      return calls;
    });
  }
}
