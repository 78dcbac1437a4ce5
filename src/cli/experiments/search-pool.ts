/** @file Runs an experiment's searches: several processes on the CPU device, one after another on a GPU, earlier results reused. */
import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Device } from '../../device.ts';
import { ReparamError } from '../../errors.ts';
import { version } from '../version.ts';
import { runSearchJob, type SearchJob, type SearchRun } from './search-job.ts';

export interface PoolOptions {
  readonly device: Device;
  /** Where finished searches are kept, by a digest of what they were asked to do. */
  readonly cache: string;
  readonly processes: number;
  readonly say: (line: string) => void;
}

/** All jobs, results in their order. */
export async function runSearches(jobs: readonly SearchJob[], options: PoolOptions): Promise<SearchRun[]> {
  await mkdir(options.cache, { recursive: true });
  const results: (SearchRun | undefined)[] = Array.from({ length: jobs.length });
  let next = 0;
  let done = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < jobs.length; i = next++) {
      const job = jobs[i]!;
      const file = path.join(options.cache, `${digest(job, options.device)}.json`);
      const cached = existsSync(file);
      const run = cached ? (JSON.parse(await readFile(file, 'utf8')) as SearchRun) : await runOne(job, options);
      if (!cached) {
        await writeFile(`${file}.part`, JSON.stringify(run));
        await rename(`${file}.part`, file);
      }
      results[i] = run;
      const last = run.epochs.at(-1);
      options.say(
        `${++done} of ${jobs.length}: ${job.strategy}, seed ${job.config.seed}, eta ${job.config.eta}: parent ${last?.parentAccuracy.toFixed(3)}, ` +
          `child ${last?.childAccuracy.toFixed(3)}, entropy ${last?.entropy.toFixed(2)}, ${run.seconds.toFixed(0)} s${cached ? ' (kept from before)' : ''}`,
      );
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(options.processes, jobs.length)) }, () => worker()));
  return results.filter((r) => r !== undefined);
}

function digest(job: SearchJob, device: Device): string {
  const asked = JSON.stringify({ job, version, device: device.name, dtype: device.dtype });
  return createHash('sha256').update(asked).digest('hex').slice(0, 24);
}

/** In this process on a GPU; in a child process on the CPU device, so that several searches run at once. */
async function runOne(job: SearchJob, { device, processes }: PoolOptions): Promise<SearchRun> {
  if (device.kind === 'webgpu' || processes === 1) return runSearchJob(device, job);
  const folder = await mkdtemp(path.join(os.tmpdir(), 'reparam-'));
  try {
    const [request, answer] = [path.join(folder, 'job.json'), path.join(folder, 'run.json')];
    await writeFile(request, JSON.stringify(job));
    await new Promise<void>((resolve, reject) => {
      const child = fork(process.argv[1]!, ['experiment', 'search-job', request, answer], {
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      });
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        if (code === 0) resolve();
        else
          reject(
            new ReparamError(
              `experiment: a search ended with ${signal ?? `exit code ${code}`}: ${job.strategy}, seed ${job.config.seed}`,
            ),
          );
      });
    });
    return JSON.parse(await readFile(answer, 'utf8')) as SearchRun;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
