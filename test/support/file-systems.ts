/** @file File systems that note what is done, stop like a killed process, or fail, in place of the system's own. */
import path from 'node:path';
import { type FileSystem, nodeFileSystem } from '../../src/files/system.ts';

/** What was done, in order: 'create .a.part', 'write ...', 'flush ...', 'rename ... -> a', 'flush-folder', 'make-folder', 'remove ...'. */
export type Operation = readonly [name: string, file: string, to?: string];

/**
 * Calls `before` ahead of each operation; what it throws is the operation's error. `half`: a write that is refused has written half of its bytes,
 * as a full disk or a kill leaves them.
 */
export function watched(before: (operation: Operation) => void | Promise<void>, base: FileSystem = nodeFileSystem): FileSystem {
  const name = (file: string): string => path.basename(file);
  return {
    create: async (file) => {
      await before(['create', name(file)]);
      const target = await base.create(file);
      return {
        write: async (content) => {
          try {
            await before(['write', name(file)]);
          } catch (error) {
            await target.write(content.subarray(0, Math.floor(content.length / 2)));
            throw error;
          }
          await target.write(content);
        },
        flush: async () => {
          await before(['flush', name(file)]);
          await target.flush();
        },
        close: () => target.close(),
      };
    },
    rename: async (from, to) => {
      await before(['rename', name(from), name(to)]);
      await base.rename(from, to);
    },
    flushFolder: async (folder) => {
      await before(['flush-folder', name(folder)]);
      await base.flushFolder(folder);
    },
    makeFolder: async (folder) => {
      await before(['make-folder', name(folder)]);
      await base.makeFolder(folder);
    },
    remove: async (file) => {
      await before(['remove', name(file)]);
      await base.remove(file);
    },
  };
}

/** The death of the process: nothing is done any more, not even tidying up. */
export class Killed extends Error {}

/** A process that is killed before its nth operation (from 0). */
export function killedAt(n: number): FileSystem {
  let done = 0;
  return watched(() => {
    if (done++ >= n) throw new Killed(`killed before operation ${n}`);
  });
}

/** An error as Node makes it for the system. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: planted`), { code });
}
