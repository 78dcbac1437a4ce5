/** @file Runs jobs: several processes on the CPU device, one after another on a GPU, earlier results reused. */
import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { HeardSignal } from '../contract/stop-signal.ts';
import type { Device } from '../core/tensor.ts';
import { ReparamError } from '../contract/errors.ts';
import { version } from '../command/version.ts';
import { readIfThere } from '../files/system.ts';
import { makeFolder, removeLeftovers, writeFileWhole } from '../files/write.ts';
import { type JobKind, type Jobs, runJob } from './job.ts';
import type { SearchJob } from './search-job.ts';
import type { TrainingJob } from './training-job.ts';

/** The module that a child process runs: beside this one, and compiled if this one is. */
const WORKER = new URL(import.meta.url.replace(/pool(\.[jt]s)$/, 'worker$1'));

export interface PoolOptions {
  readonly device: Device;
  /** Where finished jobs are kept, by a digest of what they were asked to do; absent: nothing is kept. */
  readonly cache?: string;
  readonly processes: number;
  /**
   * Stops all jobs that are under way, children at once, and throws the signal's reason. Those that are finished are in the cache: the same
   * call goes on with the others, which come out the same, for a job is decided by what it is asked.
   */
  readonly signal?: HeardSignal;
}

export interface Finished<K extends JobKind> {
  readonly answer: Jobs[K]['answer'];
  /** It was there already, left by an earlier command. */
  readonly kept: boolean;
}

/** All jobs, results in their order. */
export async function runJobs<K extends JobKind>(
  kind: K,
  jobs: readonly Jobs[K]['asked'][],
  options: PoolOptions,
  onFinished: (finished: Finished<K>, done: number) => void = () => {},
): Promise<Finished<K>[]> {
  const { cache, device, processes, signal } = options;
  // What ends one ends all: the signal, or a job that fails.
  const stop = new AbortController();
  const hear = (): void => stop.abort(signal?.reason);
  signal?.throwIfAborted();
  signal?.addEventListener('abort', hear);
  if (cache !== undefined) {
    await makeFolder(cache);
    await removeLeftovers(cache);
  }
  const results: (Finished<K> | undefined)[] = Array.from({ length: jobs.length });
  let next = 0;
  let done = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < jobs.length && !stop.signal.aborted; i = next++) {
      const asked = jobs[i]!;
      const file = cache === undefined ? undefined : path.join(cache, `${digest(asked, device)}.json`);
      const found = file === undefined ? undefined : await readAnswer<K>(file);
      const answer = found ?? (await runOne(kind, asked, options, stop.signal));
      if (file !== undefined && !found) await writeFileWhole(file, answerText(answer));
      const finished = { answer, kept: found !== undefined };
      results[i] = finished;
      onFinished(finished, ++done);
    }
  };
  const workers = Array.from({ length: Math.max(1, Math.min(processes, jobs.length)) }, () =>
    worker().catch((error: unknown) => {
      if (!stop.signal.aborted) stop.abort(error);
    }),
  );
  try {
    // All of them, so that no child outlives the call.
    await Promise.all(workers);
  } finally {
    signal?.removeEventListener('abort', hear);
  }
  stop.signal.throwIfAborted();
  return results.filter((r) => r !== undefined);
}

/** An answer with the SHA-256 of its JSON. */
function answerText(answer: object): string {
  const text = JSON.stringify(answer);
  return `{"sha256":"${sha256(text)}","answer":${text}}`;
}

/** The answer in a file; undefined where there is none or it is damaged, so that the job is done again. Earlier versions kept the answer alone. */
async function readAnswer<K extends JobKind>(file: string): Promise<Jobs[K]['answer'] | undefined> {
  const bytes = await readIfThere(file);
  if (!bytes) return undefined;
  const text = bytes.toString();
  const [, digits, kept] = /^\{"sha256":"([0-9a-f]{64})","answer":(.*)\}$/s.exec(text) ?? [];
  // Of the text and not of what it means: two numbers that are written differently may be one.
  if (kept !== undefined && sha256(kept) === digits) return JSON.parse(kept) as Jobs[K]['answer'];
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (typeof value === 'object' && value !== null && !('sha256' in value) && !('answer' in value))
    return value as Jobs[K]['answer'];
  process.stderr.write(`reparam: note: ${file} is damaged: the job that it is of is done again\n`);
  return undefined;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function digest(asked: unknown, device: Device): string {
  const text = JSON.stringify({ job: asked, version, device: device.name, dtype: device.dtype });
  return sha256(text).slice(0, 24);
}

/** In this process on a GPU; in a child process on the CPU device, so that several jobs run at once. */
async function runOne<K extends JobKind>(
  kind: K,
  asked: Jobs[K]['asked'],
  { device, processes }: PoolOptions,
  signal: AbortSignal,
): Promise<Jobs[K]['answer']> {
  if (device.kind === 'webgpu' || processes === 1) return runJob[kind](device, asked, { signal });
  const folder = await mkdtemp(path.join(os.tmpdir(), 'reparam-'));
  try {
    const [request, answer] = [path.join(folder, 'job.json'), path.join(folder, 'answer.json')];
    await writeFile(request, JSON.stringify(asked));
    await new Promise<void>((resolve, reject) => {
      const child = fork(WORKER, [kind, request, answer, device.name], {
        env: { ...process.env, REPARAM_THREADS: String(threadsEach(processes)) },
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      });
      // It has nothing to save.
      const kill = (): void => void child.kill('SIGKILL');
      signal.addEventListener('abort', kill);
      child.once('error', reject);
      child.once('exit', (code, by) => {
        signal.removeEventListener('abort', kill);
        if (code === 0) resolve();
        else reject(new ReparamError(`runJobs: a ${kind} ended with ${by ?? `exit code ${code}`}, seed ${seedOf(asked)}`));
      });
      if (signal.aborted) kill();
    });
    return JSON.parse(await readFile(answer, 'utf8')) as Jobs[K]['answer'];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Threads that each of so many processes has, so that all together are no more than the processors: at most what was asked for. */
export function threadsEach(processes: number): number {
  const asked = Number(process.env['REPARAM_THREADS']) || Infinity;
  return Math.max(1, Math.min(asked, Math.floor(os.availableParallelism() / processes)));
}

function seedOf(asked: SearchJob | TrainingJob): number {
  return 'config' in asked ? asked.config.seed : asked.training.seed;
}
