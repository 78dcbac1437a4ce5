/** @file Kills a search at random moments, in and out of its saves, until it is done: nothing unreadable, and the result of the unbroken run. */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { randomNumbers } from './random.ts';
import { inWords, tinyRun } from './tiny-run.ts';
import { inLanes, type Plan, resultOf, trial } from './trial.ts';

export interface KillOptions {
  readonly kills: number;
  readonly seed: number;
  readonly lanes: number;
  readonly say: (line: string) => void;
}

/** Kills that one folder lives through before it may end. */
const MOST = 6;

export async function kills(options: KillOptions): Promise<{ readonly line: string; readonly failed: boolean }> {
  const { say, lanes, seed } = options;
  const run = await tinyRun('kills');
  say(`unbroken: ${run.operations} operations of the file system, ${run.ms.toFixed(0)} ms`);
  const tally = { killed: 0, inSaves: 0, timed: 0, unreadable: 0, different: 0, folders: 0 };
  const started = performance.now();
  const life = async (number: number): Promise<void> => {
    const random = randomNumbers(seed + number);
    const folder = path.join(run.scratch, `run-${number}`);
    const most = 1 + Math.floor(random() * MOST);
    for (let deaths = 0; ;) {
      const mayDie = deaths < most;
      const byTime = random() < 0.35;
      const slow = random() < 0.5;
      // A run that goes on has fewer operations to come than one that begins.
      const killAt = Math.floor(random() * run.operations * (deaths === 0 ? 1 : 0.5));
      const kill = (['before', 'half', 'after'] as const)[Math.floor(random() * 3)]!;
      const plan: Plan = !mayDie ? {} : byTime ? (slow ? { delay: 20 } : {}) : { killAt, kill };
      const after = random() * run.ms * 1.2;
      const ended = await trial(run.args(folder), {
        plan,
        ...(mayDie &&
          byTime && {
            onStart: (child) => {
              const timer = setTimeout(() => child.kill('SIGKILL'), after);
              child.on('close', () => clearTimeout(timer));
            },
          }),
      });
      if (ended.signal === 'SIGKILL' && !ended.hung) {
        tally.killed++;
        deaths++;
        if (byTime) tally.timed++;
        if (ended.inSave) tally.inSaves++;
        continue;
      }
      if (ended.code !== 0) {
        tally.unreadable++;
        say(`${folder}: after ${deaths} kills ${inWords(ended)}`);
        return;
      }
      // It ended before its kill: the next one would find nothing to do.
      break;
    }
    tally.folders++;
    const result = resultOf(folder);
    if (result === run.result) await rm(folder, { recursive: true });
    else {
      tally.different++;
      const [was, is] = [run.result.split('\n'), result.split('\n')];
      say(`${folder}: another result\n  ${is.filter((line) => !was.includes(line)).join('\n  ')}`);
    }
  };
  let number = 0;
  while (tally.killed < options.kills && tally.unreadable + tally.different < 10) {
    const batch = Array.from({ length: lanes * 8 }, () => number++);
    await inLanes(lanes, batch, async (n) => {
      if (tally.killed < options.kills) await life(n);
    });
    say(
      `${tally.killed} kills, ${tally.inSaves} inside a save, ${tally.folders} folders done, ${tally.unreadable} unreadable, ${tally.different} different`,
    );
  }
  const failed = tally.unreadable + tally.different > 0;
  if (!failed) await rm(run.scratch, { recursive: true });
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  return {
    failed,
    line:
      `${tally.killed} kills by SIGKILL (${tally.timed} at a random time, ${tally.killed - tally.timed} at an operation of the file system), ${tally.inSaves} inside a save ` +
      `(${((100 * tally.inSaves) / tally.killed).toFixed(0)} %): ${tally.unreadable} folders unreadable, ${tally.different} of ${tally.folders} results different; ` +
      `seed ${seed}, ${seconds} s`,
  };
}
