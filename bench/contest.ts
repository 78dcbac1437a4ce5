/** @file Contestants in processes of their own, asked in turn: ours, a peer, ours, the next peer, and so on. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { ANSWER, type Identity, type Preparation, type Request, type Sample } from './serve.ts';
import { median, pairedRatios, type Spread, spread } from './statistics.ts';
import type { Task } from './tasks.ts';

export interface Command {
  /** Short, for tables. */
  readonly label: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

type Answer<T> =
  | (T & { readonly gpuErrors: readonly string[] })
  | { readonly error: string; readonly gpuErrors: readonly string[] };

/** WebGPU reported an error that nobody caught, so work was dropped and the time means nothing. */
export class GpuWorkLostError extends Error {}

/** A process that answers requests; started again if it dies or takes too long. */
export class Player {
  readonly label: string;
  readonly #command: Command;
  readonly #patience: number;
  #child: ChildProcessByStdio<Writable, Readable, Readable> | undefined;
  #settle: ((line: string | Error) => void) | undefined;

  constructor(command: Command, patienceMs: number) {
    this.label = command.label;
    this.#command = command;
    this.#patience = patienceMs;
  }

  identity(): Promise<Identity> {
    return this.#ask<Identity>({ ask: 'identity' });
  }

  prepare(task: Task): Promise<Preparation> {
    return this.#ask<Preparation>({ ask: 'prepare', task });
  }

  sample(runs: number): Promise<Sample> {
    return this.#ask<Sample>({ ask: 'sample', runs });
  }

  async release(): Promise<void> {
    if (this.#child) await this.#ask({ ask: 'release' });
  }

  stop(): void {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }

  async #ask<T extends object>(request: Request): Promise<T> {
    const child = (this.#child ??= this.#start());
    const line = await new Promise<string | Error>((resolve) => {
      const timer = setTimeout(() => {
        this.stop();
        resolve(new Error(`no answer in ${this.#patience / 1000} s`));
      }, this.#patience);
      this.#settle = (result) => {
        clearTimeout(timer);
        resolve(result);
      };
      child.stdin.write(`${JSON.stringify(request)}\n`);
    });
    if (line instanceof Error) throw line;
    const answer = JSON.parse(line) as Answer<T>;
    if (answer.gpuErrors.length > 0) throw new GpuWorkLostError(answer.gpuErrors[0]);
    if ('error' in answer && typeof answer.error === 'string') throw new Error(answer.error);
    return answer as T;
  }

  #start(): ChildProcessByStdio<Writable, Readable, Readable> {
    const { file, args, env } = this.#command;
    const child = spawn(file, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    let complaint = '';
    child.stderr.on('data', (text: Buffer) => (complaint = (complaint + text.toString()).slice(-1000)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith(ANSWER)) this.#settle?.(line.slice(ANSWER.length));
    });
    const gone = (why: string): void => {
      if (this.#child === child) this.#child = undefined;
      this.#settle?.(new Error(why));
    };
    child.on('error', (error) => gone(error.message));
    child.on('close', (code, signal) => gone(`the process ended with ${signal ?? `code ${code}`}: ${complaint.trim()}`));
    // A write to a process that has just died is reported by its exit.
    child.stdin.on('error', () => undefined);
    return child;
  }
}

/** One peer on one task. */
export interface Comparison {
  readonly peer: string;
  /** Milliseconds, medians over rounds. */
  readonly ours: Sample;
  readonly theirs: Sample;
  /** Theirs over ours: above 1 ours is faster. */
  readonly wall: Spread;
  readonly cpu: Spread;
  readonly theirNorms: readonly number[];
}

export interface Outcome {
  readonly task: string;
  readonly sizes: string;
  readonly norms: readonly number[];
  readonly comparisons: readonly Comparison[];
  /** Peers that did not do the task, and why. */
  readonly absent: Readonly<Record<string, string>>;
  /** Peers whose GPU work was lost. */
  readonly lost: readonly string[];
}

export interface Effort {
  /** Rounds, at most; after the third, none starts that would pass the budget, milliseconds of a task. */
  readonly rounds: number;
  readonly budget: number;
}

/** A sample has as many runs as fit in this, so that small tasks rise above the clock's and the scheduler's grain. */
const SAMPLE_MS = 40;
const FEWEST_ROUNDS = 3;

/** Plays one task among ours and the peers. */
export async function play(task: Task, ours: Player, peers: readonly Player[], effort: Effort): Promise<Outcome> {
  const prepared = await ours.prepare(task);
  const absent: Record<string, string> = {};
  const lost: string[] = [];
  const drop = (peer: Player, cause: unknown): void => {
    absent[peer.label] = cause instanceof Error ? cause.message : String(cause);
    if (cause instanceof GpuWorkLostError) lost.push(peer.label);
  };
  const rivals: { peer: Player; norms: readonly number[]; warm: number; runs: number; ours: Sample[]; theirs: Sample[] }[] = [];
  for (const peer of peers) {
    try {
      const { norms, warm } = await peer.prepare(task);
      rivals.push({ peer, norms, warm, runs: 1, ours: [], theirs: [] });
    } catch (cause) {
      drop(peer, cause);
    }
  }
  const ourRuns = await warmUp(ours, prepared.warm);
  for (const rival of rivals) {
    try {
      rival.runs = await warmUp(rival.peer, rival.warm);
    } catch (cause) {
      drop(rival.peer, cause);
    }
  }
  const start = performance.now();
  for (let round = 0; round < effort.rounds; round++) {
    const spent = performance.now() - start;
    if (round >= FEWEST_ROUNDS && spent + spent / round > effort.budget) break;
    for (const rival of rivals.filter(({ peer }) => !(peer.label in absent))) {
      const our = await ours.sample(ourRuns);
      try {
        rival.theirs.push(await rival.peer.sample(rival.runs));
        rival.ours.push(our);
      } catch (cause) {
        drop(rival.peer, cause);
      }
    }
  }
  await ours.release();
  for (const { peer } of rivals) await peer.release().catch((cause: unknown) => drop(peer, cause));
  const comparisons = rivals
    .filter(({ peer, theirs }) => theirs.length > 0 && !(peer.label in absent))
    .map(({ peer, norms, ours, theirs }) => ({
      peer: peer.label,
      ours: middle(ours),
      theirs: middle(theirs),
      wall: ratios(ours, theirs, 'wall'),
      cpu: ratios(ours, theirs, 'cpu'),
      theirNorms: norms,
    }));
  return { task: task.name, sizes: task.sizes, norms: prepared.norms, comparisons, absent, lost };
}

/** Small tasks run for so long before they count: the compiler of the host is at work on them for some hundred runs. */
const WARM_UP_MS = 400;

/** The runs of a sample, once a task is as fast as it will be; `ms` is what its second run took. */
async function warmUp(player: Player, ms: number): Promise<number> {
  for (let [run, spent] = [ms, 0]; ;) {
    const runs = runsOf(run);
    if (run >= SAMPLE_MS || spent >= WARM_UP_MS) return runs;
    run = (await player.sample(runs)).wall;
    spent += run * runs;
  }
}

function runsOf(warm: number): number {
  return Math.max(1, Math.min(50, Math.round(SAMPLE_MS / Math.max(warm, 0.01))));
}

function middle(samples: readonly Sample[]): Sample {
  return { wall: median(samples.map((s) => s.wall)), cpu: median(samples.map((s) => s.cpu)) };
}

function ratios(ours: readonly Sample[], theirs: readonly Sample[], what: keyof Sample): Spread {
  return spread(
    pairedRatios(
      ours.map((s) => s[what]),
      theirs.map((s) => s[what]),
    ),
  );
}
