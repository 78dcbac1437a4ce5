/** @file A disk that is full at each of the first operations of a search in turn: one line, old files whole, and it goes on when there is space. */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { inWords, tinyRun } from './tiny-run.ts';
import { inLanes, resultOf, trial } from './trial.ts';

export interface DiskFullOptions {
  readonly writes: number;
  readonly code: string;
  readonly lanes: number;
  readonly say: (line: string) => void;
}

export async function diskFull({
  writes,
  code,
  lanes,
  say,
}: DiskFullOptions): Promise<{ readonly line: string; readonly failed: boolean }> {
  const run = await tinyRun('disk-full');
  const wanted = Math.min(writes, run.operations);
  say(`unbroken: ${run.operations} operations of the file system, ${run.ms.toFixed(0)} ms`);
  let [right, wrong, unharmed] = [0, 0, 0];
  const started = performance.now();
  await inLanes(lanes, [...Array(wanted).keys()], async (failFrom) => {
    const folder = path.join(run.scratch, `run-${failFrom}`);
    const full = await trial(run.args(folder), { plan: { failFrom, code } });
    const lines = full.err.trim().split('\n');
    const told = full.code === 1 && lines.length === 1 && lines[0]!.includes(code) && !full.err.includes('    at ');
    // The last operations may be ones that nobody misses.
    if (full.code === 0) unharmed++;
    const whole = full.code === 0 || told;
    const again = await trial(run.args(folder));
    if (whole && again.code === 0 && resultOf(folder) === run.result) {
      right++;
      await rm(folder, { recursive: true });
      return;
    }
    wrong++;
    say(`full from operation ${failFrom}: ${inWords(full)}${whole ? '' : ` (${lines.length} lines)`}; then ${inWords(again)}`);
  });
  if (wrong === 0) await rm(run.scratch, { recursive: true });
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  return {
    failed: wrong > 0,
    line: `${code} from each of the first ${wanted} operations on: ${right} of ${wanted} said so in one line${unharmed > 0 ? ` (${unharmed} ended well)` : ''}, went on and came to the same result; ${seconds} s`,
  };
}
