/**
 * @file Power cuts on a real ext4: the run writes to a loop-mounted image, the image is copied at a random moment, and the copy is mounted, as a
 * disk is after the power came back. What was not flushed is gone from it; what was said to be saved must be there. Needs Linux and root.
 */
import { type ChildProcess, spawnSync } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { LIST } from '../src/files/listed-folder.ts';
import { namesIn } from '../src/files/system.ts';
import { randomNumbers } from './random.ts';
import { inWords, tinyRun } from './tiny-run.ts';
import { type Ended, type Plan, resultOf, trial } from './trial.ts';

export interface PowerOptions {
  readonly cuts: number;
  readonly seed: number;
  /** A fault to be found. */
  readonly planted: 'none' | 'no-flush' | 'rename-first';
  readonly say: (line: string) => void;
}

/** Cuts that one folder lives through. */
const MOST = 3;
const MEBIBYTES = 24;
/** By then the journal holds what was not flushed too, as names do; content it never holds. */
const JOURNAL_MS = 1500;

function system(command: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
}

/** Copies a disk until two copies are the same: a flush that was under way when the process was stopped still goes on for a moment. */
async function copyAtRest(from: string, to: string): Promise<void> {
  for (let [last, next] = [Buffer.alloc(0), await readFile(from)]; ; last = next, next = await readFile(from)) {
    if (last.equals(next)) return writeFile(to, next);
  }
}

export async function powerCuts({
  cuts,
  seed,
  planted,
  say,
}: PowerOptions): Promise<{ readonly line: string; readonly failed: boolean }> {
  const run = await tinyRun('power');
  const mount = path.join(run.scratch, 'mount');
  await mkdir(mount);
  const folder = path.join(mount, 'run');
  const fault: Plan = planted === 'none' ? {} : { planted };
  const random = randomNumbers(seed);
  const tally = { cuts: 0, inSaves: 0, folders: 0, lost: 0, damaged: 0, unreadable: 0, different: 0 };
  const wrong = (): number => tally.lost + tally.damaged + tally.unreadable + tally.different;
  const inWordsSoFar = (): string =>
    `${tally.inSaves} inside a save: ${tally.lost} lost what was saved, ${tally.damaged} left a damaged file, ` +
    `${tally.unreadable} folders unreadable, ${tally.different} of ${tally.folders} results different`;
  let image = 0;
  const file = (number = image): string => path.join(run.scratch, `disk-${number}.img`);
  const started = performance.now();
  let mounted = false;
  const mountIt = (): void => {
    // Without auto_da_alloc, ext4 flushes nothing on its own when a file is renamed, as other file systems do not.
    // Its journal is written every second, so that a cut may fall between any two changes.
    system('mount', '-o', 'loop,noauto_da_alloc,commit=1', file(), mount);
    mounted = true;
  };
  const unmount = (): void => {
    if (mounted) system('umount', mount);
    mounted = false;
  };

  /** Runs until the power is cut, after `deaths` cuts before; what the disk then holds is the next image. Undefined where it ended first. */
  const untilCut = async (deaths: number): Promise<Ended | undefined> => {
    const byTime = random() < 0.5;
    const after = random() * run.ms * 1.5;
    // A run that goes on has fewer operations to come than one that begins.
    const stopAt = Math.floor(random() * run.operations * (deaths === 0 ? 1 : 0.5));
    const rest = random() < 0.5 ? 0 : JOURNAL_MS;
    let copied: Promise<void> | undefined;
    const copy = (child: ChildProcess): void => {
      copied = copyAtRest(file(), file(image + 1)).finally(() => child.kill('SIGKILL'));
    };
    const ended = await trial(run.args(folder), {
      plan: { ...fault, ...(byTime ? { delay: 5 } : { stopAt }) },
      onStart: (child) => {
        if (!byTime) return;
        const timer = setTimeout(() => {
          // Stopped, so that nothing is written while the copy is made; then it never goes on.
          child.kill('SIGSTOP');
          copy(child);
        }, after);
        child.on('close', () => clearTimeout(timer));
      },
      onStop: (child) => setTimeout(() => copy(child), rest),
    });
    await copied;
    if (copied) return ended;
    judgeEnd(ended, deaths);
    return undefined;
  };
  const judgeEnd = (ended: Ended, deaths: number): void => {
    tally.folders++;
    if (ended.code !== 0) {
      tally.unreadable++;
      say(`after ${deaths} cuts ${inWords(ended)}`);
    } else if (resultOf(folder) !== run.result) {
      tally.different++;
      say(`after ${deaths} cuts another result`);
    }
  };
  /** Looks at the disk as it is when the power is back. */
  const judgeCut = async ({ inSave, lasting }: Ended): Promise<void> => {
    tally.cuts++;
    if (inSave) tally.inSaves++;
    const there = await namesIn(folder);
    const gone = lasting.filter((name) => !there.includes(name));
    if (gone.length > 0) {
      tally.lost++;
      say(`cut ${tally.cuts}: saved and lost: ${gone.join(', ')}`);
    }
    if (!there.includes(LIST)) return;
    const verified = await trial(['verify', folder]);
    if (verified.code === 0) return;
    tally.damaged++;
    say(`cut ${tally.cuts}: ${inWords(verified)}\n${verified.out}`);
  };
  try {
    while (tally.cuts < cuts && wrong() < 10) {
      system('truncate', '-s', `${MEBIBYTES}M`, file());
      system('mkfs.ext4', '-q', '-F', file());
      mountIt();
      const most = 1 + Math.floor(random() * MOST);
      let deaths = 0;
      for (let ended = await untilCut(deaths); ended; ended = await untilCut(deaths)) {
        unmount();
        await rm(file());
        image++;
        mountIt();
        await judgeCut(ended);
        if (++deaths < most) continue;
        judgeEnd(await trial(run.args(folder), { plan: fault }), deaths);
        break;
      }
      unmount();
      await rm(file());
      say(`${tally.cuts} cuts, ${inWordsSoFar()}`);
    }
  } finally {
    unmount();
    await rm(run.scratch, { recursive: true });
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  return {
    failed: wrong() > 0,
    line:
      `${tally.cuts} power cuts on ext4${planted === 'none' ? '' : `, planted ${planted}`}, ${inWordsSoFar()}; ` +
      `seed ${seed}, ${seconds} s`,
  };
}
