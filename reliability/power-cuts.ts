/**
 * @file Power cuts on a real ext4: the run writes to a loop-mounted image, the image is copied at a random moment, and the copy is mounted, as a
 * disk is after the power came back. What was not flushed is gone from it. Needs Linux and root.
 */
import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { randomNumbers } from './random.ts';
import { inWords, tinyRun } from './tiny-run.ts';
import { type Plan, resultOf, trial } from './trial.ts';

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

function system(command: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
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
  const plan: Plan = { delay: 5, ...(planted !== 'none' && { planted }) };
  const random = randomNumbers(seed);
  let [cut, inSaves, unreadable, different, folders, image] = [0, 0, 0, 0, 0, 0];
  const file = (): string => path.join(run.scratch, `disk-${image}.img`);
  const started = performance.now();
  let mounted = false;
  const mountIt = (): void => {
    // Without auto_da_alloc, ext4 flushes nothing on its own when a file is renamed, as other file systems do not.
    system('mount', '-o', 'loop,noauto_da_alloc', file(), mount);
    mounted = true;
  };
  const unmount = (): void => {
    if (mounted) system('umount', mount);
    mounted = false;
  };
  try {
    while (cut < cuts && unreadable + different < 10) {
      system('dd', 'if=/dev/zero', `of=${file()}`, 'bs=1M', `count=${MEBIBYTES}`, 'status=none');
      system('mkfs.ext4', '-q', '-F', file());
      mountIt();
      const folder = path.join(mount, 'run');
      const most = 1 + Math.floor(random() * MOST);
      let unbroken = false;
      for (let deaths = 0; !unbroken;) {
        const mayCut = deaths < most;
        const after = random() * run.ms * 1.5;
        let copied: Promise<void> | undefined;
        const ended = await trial(run.args(folder), {
          plan: mayCut ? plan : { ...plan, delay: 0 },
          ...(mayCut && {
            onStart: (child) => {
              const timer = setTimeout(() => {
                // Stopped, so that nothing is written while the copy is made; then it never goes on.
                child.kill('SIGSTOP');
                copied = copyFile(file(), path.join(run.scratch, `disk-${image + 1}.img`)).finally(() => child.kill('SIGKILL'));
              }, after);
              child.on('close', () => clearTimeout(timer));
            },
          }),
        });
        await copied;
        if (copied) {
          unmount();
          await rm(file());
          image++;
          mountIt();
          cut++;
          deaths++;
          if (ended.inSave) inSaves++;
          continue;
        }
        unbroken = true;
        folders++;
        if (ended.code !== 0) {
          unreadable++;
          say(`after ${deaths} cuts ${inWords(ended)}`);
        } else if (resultOf(folder) !== run.result) {
          different++;
          say(`after ${deaths} cuts another result`);
        }
      }
      unmount();
      await rm(file());
      say(`${cut} cuts, ${inSaves} inside a save, ${folders} folders done, ${unreadable} unreadable, ${different} different`);
    }
  } finally {
    unmount();
    await rm(run.scratch, { recursive: true });
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  return {
    failed: unreadable + different > 0,
    line:
      `${cut} power cuts on ext4${planted === 'none' ? '' : `, planted ${planted}`}, ${inSaves} inside a save: ` +
      `${unreadable} folders unreadable, ${different} of ${folders} results different; seed ${seed}, ${seconds} s`,
  };
}
