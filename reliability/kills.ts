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
  let [killed, inSaves, timed, unreadable, different, folders] = [0, 0, 0, 0, 0, 0];
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
        killed++;
        deaths++;
        if (byTime) timed++;
        if (ended.inSave) inSaves++;
        continue;
      }
      if (ended.code !== 0) {
        unreadable++;
        say(`${folder}: after ${deaths} kills ${inWords(ended)}`);
        return;
      }
      // It ended before its kill: the next one would find nothing to do.
      break;
    }
    folders++;
    const result = resultOf(folder);
    if (result === run.result) await rm(folder, { recursive: true });
    else {
      different++;
      const [was, is] = [run.result.split('\n'), result.split('\n')];
      say(`${folder}: another result\n  ${is.filter((line) => !was.includes(line)).join('\n  ')}`);
    }
  };
  let number = 0;
  while (killed < options.kills && unreadable + different < 10) {
    const batch = Array.from({ length: lanes * 8 }, () => number++);
    await inLanes(lanes, batch, async (n) => {
      if (killed < options.kills) await life(n);
    });
    say(`${killed} kills, ${inSaves} inside a save, ${folders} folders done, ${unreadable} unreadable, ${different} different`);
  }
  const failed = unreadable + different > 0;
  if (!failed) await rm(run.scratch, { recursive: true });
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  return {
    failed,
    line:
      `${killed} kills by SIGKILL (${timed} at a random time, ${killed - timed} at an operation of the file system), ${inSaves} inside a save ` +
      `(${((100 * inSaves) / killed).toFixed(0)} %): ${unreadable} folders unreadable, ${different} of ${folders} results different; ` +
      `seed ${seed}, ${seconds} s`,
  };
}
