/** @file Runs an experiment's jobs: several processes on the CPU device, one after another on a GPU, earlier results reused. */
import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { cpu } from '../../devices/cpu.ts';
import type { Device } from '../../core/tensor.ts';
import { ReparamError } from '../../contract/errors.ts';
import { UsageError } from '../usage-error.ts';
import { version } from '../version.ts';
import { runSearchJob, type SearchJob, type SearchRun } from './search-job.ts';
import { runTrainingJob, type TrainedCell, type TrainingJob } from './training-job.ts';

/** What jobs there are, what each is asked and what it answers: both are plain JSON, so that a process of its own can run it. */
export interface Jobs {
  readonly search: { readonly asked: SearchJob; readonly answer: SearchRun };
  readonly training: { readonly asked: TrainingJob; readonly answer: TrainedCell };
}

export type JobKind = keyof Jobs;

const RUN: { readonly [K in JobKind]: (device: Device, asked: Jobs[K]['asked']) => Promise<Jobs[K]['answer']> } = {
  search: (device, asked) => runSearchJob(device, asked),
  training: runTrainingJob,
};

/** The argument of `reparam experiment` that runs one job; not for people. */
export const JOB_ARGUMENT = 'job';

export interface PoolOptions {
  readonly device: Device;
  /** Where finished jobs are kept, by a digest of what they were asked to do; absent: nothing is kept. */
  readonly cache?: string;
  readonly processes: number;
}

export interface Finished<K extends JobKind> {
  readonly answer: Jobs[K]['answer'];
  /** It was there already, made by an earlier experiment. */
  readonly kept: boolean;
}

/** All jobs, results in their order. */
export async function runJobs<K extends JobKind>(
  kind: K,
  jobs: readonly Jobs[K]['asked'][],
  options: PoolOptions,
  onFinished: (finished: Finished<K>, done: number) => void = () => {},
): Promise<Finished<K>[]> {
  const { cache, device, processes } = options;
  if (cache !== undefined) await mkdir(cache, { recursive: true });
  const results: (Finished<K> | undefined)[] = Array.from({ length: jobs.length });
  let next = 0;
  let done = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < jobs.length; i = next++) {
      const asked = jobs[i]!;
      const file = cache === undefined ? undefined : path.join(cache, `${digest(asked, device)}.json`);
      const kept = file !== undefined && existsSync(file);
      const answer = kept ? (JSON.parse(await readFile(file, 'utf8')) as Jobs[K]['answer']) : await runOne(kind, asked, options);
      if (file !== undefined && !kept) {
        await writeFile(`${file}.part`, JSON.stringify(answer));
        await rename(`${file}.part`, file);
      }
      results[i] = { answer, kept };
      onFinished({ answer, kept }, ++done);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(processes, jobs.length)) }, () => worker()));
  return results.filter((r) => r !== undefined);
}

function digest(asked: unknown, device: Device): string {
  const text = JSON.stringify({ job: asked, version, device: device.name, dtype: device.dtype });
  return createHash('sha256').update(text).digest('hex').slice(0, 24);
}

/** In this process on a GPU; in a child process on the CPU device, so that several jobs run at once. */
async function runOne<K extends JobKind>(
  kind: K,
  asked: Jobs[K]['asked'],
  { device, processes }: PoolOptions,
): Promise<Jobs[K]['answer']> {
  if (device.kind === 'webgpu' || processes === 1) return RUN[kind](device, asked);
  const folder = await mkdtemp(path.join(os.tmpdir(), 'reparam-'));
  try {
    const [request, answer] = [path.join(folder, 'job.json'), path.join(folder, 'answer.json')];
    await writeFile(request, JSON.stringify(asked));
    await new Promise<void>((resolve, reject) => {
      const child = fork(process.argv[1]!, ['experiment', JOB_ARGUMENT, kind, request, answer], {
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      });
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        if (code === 0) resolve();
        else reject(new ReparamError(`experiment: a ${kind} ended with ${signal ?? `exit code ${code}`}, seed ${seedOf(asked)}`));
      });
    });
    return JSON.parse(await readFile(answer, 'utf8')) as Jobs[K]['answer'];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function seedOf(asked: SearchJob | TrainingJob): number {
  return 'config' in asked ? asked.config.seed : asked.training.seed;
}

/** The child process's part: reads what is asked from a file and writes the answer to another. */
export async function runJobFromFiles([kind, request, answer]: readonly string[]): Promise<void> {
  if ((kind !== 'search' && kind !== 'training') || request === undefined || answer === undefined)
    throw new UsageError(`${JOB_ARGUMENT} needs its kind, a file to read and a file to write`);
  const device = cpu({ dtype: 'float32' });
  const asked: unknown = JSON.parse(await readFile(request, 'utf8'));
  const run = RUN[kind] as (on: Device, what: unknown) => Promise<SearchRun | TrainedCell>;
  await writeFile(answer, JSON.stringify(await run(device, asked)));
  // The channel to the parent would keep this process alive.
  process.disconnect?.();
}
