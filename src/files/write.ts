/**
 * @file The one way in which a file of a run is written: under a temporary name in the same folder, flushed to the disk, renamed, and the folder
 * flushed. At every moment, after a kill or a power cut too, the name holds the whole old content or the whole new one.
 */
import { stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { errorCode, fileSystem, isFolder, namesIn, type NewFile } from './system.ts';

/** Errors of a system that cannot flush a folder (Windows, some network drives): there the rename has to do. */
const CANNOT_FLUSH_FOLDER = new Set(['EISDIR', 'EPERM', 'EACCES', 'EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EBADF']);

/** `.NAME.PID@HOST-N.part`: hidden, and with no ending that anything looks for. */
const TEMPORARY = /^\..*\.(\d+)@(.*)-\d+\.part$/;

/** Whether a file is one that a process was writing. */
export function isTemporary(name: string): boolean {
  return TEMPORARY.test(name);
}

/** Age in milliseconds at which a temporary file of a process that cannot be asked is certainly of no more use. */
const STALE = 24 * 3600 * 1000;

/** Temporary files that this process is writing. */
const writing = new Set<string>();
let counter = 0;

/** A file whose content is on the disk under a temporary name. */
export interface PreparedFile {
  /** Its temporary name, a whole path. */
  readonly temporary: string;
  /** Gives it its name; the folder is still to be flushed. */
  commit(): Promise<void>;
  /** Removes it, if it has not got its name. Never throws. */
  discard(): Promise<void>;
}

/** Writes and flushes the content beside its place. Nothing is left if that fails. */
export async function prepareFile(file: string, content: string | Uint8Array): Promise<PreparedFile> {
  const system = fileSystem();
  const name = `.${path.basename(file)}.${process.pid}@${os.hostname()}-${counter++}.part`;
  const temporary = path.join(path.dirname(path.resolve(file)), name);
  let there = true;
  writing.add(temporary);
  const discard = async (): Promise<void> => {
    writing.delete(temporary);
    if (!there) return;
    there = false;
    // What cannot be removed now, the next start removes.
    await system.remove(temporary).catch(() => {});
  };
  try {
    await fill(await system.create(temporary), typeof content === 'string' ? Buffer.from(content) : content);
  } catch (error) {
    await discard();
    throw naming(file, error);
  }
  return {
    temporary,
    commit: async () => {
      await system.rename(temporary, path.resolve(file)).catch((error: unknown) => {
        throw naming(file, error);
      });
      there = false;
      writing.delete(temporary);
    },
    discard,
  };
}

/** An error of the system names the file that was to be written, and not the temporary one. */
function naming(file: string, error: unknown): unknown {
  if (error instanceof Error && 'syscall' in error) Object.assign(error, { path: file, dest: undefined });
  return error;
}

async function fill(target: NewFile, content: Uint8Array): Promise<void> {
  try {
    await target.write(content);
    await target.flush();
  } catch (error) {
    await target.close().catch(() => {});
    throw error;
  }
  await target.close();
}

/** Makes renames in a folder last; nothing where the system cannot flush a folder. */
export async function flushFolder(folder: string): Promise<void> {
  try {
    await fileSystem().flushFolder(path.resolve(folder));
  } catch (error) {
    if (!CANNOT_FLUSH_FOLDER.has(errorCode(error) ?? '')) throw error;
  }
}

/** Writes one file, whole or not at all. The folder must be there. */
export async function writeFileWhole(file: string, content: string | Uint8Array): Promise<void> {
  const prepared = await prepareFile(file, content);
  try {
    await prepared.commit();
  } catch (error) {
    await prepared.discard();
    throw error;
  }
  await flushFolder(path.dirname(path.resolve(file)));
}

/**
 * Makes a folder and those above it. Level by level, because Node's own recursive mkdir never returns where the system refuses a folder with
 * ENOENT, as /proc does.
 */
export async function makeFolder(folder: string): Promise<void> {
  const missing: string[] = [];
  for (let at = path.resolve(folder); !(await isFolder(at)) && path.dirname(at) !== at; at = path.dirname(at)) missing.push(at);
  for (const next of missing.reverse()) {
    try {
      await fileSystem().makeFolder(next);
    } catch (error) {
      // Another process may have made it meanwhile.
      if (errorCode(error) !== 'EEXIST' || !(await isFolder(next))) throw error;
    }
    await flushFolder(path.dirname(next));
  }
}

/**
 * Removes what killed processes left under temporary names. Those of a living process of this host stay, and those of another host until they are
 * a day old. Returns the names removed.
 */
export async function removeLeftovers(folder: string): Promise<string[]> {
  const removed: string[] = [];
  for (const name of await namesIn(folder)) {
    const file = path.join(path.resolve(folder), name);
    const [, pid, host] = TEMPORARY.exec(name) ?? [];
    if (pid === undefined || writing.has(file)) continue;
    const found = await stat(file).catch(() => undefined);
    if (!found || (mayBeWritten(Number(pid), host) && Date.now() - found.mtimeMs < STALE)) continue;
    await fileSystem().remove(file);
    removed.push(name);
  }
  return removed;
}

/** Whether the process that made a temporary file may still be at it. */
function mayBeWritten(pid: number, host: string | undefined): boolean {
  if (host !== os.hostname()) return true;
  // This process would have it among its own.
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) !== 'ESRCH';
  }
}
