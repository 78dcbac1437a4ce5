/** @file The workers of a process, which all its devices share, and the batches of calls that they and the caller claim. */
import { WorkerError } from '../../../contract/errors.ts';
import type { SharedModule } from '../runtime/linker.ts';
import { BATCH, CLOSED, CONTROL_WORDS, WORD } from './control.ts';
import { CALLER_MAY_SLEEP, type Helper, startHelper } from './start.ts';

/** Where workers find a batch: addresses in bytes, multiples of 8. */
export interface Batch {
  readonly list: number;
  readonly count: number;
  readonly scratch: number;
  readonly scratchStep: number;
}

/** How long the caller waits for a call that a worker has claimed. */
const LOST_MS = 60_000;
/** How long it looks for the end of one before it sleeps, where it may. */
const SPIN_MS = 0.05;

class Crew {
  /** Batches that were run. */
  batches = 0;
  readonly #control = closedControl();
  readonly #helpers: { readonly helper: Helper; posted: number }[] = [];
  /** What a worker that starts late has to be told of each device. */
  readonly #told = new Map<number, unknown[]>();
  #batch = 0;
  #nextDevice = 0;
  #lost = false;

  /** Workers that were started and have not ended. */
  get size(): number {
    return this.#helpers.length;
  }

  /** Whether there are so many workers, each of which has read all that was posted to it. */
  ready(workers: number): boolean {
    if (this.#helpers.length < workers) return false;
    for (let i = 0; i < workers; i++) if (Atomics.load(this.#control, WORD.read + i) !== this.#helpers[i]!.posted) return false;
    return true;
  }

  /** A number for a device whose calls run in this memory. */
  enter(memory: WebAssembly.Memory): number {
    const device = this.#nextDevice++;
    this.#told.set(device, []);
    this.#tell(device, { device, memory });
    return device;
  }

  share(device: number, modules: readonly SharedModule[]): void {
    this.#tell(device, { device, modules });
  }

  /** Forgets a device, and ends the workers when it was the last. */
  leave(device: number): void {
    if (!this.#told.delete(device)) return;
    if (this.#told.size === 0) this.#end();
    else for (let i = 0; i < this.#helpers.length; i++) this.#post(i, { device });
  }

  /** Starts workers until there are so many. */
  want(workers: number): void {
    while (!this.#lost && this.#helpers.length < workers) {
      const index = this.#helpers.length;
      try {
        const helper = startHelper((why) => this.#lose(helper, why));
        Atomics.store(this.#control, WORD.posted + index, 0);
        Atomics.store(this.#control, WORD.read + index, 0);
        this.#helpers.push({ helper, posted: 0 });
        this.#post(index, { control: this.#control, index });
        for (const message of [...this.#told.values()].flat()) this.#post(index, message);
      } catch (error) {
        this.#lose(undefined, String(error));
      }
    }
  }

  /** Runs a batch with so many workers, which must be ready: `own` does what this thread claims. */
  run(
    device: number,
    workers: number,
    { list, count, scratch, scratchStep }: Batch,
    first: () => void,
    own: (call: number) => void,
  ): void {
    this.batches++;
    const control = this.#control;
    const batch = (this.#batch = (this.#batch + 1) % (2 ** 31 / BATCH)) * BATCH;
    control[WORD.count] = count;
    control[WORD.device] = device;
    control[WORD.list] = list / 8;
    control[WORD.workers] = workers;
    control[WORD.scratch] = scratch / 8;
    control[WORD.scratchStep] = scratchStep / 8;
    Atomics.store(control, WORD.done, 0);
    Atomics.store(control, WORD.turn, batch);
    this.#wakeSleepers();
    let mine = 0;
    try {
      first();
      for (;;) {
        const turn = Atomics.load(control, WORD.turn);
        const next = turn - batch;
        if (next >= count) break;
        if (Atomics.compareExchange(control, WORD.turn, turn, turn + 1) !== turn) continue;
        mine++;
        own(next);
      }
    } finally {
      // Whatever was thrown: nobody may write to memory that is somebody else's by then.
      const claimed = Atomics.exchange(control, WORD.turn, batch + CLOSED) - batch;
      this.#await(Math.min(claimed, count) - mine);
    }
    if (Atomics.exchange(control, WORD.failed, 0) !== 0)
      throw new WorkerError('cpu: a worker failed in a kernel; the results of this step are not to be trusted: open a new device');
  }

  #await(calls: number): void {
    const control = this.#control;
    let since = 0;
    for (let i = 1; Atomics.load(control, WORD.done) < calls; i++) {
      if ((i & 0xff) !== 0) continue;
      const now = performance.now();
      if (since === 0) since = now;
      if (now - since > LOST_MS) {
        this.#lost = true;
        this.#end();
        throw new WorkerError(`cpu: a worker has not answered for ${LOST_MS / 1000} s; open a new device, or pass threads: 1`);
      }
      // Somebody else may have the worker's processor, and get this one instead.
      if (CALLER_MAY_SLEEP && now - since > SPIN_MS) this.#sleepUntilMoreIsDone(calls);
    }
  }

  #sleepUntilMoreIsDone(calls: number): void {
    const control = this.#control;
    Atomics.store(control, WORD.callerSleeps, 1);
    const done = Atomics.load(control, WORD.done);
    if (done < calls) Atomics.wait(control, WORD.done, done, 100);
    Atomics.store(control, WORD.callerSleeps, 0);
  }

  #tell(device: number, message: unknown): void {
    this.#told.get(device)?.push(message);
    for (let i = 0; i < this.#helpers.length; i++) this.#post(i, message);
  }

  #post(index: number, message: unknown): void {
    const entry = this.#helpers[index]!;
    entry.helper.post(message);
    Atomics.store(this.#control, WORD.posted + index, ++entry.posted);
    this.#wakeSleepers();
  }

  #wakeSleepers(): void {
    if (Atomics.load(this.#control, WORD.sleeping) === 0) return;
    Atomics.add(this.#control, WORD.wake, 1);
    Atomics.notify(this.#control, WORD.wake);
  }

  #lose(helper: Helper | undefined, why: string): void {
    if (this.#lost || (helper && !this.#helpers.some((entry) => entry.helper === helper))) return;
    this.#lost = true;
    this.#end();
    sayAlone(`a worker was lost (${why})`);
  }

  #end(): void {
    for (const { helper } of this.#helpers.splice(0)) helper.end();
    Atomics.store(this.#control, WORD.sleeping, 0);
  }
}

function closedControl(): Int32Array<SharedArrayBuffer> {
  const control = new Int32Array(new SharedArrayBuffer(CONTROL_WORDS * Int32Array.BYTES_PER_ELEMENT));
  control[WORD.turn] = CLOSED;
  return control;
}

let said = false;

/** Says once that devices run on one thread, and why. */
export function sayAlone(why: string): void {
  if (said) return;
  said = true;
  console.warn(`reparam: the CPU device runs on one thread: ${why}`);
}

let crew: Crew | undefined;

/** The crew of this process or page: made when it is first asked for. */
export function theCrew(): Crew {
  return (crew ??= new Crew());
}

export type { Crew };
