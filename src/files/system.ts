/**
 * @file What writing a file asks of the system, an operation at a time, so that a test or a campaign can fail, stop, slow down or leave out
 * each: `useFileSystem` puts another system in place.
 */
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';

/** A file that is being written. */
export interface NewFile {
  write(content: Uint8Array): Promise<void>;
  /** To the disk itself. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** All paths are whole ones; errors are those of Node, with their `code`. */
export interface FileSystem {
  /** An empty file; EEXIST if there is one. */
  create(file: string): Promise<NewFile>;
  rename(from: string, to: string): Promise<void>;
  /** The folder's own entries, to the disk. */
  flushFolder(folder: string): Promise<void>;
  /** One level; EEXIST if it is there. */
  makeFolder(folder: string): Promise<void>;
  remove(file: string): Promise<void>;
}

class NodeFile implements NewFile {
  readonly #handle: FileHandle;
  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async write(content: Uint8Array): Promise<void> {
    await this.#handle.writeFile(content);
  }

  async flush(): Promise<void> {
    await this.#handle.sync();
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/** The system's own files. */
export const nodeFileSystem: FileSystem = {
  create: async (file) => new NodeFile(await open(file, 'wx')),
  rename: (from, to) => rename(from, to),
  flushFolder: async (folder) => {
    const handle = await open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  makeFolder: async (folder) => {
    await mkdir(folder);
  },
  remove: (file) => rm(file),
};

let current: FileSystem = nodeFileSystem;

/** The system that files are written by now. */
export function fileSystem(): FileSystem {
  return current;
}

/** Has all files written by another system from now on; what is returned undoes it. */
export function useFileSystem(system: FileSystem): () => void {
  const before = current;
  current = system;
  return () => {
    current = before;
  };
}

/** Node's code of an error of the system: ENOENT, ENOSPC, ...; undefined for other errors. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** The bytes of a file; undefined where there is none. */
export async function readIfThere(file: string): Promise<Buffer | undefined> {
  return readFile(file).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  });
}

/** The names in a folder, in order; none where there is no folder. */
export async function namesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  });
  return names.sort((a, b) => (a < b ? -1 : 1));
}

/** Whether there is a folder of this name. */
export async function isFolder(name: string): Promise<boolean> {
  return stat(name).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
