/** @file A class folder of images on a disk, in Node: every file in it, through links, and sharp to decode them. */
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { DataFileError } from '../contract/errors.ts';
import { type FolderReading, isHidden, isImageName, type LazyFile, readClassFolders } from './class-folders.ts';
import { sharpDecoder } from './sharp.node.ts';
import type { TrainTest } from './reading.ts';

/** More levels than this are no class folder. */
const DEEPEST = 16;

/** Class folders of PNG, JPEG and WebP, decoded by the optional peer sharp; `readClassFolders` says how they are read. */
export async function loadImageFolder(folder: string, reading: FolderReading = {}): Promise<TrainTest> {
  const { files, emptyFolders } = await listFolder(folder);
  const decode = await sharpDecoder(reading.maxPixels);
  return readClassFolders(folder, files, decode, reading, emptyFolders);
}

interface Listed {
  readonly files: readonly LazyFile[];
  readonly emptyFolders: readonly string[];
}

/**
 * All files below a folder but hidden ones, in order of name, and the folders without any image. Links are followed; a folder that was listed already
 * is not listed again, so that links that lead back end. DataFileError for a link that leads nowhere.
 */
export async function listFolder(folder: string): Promise<Listed> {
  const files: LazyFile[] = [];
  const emptyFolders: string[] = [];
  const seen = new Set<string>();
  /** Returns how many images there are below. */
  const list = async (below: string, depth: number): Promise<number> => {
    const at = path.join(folder, below);
    const real = await realpath(at);
    if (seen.has(real)) return 0;
    if (depth > DEEPEST) throw new DataFileError(`${at}: lies more than ${DEEPEST} folders deep: class folders of images do not`);
    seen.add(real);
    let count = 0;
    for (const name of (await readdir(at)).sort()) {
      if (isHidden(name)) continue;
      const here = below === '' ? name : `${below}/${name}`;
      const file = path.join(folder, here);
      const found = await stat(file).catch((cause: unknown) => {
        throw new DataFileError(`${file}: a link that leads nowhere: remove it or mend it`, { cause });
      });
      if (found.isDirectory()) count += await list(here, depth + 1);
      else if (found.isFile()) {
        files.push({ path: here, bytes: () => readFile(file) });
        if (isImageName(name)) count++;
      }
    }
    if (count === 0) emptyFolders.push(below);
    return count;
  };
  await list('', 0);
  return { files, emptyFolders };
}
