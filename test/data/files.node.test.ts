/** @file Datasets from files: MNIST from its package, folders written here, and what is missing or damaged. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { channelStatistics } from '../../src/data/index.ts';
import { loadCifar10, loadFolder, loadIdxFolder, loadMnist } from '../../src/data/files.node.ts';
import { DataFileError, DataFormatError } from '../../src/contract/errors.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'reparam-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

const idx = (dimensions: number[], data: number[]): Uint8Array =>
  Uint8Array.of(0, 0, 8, dimensions.length, ...dimensions.flatMap((d) => [0, 0, 0, d]), ...data);

it('MNIST has the counts, the label totals and the pixel statistics that are published', async () => {
  const { train, test } = await loadMnist();
  expect([train.labels.length, test.labels.length, train.height, train.width]).toEqual([60_000, 10_000, 28, 28]);
  const count = (labels: ArrayLike<number>): number[] =>
    Array.from({ length: 10 }, (_, c) => Array.from(labels).filter((l) => l === c).length);
  expect(count(train.labels)).toEqual([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
  expect(count(test.labels)).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
  const { mean, std } = channelStatistics(train);
  expect(mean[0]).toBeCloseTo(0.1307, 4);
  expect(std[0]).toBeCloseTo(0.3081, 4);
});

it('a folder of IDX files is read, plain or gzip, with either spelling of the names', async () => {
  await writeFile(path.join(folder, 'train-images-idx3-ubyte'), idx([2, 1, 2], [1, 2, 3, 4]));
  await writeFile(path.join(folder, 'train-labels.idx1-ubyte'), idx([2], [5, 6]));
  await writeFile(path.join(folder, 't10k-images-idx3-ubyte.gz'), gzipSync(idx([1, 1, 2], [7, 8])));
  await writeFile(path.join(folder, 't10k-labels.idx1-ubyte.gz'), gzipSync(idx([1], [9])));
  for (const load of [loadIdxFolder, loadFolder]) {
    const { train, test } = await load(folder);
    expect([[...train.images], [...train.labels]]).toEqual([
      [1, 2, 3, 4],
      [5, 6],
    ]);
    expect([[...test.images], [...test.labels]]).toEqual([[7, 8], [9]]);
  }
});

it('CIFAR-10 batches are joined in order of name, however many there are', async () => {
  const cifar = await mkdtemp(path.join(folder, 'cifar-'));
  const entry = (label: number): Uint8Array => Uint8Array.of(label, ...new Uint8Array(3072).fill(label));
  await writeFile(path.join(cifar, 'data_batch_2.bin'), entry(2));
  await writeFile(path.join(cifar, 'data_batch_1.bin'), entry(1));
  await writeFile(path.join(cifar, 'test_batch.bin'), entry(9));
  const { train, test } = await loadFolder(cifar);
  expect([[...train.labels], [...test.labels], train.images[3072]]).toEqual([[1, 2], [9], 2]);
  await writeFile(path.join(cifar, 'test_batch.bin'), entry(9).subarray(0, 3000));
  const failed = loadCifar10(cifar);
  await expect(failed).rejects.toThrow(DataFormatError);
  await expect(failed).rejects.toMatchObject({ file: path.join(cifar, 'test_batch.bin'), offset: 0 });
});

it('a folder that lacks the files is refused with the names it should hold', async () => {
  const empty = await mkdtemp(path.join(folder, 'empty-'));
  await expect(loadFolder(empty)).rejects.toThrow(DataFileError);
  await expect(loadFolder(path.join(empty, 'nowhere'))).rejects.toThrow('neither IDX files');
  await expect(loadIdxFolder(empty)).rejects.toThrow('train-images-idx3-ubyte');
  await expect(loadCifar10(empty)).rejects.toThrow('data_batch_*.bin');
});
