/** @file Files are written whole or not at all: order of operations, every place of a kill, a full disk, leftovers, folders. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, expect, it } from 'vitest';
import { useFileSystem } from '../../src/files/system.ts';
import { makeFolder, removeLeftovers, writeFileWhole } from '../../src/files/write.ts';
import { killedAt, type Operation, systemError, watched } from '../support/file-systems.ts';

const scratch = mkdtempSync(path.join(os.tmpdir(), 'reparam-write-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
let undo = (): void => {};
afterEach(() => undo());

let folders = 0;
function newFolder(): string {
  const folder = path.join(scratch, String(folders++));
  mkdirSync(folder);
  return folder;
}

it('writes under a temporary name in the folder, flushes, renames, and flushes the folder, in this order', async () => {
  const folder = newFolder();
  const trace: Operation[] = [];
  undo = useFileSystem(watched((operation) => void trace.push(operation)));
  await writeFileWhole(path.join(folder, 'a.json'), 'text');
  const temporary = trace[0]![1];
  expect(temporary).toMatch(/^\.a\.json\.\d+@.*\.part$/);
  expect(trace).toEqual([
    ['create', temporary],
    ['write', temporary],
    ['flush', temporary],
    ['rename', temporary, 'a.json'],
    ['flush-folder', path.basename(folder)],
  ]);
  expect(readdirSync(folder)).toEqual(['a.json']);
});

it('a kill before any operation leaves the whole old content or the whole new one, and the next start removes the rest', async () => {
  for (let n = 0; n <= 5; n++) {
    const folder = newFolder();
    const file = path.join(folder, 'a');
    writeFileSync(file, 'old content');
    undo = useFileSystem(killedAt(n));
    const ended = await writeFileWhole(file, 'the new content').then(
      () => true,
      () => false,
    );
    undo();
    expect(ended).toBe(n === 5);
    expect(readFileSync(file, 'utf8'), `operation ${n}`).toBe(n < 4 ? 'old content' : 'the new content');
    await removeLeftovers(folder);
    expect(readdirSync(folder), `operation ${n}`).toEqual(['a']);
  }
});

it.each(['create', 'write', 'flush', 'rename'])('a full disk at %s leaves the old content and no temporary file', async (at) => {
  const folder = newFolder();
  const file = path.join(folder, 'a');
  writeFileSync(file, 'old');
  undo = useFileSystem(
    watched(([name]) => {
      if (name === at) throw systemError('ENOSPC');
    }),
  );
  await expect(writeFileWhole(file, 'new')).rejects.toThrow('ENOSPC');
  expect(readFileSync(file, 'utf8')).toBe('old');
  expect(readdirSync(folder)).toEqual(['a']);
});

it('goes without flushing the folder where the system cannot, and says an error of the disk', async () => {
  const file = path.join(newFolder(), 'a');
  for (const code of ['EISDIR', 'EPERM', 'EINVAL', 'ENOTSUP']) {
    undo = useFileSystem(
      watched(([name]) => {
        if (name === 'flush-folder') throw systemError(code);
      }),
    );
    await writeFileWhole(file, code);
    undo();
    expect(readFileSync(file, 'utf8')).toBe(code);
  }
  undo = useFileSystem(
    watched(([name]) => {
      if (name === 'flush-folder') throw systemError('EIO');
    }),
  );
  await expect(writeFileWhole(file, 'x')).rejects.toThrow('EIO');
});

it("removes dead processes' temporary files and those a day old; leaves a living one's, another host's, and all other files", async () => {
  const folder = newFolder();
  const dead = spawnSync(process.execPath, ['--eval', '']).pid;
  const put = (name: string, old = false): string => {
    const file = path.join(folder, name);
    writeFileSync(file, '');
    if (old) utimesSync(file, new Date(), new Date(Date.now() - 25 * 3600 * 1000));
    return name;
  };
  const host = os.hostname();
  const gone = [
    put(`.a.${dead}@${host}-0.part`),
    put(`.a.json.${process.pid}@${host}-999999.part`),
    put('.b.1@elsewhere-3.part', true),
    put(`.c.${process.ppid}@${host}-1.part`, true),
  ];
  const kept = [
    put(`.d.${process.ppid}@${host}-1.part`),
    put('.e.1@elsewhere-3.part'),
    put('a.part', true),
    put('.a', true),
    put('a'),
  ];
  expect((await removeLeftovers(folder)).sort()).toEqual(gone.sort());
  expect(readdirSync(folder).sort()).toEqual(kept.sort());
});

it('makes folders level by level, takes those that are there, and comes back from where no folder can be made', async () => {
  const folder = path.join(newFolder(), 'a', 'b', 'c');
  await makeFolder(folder);
  await makeFolder(folder);
  expect(existsSync(folder)).toBe(true);
  const file = path.join(folder, 'file');
  writeFileSync(file, '');
  await expect(makeFolder(path.join(file, 'below'))).rejects.toThrow(/EEXIST|ENOTDIR/);
});

it.runIf(existsSync('/proc/self'))("comes back where Node's recursive mkdir never returns", async () => {
  await expect(makeFolder('/proc/x/y')).rejects.toThrow(/ENOENT/);
});
