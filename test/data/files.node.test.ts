/** @file Datasets from files: MNIST from its package, folders written here, and what is missing or damaged. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { channelStatistics } from '../../src/data/index.ts';
import { checkData, loadCifar10, loadCifar100, loadData, loadFolder, loadIdxFolder, loadMnist } from '../../src/data/files.node.ts';
import { npyBytes, npyOfBytes, zipBytes } from '../support/npz.ts';
import { DataFileError, DataFormatError, OptionError } from '../../src/contract/errors.ts';

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

it('CIFAR-100 has two labels an image: the fine one unless the coarse one is asked for, which is said', async () => {
  const cifar = await mkdtemp(path.join(folder, 'cifar100-'));
  const entry = (coarse: number, fine: number): Uint8Array => Uint8Array.of(coarse, fine, ...new Uint8Array(3072).fill(fine));
  await writeFile(path.join(cifar, 'train.bin'), Buffer.concat([entry(19, 99), entry(3, 42)]));
  await writeFile(path.join(cifar, 'test.bin'), entry(0, 7));
  await writeFile(path.join(cifar, 'coarse_label_names.txt'), Array.from({ length: 20 }, (_, i) => `super ${i}\n`).join(''));
  const fine = await loadData(cifar);
  expect([[...fine.train.labels], [...fine.test.labels], fine.train.classes, fine.about]).toEqual([
    [99, 42],
    [7],
    100,
    "CIFAR-100's 100 fine labels",
  ]);
  expect([fine.train.images[0], fine.train.images[3072], fine.train.classNames]).toEqual([99, 42, undefined]);
  const coarse = await loadFolder(cifar, { labels: 'coarse', size: 4, colour: 'grey' });
  expect([[...coarse.train.labels], coarse.train.classes, coarse.about]).toEqual([[19, 3], 20, "CIFAR-100's 20 coarse labels"]);
  expect([[...coarse.train.images.subarray(0, 16)], coarse.train.classNames?.[19]]).toEqual([Array(16).fill(99), 'super 19']);
  await writeFile(path.join(cifar, 'test.bin'), entry(20, 7));
  await expect(loadCifar100(cifar)).rejects.toThrow('label 20 of image 0 is not below 20');
  await expect(loadCifar100(cifar, 'coarse')).rejects.toThrow(DataFormatError);
});

it('a .npz file is named as a folder is; numbers to be predicted are no classes of a search', async () => {
  const file = path.join(folder, 'my.npz');
  const labels = npyBytes({ descr: '<f4', shape: [4] }, new Uint8Array(16));
  await writeFile(
    file,
    zipBytes({ 'images.npy': npyOfBytes([4, 2, 2], Array(16).fill(9)), 'labels.npy': npyOfBytes([4], [0, 1, 0, 1]) }),
  );
  const data = await loadData(file, { size: 1 });
  expect([data.train.height, data.train.classes, data.about]).toEqual([
    1,
    2,
    'no test set there: 0.2 of each class was drawn for it by split seed 0',
  ]);
  await writeFile(file, zipBytes({ 'x.npy': npyOfBytes([4, 2], Array(8).fill(9)), 'y.npy': labels }));
  const numbers = await loadData(file);
  expect(() => checkData(numbers, 'my.npz')).toThrow('my.npz: its labels are floats');
  await writeFile(file, zipBytes({ 'x.npy': npyOfBytes([4, 2, 3], Array(24).fill(9)), 'y.npy': npyOfBytes([4], [0, 0, 1, 1]) }));
  const wide = await loadData(file);
  expect(() => checkData(wide, 'my.npz')).toThrow('my.npz: its images have 3 x 2 pixels, and must be square: say a side (--size)');
  checkData(await loadData(file, { size: 2 }), 'my.npz');
  await writeFile(path.join(folder, 'my.txt'), 'x');
  await expect(loadData(path.join(folder, 'my.txt'))).rejects.toThrow('a file of data is a .npz');
  await expect(loadData('mnist', { testPart: 0.5 })).rejects.toThrow(OptionError);
  await expect(loadData('mnist', { size: 0 })).rejects.toThrow('size 0 must be an integer');
});
