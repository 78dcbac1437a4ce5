/** @file Work in a folder of its own: made if it is missing, locked while the work lasts. */
import { rmdir } from 'node:fs/promises';
import { isFolder } from '../files/system.ts';
import { makeFolder } from '../files/write.ts';
import { FolderLock } from './folder-lock.ts';

/** InUseError if another process is at work there. A folder that was made for the work and is empty after it is removed again. */
export async function inFolder<T>(folder: string, work: (lock: FolderLock) => Promise<T>): Promise<T> {
  const made = !(await isFolder(folder));
  if (made) await makeFolder(folder);
  try {
    const lock = await FolderLock.acquire(folder);
    try {
      return await work(lock);
    } finally {
      await lock.release();
    }
  } finally {
    // Fails where something is in it.
    if (made) await rmdir(folder).catch(() => undefined);
  }
}
