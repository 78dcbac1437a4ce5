/** @file The contestant's end of the benchmark: answers requests, one JSON line each, so that one process stays warm while others take turns. */
import { createInterface } from 'node:readline';
import type { Task } from './tasks.ts';

export interface Identity {
  readonly name: string;
  readonly version: string;
  /** Adapter or backend. */
  readonly on: string;
}

/** A task that is ready to run. */
export interface Ready {
  /** One run, waited for to its end. */
  readonly run: () => Promise<void>;
  /** One run, and the norms of its results. */
  readonly check: () => Promise<readonly number[]>;
  readonly release: () => void;
}

export interface Contestant {
  readonly identity: Identity;
  readonly prepare: (task: Task) => Promise<Ready>;
  /** Errors that WebGPU reported outside of any error scope since the last call: work that was dropped looks fast. */
  readonly gpuErrors: () => readonly string[];
}

export type Request =
  | { readonly ask: 'identity' }
  | { readonly ask: 'prepare'; readonly task: Task }
  | { readonly ask: 'sample'; readonly runs: number }
  | { readonly ask: 'release' };

export interface Preparation {
  /** Milliseconds of the first run, with what it compiles and reads back, and of a warm one. */
  readonly first: number;
  readonly warm: number;
  readonly norms: readonly number[];
}

/** Milliseconds of one run: on the clock, and of the process on all processors. */
export interface Sample {
  readonly wall: number;
  readonly cpu: number;
}

/** Answers are told from what libraries print by this beginning. */
export const ANSWER = '@answer ';

/** Answers requests on standard input until it ends. */
export async function serve(contestant: Contestant): Promise<void> {
  let ready: Ready | undefined;
  const answer = async (request: Request): Promise<object> => {
    switch (request.ask) {
      case 'identity':
        return contestant.identity;
      case 'prepare': {
        ready = await contestant.prepare(request.task);
        const start = performance.now();
        const norms = await ready.check();
        const first = performance.now() - start;
        await ready.run();
        const { wall } = await sample(ready, 1);
        return { first, warm: wall, norms } satisfies Preparation;
      }
      case 'sample':
        if (!ready) throw new Error('sample: nothing is prepared');
        return sample(ready, request.runs);
      case 'release':
        ready?.release();
        ready = undefined;
        return {};
    }
  };
  for await (const line of createInterface({ input: process.stdin })) {
    let reply: object;
    try {
      reply = await answer(JSON.parse(line) as Request);
    } catch (error) {
      reply = { error: (error instanceof Error ? error.message : String(error)).slice(0, 300) };
    }
    process.stdout.write(`${ANSWER}${JSON.stringify({ ...reply, gpuErrors: contestant.gpuErrors() })}\n`);
  }
}

async function sample(ready: Ready, runs: number): Promise<Sample> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  for (let i = 0; i < runs; i++) await ready.run();
  const wall = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { wall: wall / runs, cpu: (user + system) / 1000 / runs };
}
