/** @file The smallest search that does all that a search does: what the campaigns kill, cut, starve and damage. */
import { existsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { writeIdxFolder } from '../test/support/idx-folder.ts';
import { type Ended, resultOf, trial } from './trial.ts';

export interface TinyRun {
  /** A folder of the campaign's own, with the data in it. */
  readonly scratch: string;
  /** The command line of a run that begins in this folder, or goes on there. */
  args(folder: string): string[];
  /** What the unbroken run came to, and how many operations of the file system it made. */
  readonly result: string;
  readonly operations: number;
  /** Milliseconds of the whole process. */
  readonly ms: number;
}

/** A checkpoint after every step, so that each run makes the same operations. */
const SETTINGS = [
  ...['--preset', 'smoke', '--device', 'cpu', '--seed', '5', '--nodes', '1', '--channels', '2', '--cells', '1'],
  ...['--train-images', '32', '--validation-images', '16', '--batch-size', '8', '--epochs', '2', '--checkpoint-minutes', '1e-9'],
];

/** Runs it once, unbroken. */
export async function tinyRun(name: string): Promise<TinyRun> {
  const scratch = await mkdtemp(path.join(tmpdir(), `reparam-${name}-`));
  const data = writeIdxFolder(path.join(scratch, 'data'), 64, 16);
  const args = (folder: string): string[] =>
    existsSync(path.join(folder, 'config.json'))
      ? ['search', '--resume', folder, '--quiet']
      : ['search', ...SETTINGS, '--data', data, '--out', folder, '--quiet'];
  const folder = path.join(scratch, 'unbroken');
  const started = performance.now();
  const ended = await trial(args(folder));
  const ms = performance.now() - started;
  if (ended.code !== 0) throw new Error(`the unbroken run ended with ${ended.code}: ${ended.err}`);
  return { scratch, args, result: resultOf(folder), operations: ended.operations, ms };
}

/** One line that says how a run ended, for a report. */
export function inWords({ code, signal, hung, err }: Ended): string {
  const last = err.trim().split('\n').at(-1) ?? '';
  return `${hung ? 'hung' : signal === null ? `code ${code}` : signal}: ${last}`;
}
