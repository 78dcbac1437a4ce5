/** @file The lock of a folder: one process at a time, a dead one's taken over at once, one that cannot be looked up by its age. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import os, { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { FolderLock } from '../../src/command/folder-lock.ts';
import { InUseError } from '../../src/command/in-use-error.ts';
import { useFileSystem } from '../../src/files/system.ts';
import { lifeOf, startOf, thisProcess } from '../../src/command/process-identity.ts';
import { watched } from '../support/file-systems.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
function folder(): string {
  folders.push(mkdtempSync(path.join(tmpdir(), 'reparam-lock-')));
  return folders.at(-1)!;
}

/** A process that does nothing until it is killed. */
async function sleeper(): Promise<{ pid: number; end: () => Promise<void> }> {
  const child = spawn(process.execPath, ['-e', 'console.log("up"); setInterval(() => {}, 1000)'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(child.stdout, 'data');
  return {
    pid: child.pid!,
    end: async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

/** Leaves a lock as another process would, last touched some seconds ago. */
function leave(where: string, holder: object, age = 0): void {
  const file = path.join(where, 'run.lock');
  writeFileSync(file, JSON.stringify({ ...thisProcess(), id: 'other', since: '2026-01-01T00:00:00.000Z', ...holder }));
  utimesSync(file, Date.now() / 1000 - age, Date.now() / 1000 - age);
}

describe('a lock', () => {
  it('names host, process and start time, and leaves nothing when it is given back', async () => {
    const where = folder();
    const lock = await FolderLock.acquire(where);
    expect(readdirSync(where)).toEqual(['run.lock']);
    const held = JSON.parse(readFileSync(path.join(where, 'run.lock'), 'utf8')) as Record<string, unknown>;
    expect(held).toMatchObject({ host: os.hostname(), pid: process.pid, started: startOf(process.pid) });
    await lock.release();
    expect(readdirSync(where)).toEqual([]);
  });

  it('is on the disk before it gets its name, so that a power cut leaves no empty one', async () => {
    const where = folder();
    const seen: string[] = [];
    const undo = useFileSystem(
      watched(([name, file]) => void seen.push(`${name} ${path.extname(file)}, lock ${existsSync(path.join(where, 'run.lock'))}`)),
    );
    try {
      await using _lock = await FolderLock.acquire(where);
    } finally {
      undo();
    }
    expect(seen).toEqual(['create', 'write', 'flush'].map((name) => `${name} .part, lock false`).concat('remove .part, lock true'));
  });

  it('refuses a second holder in one line that names the first', async () => {
    const where = folder();
    await using _lock = await FolderLock.acquire(where);
    const second = FolderLock.acquire(where);
    await expect(second).rejects.toThrow(InUseError);
    await expect(second).rejects.toThrow(new RegExp(`${where} is in use by process ${process.pid} on .* since .*wait`));
    expect(readdirSync(where)).toEqual(['run.lock']);
  });

  it('goes to one of ten that ask at once, also where a dead process left one', async () => {
    for (const stale of [false, true]) {
      const where = folder();
      const { pid, end } = await sleeper();
      const started = startOf(pid);
      await end();
      if (stale) leave(where, { pid, started });
      const asked = await Promise.allSettled(Array.from({ length: 10 }, () => FolderLock.acquire(where)));
      const held = asked.filter((a) => a.status === 'fulfilled').map((a) => a.value);
      expect(held).toHaveLength(1);
      await held[0]!.check();
      await held[0]!.release();
      expect(readdirSync(where)).toEqual([]);
    }
  });

  it('of a dead process is taken over at once', async () => {
    const where = folder();
    const { pid, end } = await sleeper();
    leave(where, { pid, started: startOf(pid)! });
    await expect(FolderLock.acquire(where)).rejects.toThrow(InUseError);
    await end();
    await using lock = await FolderLock.acquire(where);
    await lock.check();
  });

  it('of a process whose number another process has now is taken over at once', async () => {
    const where = folder();
    const { pid, end } = await sleeper();
    leave(where, { pid, started: `${startOf(pid)}9` });
    try {
      await using lock = await FolderLock.acquire(where);
      await lock.check();
      expect(readFileSync(path.join(where, 'run.lock'), 'utf8')).toContain(`"pid":${process.pid},`);
    } finally {
      await end();
    }
  });

  it.each([
    ['another machine', { host: 'elsewhere' }],
    ['another container, or the machine before it was started anew', { numbering: 'other pid:[1]' }],
  ])('of a process on %s is taken over by its age only', async (_where, holder) => {
    const where = folder();
    // No process has this number: that says nothing about another machine.
    leave(where, { pid: 2 ** 22 + 1, ...holder }, 500);
    await expect(FolderLock.acquire(where)).rejects.toThrow(/last heard of (49\d|5\d\d) s ago.*try again in (\d\d|10\d|110) s/);
    leave(where, { pid: 2 ** 22 + 1, ...holder }, 700);
    await using lock = await FolderLock.acquire(where);
    await lock.check();
  });

  it('that cannot be read is taken over by its age only', async () => {
    const where = folder();
    writeFileSync(path.join(where, 'run.lock'), '{"host": "el');
    await expect(FolderLock.acquire(where)).rejects.toThrow(/unreadable run.lock/);
    await using lock = await FolderLock.acquire(where, { stale: -1 });
    await lock.check();
  });

  it('is touched while its process lives', async () => {
    const where = folder();
    await using _lock = await FolderLock.acquire(where, { beat: 0.05 });
    const file = path.join(where, 'run.lock');
    const before = readFileSync(file, 'utf8');
    utimesSync(file, 1000, 1000);
    await expect.poll(() => spawnSync('stat', ['-c', '%Y', file], { encoding: 'utf8' }).stdout.trim()).not.toBe('1000');
    expect(readFileSync(file, 'utf8')).toBe(before);
  });

  it('that was taken over meanwhile is noticed by its old holder, which leaves the new one alone', async () => {
    const where = folder();
    const lock = await FolderLock.acquire(where);
    rmSync(path.join(where, 'run.lock'));
    leave(where, { host: 'elsewhere', pid: 77 });
    await expect(lock.check()).rejects.toThrow(/was taken over by process 77 on elsewhere/);
    await lock.release();
    expect(existsSync(path.join(where, 'run.lock'))).toBe(true);
  });
});

describe('the life of a process', () => {
  it('of what has ended and was not collected by its parent is over', async () => {
    if (process.platform !== 'linux') return;
    // The shell becomes a sleep, which never waits for the child that the shell has started.
    const child = spawn('/bin/sh', ['-c', 'sleep 0.7 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
    const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
    const pid = Number(chunk.toString().trim());
    await expect.poll(() => readFileSync(`/proc/${pid}/stat`, 'utf8')).toMatch(/\) Z /);
    expect(lifeOf({ ...thisProcess(), pid, started: '1' })).toBe('dead');
    child.kill('SIGKILL');
  });

  it('is unknown on another host', () => {
    expect(lifeOf({ ...thisProcess(), host: 'elsewhere' })).toBe('unknown');
    expect(lifeOf(thisProcess())).toBe('alive');
  });
});
