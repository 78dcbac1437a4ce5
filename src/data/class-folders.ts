/**
 * @file A folder of class folders of images, wherever its files come from: what is a class, what is training and test, and the images decoded
 * one batch after another.
 *
 * `train/cat/1.png` and `test/cat/2.png` (or `val`, `valid`, `validation`) are divided as they stand; `cat/1.png` alone is divided by a seed.
 * Everything goes by the sorted names, so that the order in which a file system lists them decides nothing.
 */
import { DataFileError, LimitError } from '../contract/errors.ts';
import { crc32 } from './crc32.ts';
import type { Dataset, NamedBytes } from './dataset.ts';
import { checkImage, DEFAULT_MAX_PIXELS, type ImageHeader } from './image-format.ts';
import { checkReading, type Reading, type TrainTest } from './reading.ts';
import { type Pixels, readShape, resample } from './resample.ts';
import { splitSentence, stratifiedSplit } from './split.ts';

/** A file that is read when its turn comes. */
export interface LazyFile {
  /** Where it stands in the folder: its path from there, with /. */
  readonly path: string;
  readonly bytes: () => Promise<Uint8Array>;
}

/** Decodes an image that `checkImage` has let pass: orientation applied, 3 channels of 8 bits. */
export type DecodeImage = (file: NamedBytes, header: ImageHeader) => Promise<Pixels>;

export interface FolderReading extends Reading {
  /** Images of more pixels are refused, and no more are decoded at a time. Default 2^26 (8192 x 8192). */
  readonly maxPixels?: number;
  /** Told after each batch of images. */
  readonly onProgress?: (done: number, of: number) => void;
}

const IMAGE = /\.(png|jpe?g|webp)$/i;
const OTHER_IMAGE = /\.(gif|bmp|tiff?|avif|heic|heif|jxl|jp2|svg|ico|psd|ppm|pgm)$/i;
const PARTS: Readonly<Record<string, 'train' | 'validation' | 'test'>> = {
  ...{ train: 'train', training: 'train', val: 'validation', valid: 'validation', validation: 'validation', test: 'test' },
};
const partOf = (folder: string): 'train' | 'validation' | 'test' | undefined =>
  Object.hasOwn(PARTS, folder.toLowerCase()) ? PARTS[folder.toLowerCase()] : undefined;

/** Whether a path is one that nobody put there on purpose: a hidden file or folder, or what macOS and Windows leave. */
export function isHidden(path: string): boolean {
  return path.split('/').some((part) => part.startsWith('.') || part === '__MACOSX');
}

/** Whether a name is that of an image, one that is read or one that is refused. */
export function isImageName(path: string): boolean {
  return IMAGE.test(path) || OTHER_IMAGE.test(path);
}

interface Item {
  /** Of the files that were handed over. */
  readonly file: number;
  readonly label: number;
}

interface Plan {
  readonly classNames: readonly string[];
  readonly train: readonly Item[];
  readonly test: readonly Item[];
  readonly about?: string;
}

/**
 * What the paths say: which files are images of which class, for training and for the test. `name` is the folder's, which errors repeat;
 * `emptyFolders` are folders in it without any image. DataFileError for an image outside a class folder, a class without images, another format.
 */
export function planFolder(
  name: string,
  paths: readonly string[],
  reading: Reading = {},
  emptyFolders: readonly string[] = [],
): Plan {
  const full = (path: string): string => `${name}/${path}`;
  const images = paths
    .map((path, file) => ({ file, words: path.normalize('NFC').split('/'), path }))
    .filter(({ path }) => !isHidden(path) && isImageName(path))
    .sort((a, b) => byWords(a.words, b.words));
  const other = images.find(({ path }) => OTHER_IMAGE.test(path));
  if (other)
    throw new DataFileError(`${full(other.path)}: only PNG, JPEG and WebP are read: convert it, or take it out of the folder`);
  if (images.length === 0) throw new DataFileError(`${name}: holds no images (.png, .jpg, .jpeg or .webp)`);
  const divided = images.some(({ words }) => words.length > 2 && partOf(words[0]!) === 'train');
  const depth = divided ? 1 : 0;
  const unlabelled = images.find(({ words }) => words.length < depth + 2);
  if (unlabelled) {
    const example = divided ? `${unlabelled.words[0]}/cat/` : 'cat/';
    throw new DataFileError(
      `${full(unlabelled.path)}: an image outside the class folders has no label: put it into one, such as ${example}`,
    );
  }
  const stray = divided ? images.find(({ words }) => partOf(words[0]!) === undefined) : undefined;
  if (stray) throw new DataFileError(`${full(stray.path)}: beside the folder train only test, val, valid and validation are read`);
  const orphan = divided ? undefined : images.find(({ words }) => words.length > 2 && partOf(words[0]!) !== undefined);
  if (orphan) throw new DataFileError(`${full(orphan.words[0]!)}: a test or validation set without a folder train beside it`);
  const classNames = [
    ...new Set(images.filter(({ words }) => !divided || partOf(words[0]!) === 'train').map(({ words }) => words[depth]!)),
  ];
  classNames.sort(compare);
  if (classNames.length > 2 ** 16) throw new LimitError(`${name}: ${classNames.length} classes are more than ${2 ** 16}`);
  const numbers = new Map(classNames.map((className, label) => [className, label]));
  const empty = emptyFolders.find(
    (path) => !isHidden(path) && path.split('/').length === depth + 1 && (!divided || partOf(path.split('/')[0]!)),
  );
  if (empty !== undefined) throw new DataFileError(`${full(empty)}: a class folder without images: fill it or remove it`);
  const items = { train: [] as Item[], validation: [] as Item[], test: [] as Item[] };
  for (const { file, words, path } of images) {
    const label = numbers.get(words[depth]!);
    if (label === undefined)
      throw new DataFileError(
        `${full(path)}: the training set has no class ${words[depth]}: add training images of it, or leave it out`,
      );
    items[divided ? partOf(words[0]!)! : 'train'].push({ file, label });
  }
  const { train, validation, test } = items;
  const splits = test.length + validation.length === 0;
  const open = ['size', 'fit', 'colour', ...(splits ? (['testPart', 'splitSeed'] as const) : [])] as const;
  checkReading(reading, splits ? 'a folder of images' : 'a folder of images that has a test set', open);
  if (splits) {
    const groups = classNames.map((className) => ({
      called: `the class ${className}`,
      number: crc32(new TextEncoder().encode(className)),
      positions: [] as number[],
    }));
    train.forEach(({ label }, i) => groups[label]!.positions.push(i));
    const split = stratifiedSplit(name, groups, reading);
    const at = (positions: readonly number[]): Item[] => positions.map((i) => train[i]!);
    return { classNames, train: at(split.train), test: at(split.test), about: splitSentence(reading) };
  }
  if (test.length > 0 && validation.length > 0)
    return {
      classNames,
      train: [...train, ...validation],
      test,
      about: 'the validation images are among the training images, from which validation images are drawn',
    };
  return {
    classNames,
    train,
    test: [...test, ...validation],
    ...(test.length === 0 && { about: 'the validation images are the test images' }),
  };
}

/** Paths in order of their folders' names, as code units. */
function byWords(a: readonly string[], b: readonly string[]): number {
  const at = a.findIndex((word, i) => word !== b[i]);
  return at < 0 ? a.length - b.length : compare(a[at]!, b[at] ?? '');
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Reads and decodes the images of a folder. Images are kept as bytes in the asked size; beside them there are never more decoded than `maxPixels`.
 * Errors name the file: DataFormatError and DataFileError where it is damaged, LimitError where it is too large, DataFileError where its size is
 * not the others' and none is asked for.
 */
export async function readClassFolders(
  name: string,
  files: readonly LazyFile[],
  decode: DecodeImage,
  reading: FolderReading = {},
  emptyFolders: readonly string[] = [],
): Promise<TrainTest> {
  const { maxPixels: _most, onProgress: _told, ...choices } = reading;
  const paths = files.map(({ path }) => path);
  const { classNames, train, test, about } = planFolder(name, paths, choices, emptyFolders);
  const images = new Images(name, files, decode, reading, train.length + test.length);
  const dataset = async (items: readonly Item[]): Promise<Dataset> => {
    const labels = items.map(({ label }) => label);
    return {
      ...(await images.read(items)),
      labels: classNames.length <= 256 ? Uint8Array.from(labels) : Uint16Array.from(labels),
      classes: classNames.length,
      classNames,
    };
  };
  return { train: await dataset(train), test: await dataset(test), ...(about !== undefined && { about }) };
}

/** Images of one shape, which the first of them decides. */
class Images {
  readonly #name: string;
  readonly #files: readonly LazyFile[];
  readonly #decode: DecodeImage;
  readonly #reading: FolderReading;
  readonly #of: number;
  #done = 0;
  #first: { readonly path: string; readonly shape: readonly [number, number, number] } | undefined;

  constructor(name: string, files: readonly LazyFile[], decode: DecodeImage, reading: FolderReading, of: number) {
    this.#name = name;
    this.#files = files;
    this.#decode = decode;
    this.#reading = { colour: 'rgb', ...reading };
    this.#of = of;
  }

  async read(items: readonly Item[]): Promise<Pick<Dataset, 'images' | 'channels' | 'height' | 'width'>> {
    const { maxPixels = DEFAULT_MAX_PIXELS, onProgress } = this.#reading;
    let all: Uint8Array | undefined;
    let waiting: { readonly place: number; readonly file: NamedBytes; readonly header: ImageHeader }[] = [];
    let pixels = 0;
    const decodeWaiting = async (): Promise<void> => {
      const decoded = await Promise.allSettled(waiting.map(({ file, header }) => this.#decode(file, header)));
      decoded.forEach((result, i) => {
        const { place, file } = waiting[i]!;
        if (result.status === 'rejected') throw result.reason;
        const [channels, height, width] = this.#shape(file.name, result.value);
        const size = channels * height * width;
        all ??= bytes(this.#name, items.length * size);
        resample(file.name, result.value, this.#reading, all.subarray(place * size, (place + 1) * size));
      });
      this.#done += waiting.length;
      onProgress?.(this.#done, this.#of);
      waiting = [];
      pixels = 0;
    };
    for (const [place, item] of items.entries()) {
      const { path, bytes: open } = this.#files[item.file]!;
      const file = { name: `${this.#name}/${path}`, bytes: await open() };
      const header = checkImage(file, maxPixels);
      const here = header.width * header.height;
      if (pixels + here > maxPixels || waiting.length === MOST_AT_A_TIME) await decodeWaiting();
      waiting.push({ place, file, header });
      pixels += here;
    }
    await decodeWaiting();
    const [channels, height, width] = this.#first!.shape;
    return { images: all ?? new Uint8Array(0), channels, height, width };
  }

  /** The shape of an image once it is read; it must be the first one's. */
  #shape(path: string, image: Pixels): readonly [number, number, number] {
    const shape = readShape(image, this.#reading);
    this.#first ??= { path, shape };
    const [, height, width] = this.#first.shape;
    if (shape[1] !== height || shape[2] !== width)
      throw new DataFileError(
        `${path} has ${shape[2]} x ${shape[1]} pixels, and ${this.#first.path} ${width} x ${height}: say the size that all shall have (--size)`,
      );
    return shape;
  }
}

/** As many as keep the decoder's threads busy. */
const MOST_AT_A_TIME = 32;

function bytes(name: string, length: number): Uint8Array {
  try {
    return new Uint8Array(length);
  } catch {
    throw new LimitError(`${name}: its images take ${length} bytes, more than one array holds: ask for a smaller size (--size)`);
  }
}
