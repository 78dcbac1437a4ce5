/** @file A folder of IDX files with the images of the tiny search: data for commands that should end in seconds. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Dataset } from '../../src/data/index.ts';
import { quadrants } from './tiny-search.ts';

/** Writes `train` and `test` images of side 8 in 4 classes and returns the folder. */
export function writeIdxFolder(folder: string, train: number, test: number): string {
  mkdirSync(folder, { recursive: true });
  const write = (prefix: string, { images, labels, height, width }: Dataset): void => {
    writeFileSync(path.join(folder, `${prefix}-images-idx3-ubyte`), idx([labels.length, height, width], images));
    writeFileSync(path.join(folder, `${prefix}-labels-idx1-ubyte`), idx([labels.length], labels));
  };
  write('train', quadrants(train, 1));
  write('t10k', quadrants(test, 2));
  return folder;
}

function idx(dimensions: readonly number[], data: ArrayLike<number>): Uint8Array {
  const sizes = dimensions.flatMap((d) => [d >> 24, (d >> 16) & 255, (d >> 8) & 255, d & 255]);
  return Uint8Array.of(0, 0, 8, dimensions.length, ...sizes, ...Array.from(data));
}
