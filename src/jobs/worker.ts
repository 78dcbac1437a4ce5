/** @file The child process of a pool: reads what one job is asked from a file and writes the answer to another. */
import { readFile, writeFile } from 'node:fs/promises';
import { ReparamError } from '../contract/errors.ts';
import { report } from '../command/run.ts';
import type { Device } from '../core/tensor.ts';
import { cpuLike } from '../devices/cpu.ts';
import { runJob } from './job.ts';
import type { SearchRun } from './search-job.ts';
import type { TrainedCell } from './training-job.ts';

async function run([kind, request, answer, device]: readonly string[]): Promise<void> {
  if ((kind !== 'search' && kind !== 'training') || request === undefined || answer === undefined)
    throw new ReparamError('a job needs its kind, a file to read and a file to write');
  const asked: unknown = JSON.parse(await readFile(request, 'utf8'));
  const job = runJob[kind] as (device: Device, what: unknown) => Promise<SearchRun | TrainedCell>;
  await writeFile(answer, JSON.stringify(await job(cpuLike(device), asked)));
}

// A parent that was killed wants no answer, and hears of nothing.
process.on('disconnect', () => process.exit());
// Ctrl-C in a terminal goes to all of its processes: the parent says what is to be done.
process.on('SIGINT', () => undefined);
try {
  await run(process.argv.slice(2));
} catch (error) {
  process.exitCode = report(error);
}
// The channel to the parent would keep this process alive.
process.removeAllListeners('disconnect');
process.disconnect?.();
