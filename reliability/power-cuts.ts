/**
 * @file Power cuts on a real ext4: the run writes to a loop-mounted image, the image is copied at a random moment, and the copy is mounted, as a
 * disk is after the power came back. What was not flushed is gone from it; what was said to be saved must be there. Needs Linux and root.
 */
import { type ChildProcess, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { LIST } from '../src/files/listed-folder.ts';
import { namesIn } from '../src/files/system.ts';
import { randomNumbers } from './random.ts';
import { inWords, tinyRun } from './tiny-run.ts';
import { type Ended, inLanes, type Plan, resultOf, trial } from './trial.ts';

export interface PowerOptions {
  readonly cuts: number;
  readonly seed: number;
  /** A fault to be found. */
  readonly planted: 'none' | 'no-flush' | 'rename-first';
  readonly lanes: number;
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

/** A disk in a file, mounted at a place of its own. */
class LoopDisk {
  readonly #scratch: string;
  readonly #mount: string;
  #image = 0;
  #mounted = false;

  constructor(scratch: string) {
    this.#scratch = scratch;
    this.#mount = path.join(scratch, 'mount');
    mkdirSync(this.#mount, { recursive: true });
  }

  /** The folder that a run has there. */
  get folder(): string {
    return path.join(this.#mount, 'run');
  }

  /** An empty file system. */
  format(): void {
    this.remove();
    system('truncate', '-s', `${MEBIBYTES}M`, this.#file());
    system('mkfs.ext4', '-q', '-F', this.#file());
    this.#mountIt();
  }

  /** Keeps what the disk holds now. */
  async cut(): Promise<void> {
    await copyAtRest(this.#file(), this.#file(1));
  }

  /** Goes on with what was kept. */
  powerUp(): void {
    this.remove();
    this.#image++;
    this.#mountIt();
  }

  remove(): void {
    if (this.#mounted) system('umount', this.#mount);
    this.#mounted = false;
    rmSync(this.#file(), { force: true });
  }

  #file(later = 0): string {
    return path.join(this.#scratch, `disk-${this.#image + later}.img`);
  }

  #mountIt(): void {
    // Without auto_da_alloc, ext4 flushes nothing on its own when a file is renamed, as other file systems do not.
    // Its journal is written every second, so that a cut may fall between any two changes.
    system('mount', '-o', 'loop,noauto_da_alloc,commit=1', this.#file(), this.#mount);
    this.#mounted = true;
  }
}

export async function powerCuts(options: PowerOptions): Promise<{ readonly line: string; readonly failed: boolean }> {
  const { cuts, seed, planted, lanes, say } = options;
  const run = await tinyRun('power');
  const disks = Array.from({ length: lanes }, (_, lane) => new LoopDisk(path.join(run.scratch, `lane-${lane}`)));
  const fault: Plan = planted === 'none' ? {} : { planted };
  const tally = { cuts: 0, inSaves: 0, folders: 0, lost: 0, damaged: 0, unreadable: 0, different: 0 };
  const wrong = (): number => tally.lost + tally.damaged + tally.unreadable + tally.different;
  const soFar = (): string =>
    `${tally.inSaves} inside a save: ${tally.lost} lost what was saved, ${tally.damaged} left a damaged file, ` +
    `${tally.unreadable} folders unreadable, ${tally.different} of ${tally.folders} results different`;
  const started = performance.now();

  /** Runs until the power is cut, if it does not end before; `fresh`: it begins. */
  const untilCut = async (disk: LoopDisk, random: () => number, fresh: boolean): Promise<Ended & { readonly cut: boolean }> => {
    const byTime = random() < 0.5;
    const after = random() * run.ms * 1.5;
    // A run that goes on has fewer operations to come than one that begins.
    const stopAt = Math.floor(random() * run.operations * (fresh ? 1 : 0.5));
    const rest = random() < 0.5 ? 0 : JOURNAL_MS;
    let copied: Promise<void> | undefined;
    const copy = (child: ChildProcess): void => {
      copied = disk.cut().finally(() => child.kill('SIGKILL'));
    };
    const ended = await trial(run.args(disk.folder), {
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
    return { ...ended, cut: copied !== undefined };
  };

  /** Looks at the disk as it is when the power is back. */
  const judgeCut = async (folder: string, { inSave, lasting }: Ended): Promise<void> => {
    const number = ++tally.cuts;
    if (inSave) tally.inSaves++;
    const there = await namesIn(folder);
    const gone = lasting.filter((name) => !there.includes(name));
    if (gone.length > 0) {
      tally.lost++;
      say(`cut ${number}: saved and lost: ${gone.join(', ')}`);
    }
    if (!there.includes(LIST)) return;
    const verified = await trial(['verify', folder]);
    if (verified.code === 0) return;
    tally.damaged++;
    say(`cut ${number}: ${inWords(verified)}\n${verified.out}`);
  };

  /** One folder's life, from its beginning to the end of its run. */
  const life = async (number: number, disk: LoopDisk): Promise<void> => {
    const random = randomNumbers(seed + number);
    const most = 1 + Math.floor(random() * MOST);
    disk.format();
    let deaths = 0;
    let ended = await untilCut(disk, random, true);
    while (ended.cut) {
      disk.powerUp();
      await judgeCut(disk.folder, ended);
      ended =
        ++deaths < most
          ? await untilCut(disk, random, false)
          : { ...(await trial(run.args(disk.folder), { plan: fault })), cut: false };
    }
    tally.folders++;
    if (ended.code !== 0) {
      tally.unreadable++;
      say(`after ${deaths} cuts ${inWords(ended)}`);
    } else if (resultOf(disk.folder) !== run.result) {
      tally.different++;
      say(`after ${deaths} cuts another result`);
    }
    disk.remove();
  };
  try {
    for (let number = 0; tally.cuts < cuts && wrong() < 10; number += lanes * 4) {
      const batch = Array.from({ length: lanes * 4 }, (_, i) => number + i);
      await inLanes(lanes, batch, async (n, lane) => {
        if (tally.cuts < cuts) await life(n, disks[lane]!);
      });
      say(`${tally.cuts} cuts, ${soFar()}`);
    }
  } finally {
    for (const disk of disks) disk.remove();
    await rm(run.scratch, { recursive: true });
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  return {
    failed: wrong() > 0,
    line: `${tally.cuts} power cuts on ext4${planted === 'none' ? '' : `, planted ${planted}`}, ${soFar()}; seed ${seed}, ${seconds} s`,
  };
}
