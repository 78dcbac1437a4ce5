/** @file Power cuts: whatever the disk may hold after one, each file is whole, old or new, and the next process goes on. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, expect, it } from 'vitest';
import { ListedFolder } from '../../../src/files/listed-folder.ts';
import { useFileSystem } from '../../../src/files/system.ts';
import { randomNumbers } from '../../../reliability/random.ts';
import { DiskModel, type PlantedFault } from '../../support/disk-model.ts';

const scratch = mkdtempSync(path.join(os.tmpdir(), 'reparam-power-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
let undo = (): void => {};
afterEach(() => undo());

/** Disks that are tried for each moment of a cut. */
const DISKS = 6;
/** What is written, write after write; null takes a file away. */
const WRITES: readonly Readonly<Record<string, string | null>>[] = [
  { config: 'c0', metrics: '' },
  { checkpoint: 'state 1'.repeat(40), metrics: 'line 1\n' },
  { 'checkpoint-2': 'state 2'.repeat(40), metrics: 'line 1\nline 2\n' },
  { checkpoint: null, 'checkpoint-3': 'state 3'.repeat(40), metrics: 'line 1\nline 2\nline 3\n' },
];

interface Outcome {
  readonly disks: number;
  readonly wrong: readonly string[];
}

/** Makes the writes on a model disk, cuts the power after every operation, and looks at what may be there. */
async function cutEverywhere(planted: PlantedFault): Promise<Outcome> {
  const disk = new DiskModel(scratch, {}, planted);
  undo = useFileSystem(disk);
  const folder = await ListedFolder.open(scratch);
  const moments: number[] = [];
  for (const files of WRITES) {
    const written = Object.fromEntries(Object.entries(files).flatMap(([name, text]) => (text === null ? [] : [[name, text]])));
    await folder.write(
      written,
      Object.keys(files).filter((name) => files[name] === null),
    );
    moments.push(disk.cuts.length);
  }
  undo();
  const random = randomNumbers(20261128);
  const wrong: string[] = [];
  let disks = 0;
  for (const [moment, cut] of disk.cuts.entries()) {
    for (let i = 0; i < DISKS; i++) {
      const place = path.join(scratch, String(disks++));
      mkdirSync(place);
      for (const [name, content] of cut(random)) writeFileSync(path.join(place, name), content);
      const fault = await judge(place, moments.filter((end) => end <= moment).length, i === 0);
      if (fault !== undefined) wrong.push(`cut after operation ${moment}: ${fault}`);
      rmSync(place, { recursive: true });
    }
  }
  return { disks, wrong };
}

/** What is wrong with a folder after `done` of the writes had ended; `goOn` writes there again. */
async function judge(place: string, done: number, goOn: boolean): Promise<string | undefined> {
  const folder = await ListedFolder.open(place);
  if (folder.damage !== undefined) return folder.damage;
  const before = WRITES.slice(0, done).reduce<Record<string, string | null>>((all, files) => ({ ...all, ...files }), {});
  const next = WRITES[done] ?? {};
  for (const name of new Set([...Object.keys(before), ...Object.keys(next)])) {
    const may = [before[name] ?? null, ...(name in next ? [next[name]!] : [])];
    const standing = await folder.standing(name);
    const text = (await folder.read(name).catch(() => undefined))?.bytes.toString() ?? null;
    // A file that was taken away may come back; the list does not know it then.
    if (standing === 'unlisted' && may.includes(null)) continue;
    if (!may.includes(text)) return `${name} holds ${JSON.stringify(text)?.slice(0, 20)}, which is neither old nor new`;
    if (text !== null && standing !== 'whole') return `${name} is there and ${standing}`;
  }
  if (!goOn) return undefined;
  await folder.prepare();
  await folder.write({ metrics: 'again' });
  const reread = await ListedFolder.open(place);
  return (await reread.readWhole('metrics')).toString() === 'again' ? undefined : 'it cannot be written again';
}

it('leaves every file whole, old or new, in each of the disks that a cut at any moment may leave', async () => {
  const { disks, wrong } = await cutEverywhere('none');
  expect(disks).toBeGreaterThan(200);
  expect(wrong).toEqual([]);
});

it.for(['no-flush', 'no-folder-flush', 'rename-first'] as const)('a planted fault is found: %s', async (planted) => {
  const { wrong } = await cutEverywhere(planted);
  expect(wrong.length).toBeGreaterThan(3);
});
