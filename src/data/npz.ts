/**
 * @file NumPy's .npz as a data set: pairs of `images` and `labels` (or `x` and `y`), of a training and a test set or to be split.
 *
 * Names are NumPy users' own: `images`, `labels`; `x_train`, `y_train`, `x_test`, `y_test` (Keras); `train_images`, `train_labels`, `val_images`,
 * `val_labels`, `test_images`, `test_labels` (MedMNIST). Other arrays are left alone.
 */
import { DataFileError } from '../contract/errors.ts';
import { largestOf } from '../contract/extremes.ts';
import { quote } from '../contract/quote.ts';
import { concatDatasets, type Dataset, type Labels, type NamedBytes, subset } from './dataset.ts';
import { type NpyArray, parseNpy } from './npy.ts';
import { interleaved, resample, resampleDataset } from './resample.ts';
import { checkReading, type Reading, type TrainTest } from './reading.ts';
import { splitSentence, stratifiedSplit } from './split.ts';
import { type ZipEntry, readZipEntry, zipEntries } from './zip.ts';

export interface NpzOptions {
  /** The most bytes that one array decompresses to. Default: 64 times the file's, and at least 64 MiB. */
  readonly maxBytes?: number;
}

const MAX_RATIO = 64;
const FREE_BYTES = 2 ** 26;

/** The arrays of an archive that are asked for, all by default. DataFormatError where the archive or an array is damaged. */
export async function readNpz(
  file: NamedBytes,
  options: NpzOptions & { readonly only?: (name: string) => boolean } = {},
): Promise<Record<string, NpyArray>> {
  const { maxBytes = Math.max(FREE_BYTES, MAX_RATIO * file.bytes.length), only = () => true } = options;
  const arrays: [string, NpyArray][] = [];
  for (const entry of zipEntries(file)) {
    const name = arrayName(entry);
    if (name === undefined || !only(name)) continue;
    const bytes = await readZipEntry(file, entry, maxBytes);
    arrays.push([name, parseNpy({ name: `${file.name} (${quote(entry.name)})`, bytes })]);
  }
  return Object.fromEntries(arrays);
}

function arrayName({ name }: ZipEntry): string | undefined {
  return name.endsWith('.npy') ? name.slice(0, -4) : undefined;
}

type Part = 'all' | 'train' | 'validation' | 'test';
const ROLES: Readonly<Record<string, 'items' | 'labels'>> = {
  ...{ images: 'items', image: 'items', x: 'items', labels: 'labels', label: 'labels', y: 'labels' },
};
const PARTS: Readonly<Record<string, Part>> = {
  ...{ train: 'train', training: 'train', val: 'validation', valid: 'validation', validation: 'validation', test: 'test' },
};

/** `x_train` is the items of the training part; undefined for a name that says nothing. */
function meaning(name: string): { readonly part: Part; readonly role: 'items' | 'labels' } | undefined {
  const words = name.toLowerCase().split('_');
  const roles = words.flatMap((word) => (Object.hasOwn(ROLES, word) ? [ROLES[word]!] : []));
  const parts = words.flatMap((word) => (Object.hasOwn(PARTS, word) ? [PARTS[word]!] : []));
  const [role] = roles;
  if (role === undefined || roles.length !== 1 || roles.length + parts.length !== words.length) return undefined;
  return parts.length > 1 ? undefined : { part: parts[0] ?? 'all', role };
}

/**
 * A data set of an archive. A validation set takes the test set's place where there is none, and else joins the training set, from which a search
 * draws its own. Without either, a part of each class is drawn for the test set. DataFileError or DataFormatError naming file and array where
 * something is missing, damaged, or of a shape that can mean two things.
 */
export async function readNpzDataset(file: NamedBytes, reading: Reading = {}, options: NpzOptions = {}): Promise<TrainTest> {
  const { name } = file;
  const arrays = await readNpz(file, { ...options, only: (array) => meaning(array) !== undefined });
  const found = new Map<Part, { items?: [string, NpyArray]; labels?: [string, NpyArray] }>();
  for (const [array, value] of Object.entries(arrays)) {
    const { part, role } = meaning(array)!;
    const pair = found.get(part) ?? {};
    const other = pair[role];
    if (other) throw new DataFileError(`${name}: ${quote(other[0])} and ${quote(array)} are both the ${part} ${role}: leave one`);
    pair[role] = [array, value];
    found.set(part, pair);
  }
  const names = zipEntries(file).map((entry) => quote(entry.name));
  if (found.size === 0) {
    const there = names.length === 0 ? 'nothing' : names.slice(0, 8).join(', ');
    throw new DataFileError(`${name}: holds no 'images' and 'labels' (or 'x' and 'y', 'x_train', ...), but ${there}`);
  }
  const pairs = new Map<Part, Pair>();
  for (const [part, { items, labels }] of found) {
    if (!items || !labels) {
      const [has, lacks] = items ? [items[0], 'labels'] : [labels![0], 'images'];
      throw new DataFileError(`${name}: holds ${quote(has)} and no ${lacks} for it (its arrays: ${names.slice(0, 8).join(', ')})`);
    }
    pairs.set(part, { items: items[1], labels: labels[1], itemsName: items[0], labelsName: labels[0] });
  }
  return divided(name, pairs, reading);
}

interface Pair {
  readonly items: NpyArray;
  readonly labels: NpyArray;
  readonly itemsName: string;
  readonly labelsName: string;
}

function divided(name: string, pairs: ReadonlyMap<Part, Pair>, reading: Reading): TrainTest {
  const whole = pairs.get('all');
  if (whole && pairs.size > 1)
    throw new DataFileError(`${name}: holds ${quote(whole.itemsName)} beside a training or test set: leave one of them out`);
  if (!whole && !pairs.has('train')) throw new DataFileError(`${name}: holds a test or validation set and no training set`);
  const classes = largestOf([...pairs.values()].map((pair) => countClasses(name, pair)));
  if (classes > 0 && [...pairs.values()].some(({ labels }) => labels.kind === 'f'))
    throw new DataFileError(`${name}: some labels are integers (classes) and some floats (numbers to be predicted): make them one`);
  const splits = whole !== undefined || pairs.size === 1;
  checkReading(reading, '.npz arrays', [
    'size',
    'fit',
    'colour',
    'layout',
    ...(splits ? (['testPart', 'splitSeed'] as const) : []),
  ]);
  const part = (pair: Pair): Dataset =>
    resampleDataset(`${name} (${quote(pair.itemsName)})`, dataset(name, pair, classes, reading), reading);
  if (splits) {
    const all = part(whole ?? pairs.get('train')!);
    const groups = Array.from({ length: Math.max(1, classes) }, (_, number) => ({
      called: classes === 0 ? 'the data set' : `class ${number}`,
      number,
      positions: [] as number[],
    }));
    all.labels.forEach((label: number, i: number) => groups[classes === 0 ? 0 : label]!.positions.push(i));
    const { train, test } = stratifiedSplit(name, groups, reading);
    return { train: subset(all, train), test: subset(all, test), about: splitSentence(reading) };
  }
  const [train, validation, test] = [pairs.get('train')!, pairs.get('validation'), pairs.get('test')];
  if (test && validation)
    return {
      train: concatDatasets([part(train), part(validation)]),
      test: part(test),
      about: 'the validation set is part of the training set, from which validation images are drawn',
    };
  return { train: part(train), test: part((test ?? validation)!), ...(!test && { about: 'the validation set is the test set' }) };
}

/** How many classes the integer labels name; 0 for floats. */
function countClasses(name: string, { labels, labelsName }: Pair): number {
  const { shape, data, kind } = labels;
  if (shape.length === 0 || shape.slice(1).some((size) => size !== 1))
    throw new DataFileError(
      `${name}: ${quote(labelsName)} has the shape [${shape.join(', ')}], not [n]: one label an item; of one-hot rows save labels.argmax(1)`,
    );
  if (kind === 'f') return 0;
  let most = -1;
  for (let i = 0; i < data.length; i++) {
    const label = data[i]!;
    if (label < 0 || label >= 2 ** 16)
      throw new DataFileError(`${name}: ${quote(labelsName)}: label ${label} of item ${i} is no class from 0 to ${2 ** 16 - 1}`);
    if (label > most) most = label;
  }
  return most + 1;
}

function dataset(name: string, { items, labels, itemsName, labelsName }: Pair, classes: number, reading: Reading): Dataset {
  const where = `${name}: ${quote(itemsName)}`;
  const { shape } = items;
  const count = labels.data.length;
  if (shape[0] !== count)
    throw new DataFileError(`${where} has ${shape[0] ?? 'no'} items, and ${quote(labelsName)} ${count} labels`);
  if (count === 0) throw new DataFileError(`${where} is empty: there is nothing to learn from`);
  return { ...itemsOf(where, items, reading), labels: labelArray(name, labelsName, labels, classes), classes };
}

/** Items without labels. */
export type Items = Omit<Dataset, 'labels' | 'classes' | 'classNames'>;

function itemsOf(where: string, items: NpyArray, reading: Reading): Items {
  const { shape } = items;
  const place = axes(where, shape, reading);
  const { channels, height, width } = place;
  if (channels * height * width === 0) throw new DataFileError(`${where} has items of no elements: [${shape.join(', ')}]`);
  const values = elements(where, items);
  const images = place.last ? channelsFirst(values, shape[0]!, place) : values;
  return { images, ...{ channels, height, width }, ...(shape.length === 2 && { shape: [channels] }) };
}

/** The items of an archive, whether or not there are labels for them. DataFileError where there are none, or several arrays of them. */
export async function readNpzItems(
  file: NamedBytes,
  reading: Pick<Reading, 'layout'> = {},
  options: NpzOptions = {},
): Promise<Items> {
  const { name } = file;
  const arrays = Object.entries(await readNpz(file, { ...options, only: (array) => meaning(array)?.role === 'items' }));
  const [first, second] = arrays;
  if (!first) throw new DataFileError(`${name}: holds no 'images' (or 'x')`);
  if (second) throw new DataFileError(`${name}: ${quote(first[0])} and ${quote(second[0])} are both items: leave one`);
  return itemsOf(`${name}: ${quote(first[0])}`, first[1], reading);
}

interface Axes {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** Whether the channels are the last axis. */
  readonly last: boolean;
}

/** Images have as many channels as this, or fewer; an axis that is longer is height or width. */
const MOST_CHANNELS = 4;

/**
 * [n, d] is vectors, [n, h, w] grey images. Of [n, a, b, c], a is the channels if it is at most 4 and c is not, c if it is at most 4 and a is
 * not; else the shape can mean both, and `layout` must say which.
 */
function axes(where: string, shape: readonly number[], { layout }: Reading): Axes {
  const [, a = 1, b = 1, c = 1] = shape;
  if (layout !== undefined && shape.length !== 4)
    throw new DataFileError(`${where} of shape [${shape.join(', ')}] has no axis of channels: leave out the layout`);
  if (shape.length === 2) return { channels: a, height: 1, width: 1, last: false };
  if (shape.length === 3) return { channels: 1, height: a, width: b, last: false };
  if (shape.length !== 4)
    throw new DataFileError(`${where} has the shape [${shape.join(', ')}], not [n, c, h, w], [n, h, w, c], [n, h, w] or [n, d]`);
  const few = [a, c].map((size) => size <= MOST_CHANNELS);
  if (layout === undefined && few[0] === few[1])
    throw new DataFileError(
      `${where} of shape [${shape.join(', ')}] can be [n, channels, height, width] or [n, height, width, channels]: say which by the layout nchw or nhwc (--layout)`,
    );
  const last = layout === undefined ? few[1]! : layout === 'nhwc';
  return last ? { channels: c, height: a, width: b, last } : { channels: a, height: b, width: c, last };
}

/** Bytes for what are bytes (booleans: 0 and 255) or integers from 0 to 255; float32 for all else, which must be finite. */
function elements(where: string, { data, kind }: NpyArray): Dataset['images'] {
  if (kind === 'b') return Uint8Array.from(data, (value) => (value === 0 ? 0 : 255));
  if (data instanceof Uint8Array) return data;
  if (kind !== 'f') {
    let bytes = true;
    for (let i = 0; bytes && i < data.length; i++) bytes = data[i]! >= 0 && data[i]! <= 255;
    if (bytes) return Uint8Array.from(data);
  }
  const floats = data instanceof Float32Array ? data : Float32Array.from(data);
  for (let i = 0; i < floats.length; i++) {
    if (!Number.isFinite(floats[i]!))
      throw new DataFileError(`${where}: element ${i} is ${data[i]}, which float32 has no finite number for`);
  }
  return floats;
}

function channelsFirst(values: Dataset['images'], count: number, { channels, height, width }: Axes): Dataset['images'] {
  const size = channels * height * width;
  const out = values instanceof Uint8Array ? new Uint8Array(values.length) : new Float32Array(values.length);
  for (let i = 0; i < count; i++) {
    const [from, to] = [i * size, (i + 1) * size];
    resample('', interleaved(values.subarray(from, to), channels, height, width, channels), {}, out.subarray(from, to));
  }
  return out;
}

function labelArray(name: string, labelsName: string, { data }: NpyArray, classes: number): Labels {
  if (classes > 0) return classes <= 256 ? Uint8Array.from(data) : Uint16Array.from(data);
  return Float32Array.from(data, (value, i) => {
    if (!Number.isFinite(value)) throw new DataFileError(`${name}: ${quote(labelsName)}: label ${i} is ${value}`);
    return value;
  });
}
