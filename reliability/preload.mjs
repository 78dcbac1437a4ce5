/**
 * @file Loaded before the built command (`node --import`): has every file written through a file system that follows the plan in
 * RELIABILITY_PLAN (trial.ts has its type), and says on file descriptor 3, a line
 * each, every operation ('.'), when a save begins and ends ('[', ']'), and the names that are on the disk for good from now on ('+name', '-name'),
 * and that it stands still at the operation that the plan names ('!').
 */
import { writeSync } from 'node:fs';
import { basename, dirname } from 'node:path';

const plan = JSON.parse(process.env['RELIABILITY_PLAN'] ?? '{}');
const { nodeFileSystem, useFileSystem } = await import(new URL('../dist/files/system.js', import.meta.url).href);

/** Files between their making and their name; a save lasts while there is one. */
const open = new Set();
/** Files that the planted fault has named already. */
const early = new Set();
let operations = 0;

/** New names that a flush of their folder makes last. */
const named = new Set();

const say = (event) => {
  try {
    writeSync(3, `${event}\n`);
  } catch {
    // Nobody listens.
  }
};
const die = () => process.kill(process.pid, 'SIGKILL');
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function closed(path) {
  if (open.delete(path) && open.size === 0) say(']');
}

/** Before an operation: whether the plan lets it happen. */
async function before(kind, path) {
  const n = operations++;
  say('.');
  if (plan.delay) await pause(plan.delay);
  if (plan.stopAt === n) {
    say('!');
    await new Promise(() => setInterval(() => {}, 1000));
  }
  if (plan.killAt === n && plan.kill !== 'after') {
    if (plan.kill !== 'half' || kind !== 'write') {
      die();
      await pause(10_000);
    }
  }
  const full = plan.failFrom !== undefined && n >= plan.failFrom && n < plan.failFrom + (plan.failures ?? Infinity);
  // What frees space goes through on a full disk.
  if (full && kind !== 'remove') {
    throw Object.assign(new Error(`${plan.code}: planned, ${kind} '${path}'`), {
      code: plan.code,
      errno: -28,
      syscall: kind === 'create' ? 'open' : kind === 'makeFolder' ? 'mkdir' : kind === 'flush' ? 'fsync' : kind,
      path,
    });
  }
  return n;
}

function after(n) {
  if (plan.killAt === n && plan.kill === 'after') die();
}

async function through(kind, path, act) {
  const n = await before(kind, path);
  const result = await act(n);
  after(n);
  return result;
}

useFileSystem({
  create: (path) =>
    through('create', path, async () => {
      const file = await nodeFileSystem.create(path);
      open.add(path);
      if (open.size === 1) say('[');
      return {
        write: (content) =>
          through('write', path, async (n) => {
            // A lock gets its name by a link, which the fault leaves alone.
            if (plan.planted === 'rename-first' && !basename(path).startsWith('.run.lock')) {
              // Its final name is what stands between the first dot and the process.
              const name = path.replace(/[^/]*$/, (part) => part.replace(/^\.(.*)\.\d+@.*$/, '$1'));
              const { rename } = await import('node:fs/promises');
              await rename(path, name);
              early.add(path);
            }
            if (plan.killAt === n && plan.kill === 'half') {
              await file.write(content.subarray(0, content.length >> 1));
              die();
              await pause(10_000);
            }
            await file.write(content);
          }),
        flush: () => through('flush', path, async () => (plan.planted === 'no-flush' ? undefined : file.flush())),
        close: () => file.close(),
      };
    }),
  rename: (from, to) =>
    through('rename', from, async () => {
      if (!early.delete(from)) await nodeFileSystem.rename(from, to);
      named.add(to);
      closed(from);
    }),
  flushFolder: (folder) =>
    through('flushFolder', folder, async () => {
      const lasting = [...named].filter((name) => dirname(name) === folder);
      if (plan.planted !== 'no-flush') await nodeFileSystem.flushFolder(folder);
      for (const name of lasting) {
        named.delete(name);
        say(`+${basename(name)}`);
      }
    }),
  makeFolder: (folder) => through('makeFolder', folder, () => nodeFileSystem.makeFolder(folder)),
  remove: (path) =>
    through('remove', path, async () => {
      say(`-${basename(path)}`);
      await nodeFileSystem.remove(path);
      closed(path);
    }),
});
