/**
 * @file Every reader of what came from outside, a row each: whole inputs, the damage that they meet, and what must hold of what is read
 * all the same.
 */
import { deflateRawSync, gunzipSync, gzipSync } from 'node:zlib';
import { Command, CommanderError } from 'commander';
import fc from 'fast-check';
import sharp, { type Sharp } from 'sharp';
import * as v from 'valibot';
import { registerGradcheck } from '../src/cli/commands/gradcheck.ts';
import { registerSearch } from '../src/cli/commands/search.ts';
import { registerTrain } from '../src/cli/commands/train.ts';
import { resolveSearch, type SearchFlags, searchSettings } from '../src/cli/settings/search.ts';
import { schemaOf } from '../src/cli/settings/setting.ts';
import { resolveTraining, type TrainFlags } from '../src/cli/settings/train.ts';
import { readCreditRecords } from '../src/cli/shared/credit-records.ts';
import { readSavedChild, savedSpace } from '../src/cli/shared/run-child.ts';
import { readMetrics } from '../src/cli/shared/metrics-file.ts';
import { GenotypeError, ReparamError } from '../src/contract/errors.ts';
import {
  checkImage,
  gunzip,
  type LazyFile,
  parseCifar10,
  parseCifar100,
  parseIdx,
  parseIdxDataset,
  parseNpy,
  readClassFolders,
  readNpz,
  readNpzDataset,
  type TrainTest,
} from '../src/data/index.ts';
import { readNpzItems } from '../src/data/npz.ts';
import { sharpDecoder } from '../src/data/sharp.node.ts';
import { readSafetensors, writeSafetensors } from '../src/export/index.ts';
import { genotypeFromJson, parseGenotype, parseNasbench201, printGenotype, printNasbench201 } from '../src/snas/index.ts';
import { npyBytes, npyOfBytes, zipBytes } from '../test/support/npz.ts';
import { damagedBytes, damagedJson, damagedText } from './damage.ts';

export interface Reader<Input = unknown> {
  /** The function that reads, as it is exported. */
  readonly name: string;
  /** Inputs without damage, which it must read. */
  readonly whole: readonly Input[];
  readonly damaged: fc.Arbitrary<Input>;
  /** Reads, and throws an Error of its own (not one of those below) where something that was read is not what it may be. */
  readonly read: (input: Input) => unknown;
  /** What is no fault: the reader's own way to refuse. Default: an error of this project. */
  readonly refuses?: (error: unknown) => boolean;
  /** The share of a campaign's inputs, beside the others' shares. */
  readonly share: number;
}

/** Keeps each row's own type of input. */
const reader = <Input>(row: Reader<Input>): Reader => row as Reader;

/** What was read is not what the file may hold. */
class Misread extends Error {}

function must(truth: boolean, what: string): void {
  if (!truth) throw new Misread(what);
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

const WEIGHTS: readonly Uint8Array<ArrayBuffer>[] = [
  writeSafetensors(
    {
      'a.weight': { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
      'b.bias': { shape: [2], data: Float64Array.of(0.5, -0.25) },
      step: { shape: [], data: Uint32Array.of(7) },
    },
    { format: 'pt', note: 'x' },
  ),
  writeSafetensors({ empty: { shape: [0, 4], data: new Float32Array(0) } }),
  writeSafetensors({}),
];

/** A safetensors file with this header, however wrong, before the elements of another. */
function withHeader(header: unknown): Uint8Array<ArrayBuffer> {
  const json = bytesOf(JSON.stringify(header) ?? '');
  const bytes = new Uint8Array(8 + json.length + 44);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

const HEADER = {
  __metadata__: { format: 'pt' },
  b: { dtype: 'F64', shape: [2], data_offsets: [0, 16] },
  a: { dtype: 'F32', shape: [2, 3], data_offsets: [16, 40] },
  c: { dtype: 'U32', shape: [1], data_offsets: [40, 44] },
};

function idx(shape: readonly number[], data: readonly number[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4 + 4 * shape.length + data.length);
  bytes.set([0, 0, 8, shape.length]);
  shape.forEach((size, i) => new DataView(bytes.buffer).setUint32(4 + 4 * i, size));
  bytes.set(data, 4 + 4 * shape.length);
  return bytes;
}

const IMAGES = idx([3, 2, 2], [...Array(12).keys()]);
const LABELS = idx([3], [0, 9, 4]);

const IDX = [IMAGES, LABELS, idx([], [3]), idx([0, 5], [])];

const ZIPPED: readonly Uint8Array<ArrayBuffer>[] = [
  gzipSync(IMAGES),
  gzipSync(bytesOf('a'.repeat(1000))),
  Buffer.concat([gzipSync(bytesOf('one')), gzipSync(bytesOf('two'))]),
  deflateRawSync(bytesOf('no gzip at all')),
].map((zipped) => Uint8Array.from(zipped));

const CIFAR = new Uint8Array(2 * 3073);
CIFAR[3073] = 9;

const CIFAR100 = new Uint8Array(2 * 3074);
CIFAR100.set([19, 99], 3074);

const NPY: readonly Uint8Array<ArrayBuffer>[] = [
  npyOfBytes([3, 2, 2], [...Array(12).keys()]),
  npyBytes({ descr: '>f4', shape: [2, 3], fortran: true }, new Uint8Array(24).fill(63)),
  npyBytes({ descr: '<i8', shape: [2] }, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0)),
  npyBytes({ descr: '<f2', shape: [] }, Uint8Array.of(0, 60)),
];
const ARRAYS = {
  'images.npy': npyOfBytes(
    [4, 2, 3, 6],
    Array.from({ length: 144 }, (_, i) => 3 * i),
  ),
  'labels.npy': npyOfBytes([4], [0, 1, 0, 1]),
};
const NPZ: readonly Uint8Array<ArrayBuffer>[] = [
  zipBytes(ARRAYS),
  zipBytes(ARRAYS, { deflate: true }),
  zipBytes({
    'x_train.npy': NPY[1]!,
    'y_train.npy': npyOfBytes([2], [0, 1]),
    'x_test.npy': NPY[1]!,
    'y_test.npy': npyOfBytes([2], [1, 0]),
  }),
];
/** Archives whose small content is, or says that it is, more than memory holds. */
const BOMBS: readonly Uint8Array<ArrayBuffer>[] = [
  zipBytes({ 'images.npy': new Uint8Array(2 ** 27) }, { deflate: true }),
  zipBytes(ARRAYS, { deflate: true, declaredSize: 0xfffffff0 }),
  zipBytes(ARRAYS, { declaredSize: 0x7fffffff }),
  zipBytes({ 'images.npy': new Uint8Array(2 ** 16) }, { deflate: true, declaredSize: 2 ** 10 }),
];

function noisyImage(channels: 3 | 4): Sharp {
  const data = Uint8Array.from({ length: 16 * 12 * channels }, (_, i) => (i * i * 31) & 255);
  return sharp(data, { raw: { width: 16, height: 12, channels } });
}
const IMAGE_FILES: Readonly<Record<'PNG' | 'JPEG' | 'WebP', readonly Uint8Array[]>> = {
  PNG: [
    await noisyImage(3).png().toBuffer(),
    await noisyImage(4).png({ palette: true, colours: 8 }).toBuffer(),
    await noisyImage(4).toColourspace('rgb16').png({ progressive: true }).toBuffer(),
  ],
  JPEG: [
    await noisyImage(3).jpeg().withMetadata({ orientation: 6 }).toBuffer(),
    await noisyImage(3).jpeg({ progressive: true, quality: 30 }).toBuffer(),
    await noisyImage(3).toColourspace('cmyk').jpeg().toBuffer(),
  ],
  WebP: [
    await noisyImage(3).webp().toBuffer(),
    await noisyImage(4).webp({ lossless: true }).toBuffer(),
    await noisyImage(4).webp({ quality: 20 }).toBuffer(),
  ],
};
const decode = await sharpDecoder();

/** Reads a folder of these paths, every file of which holds the image. */
function folderOf(paths: readonly string[], image: Uint8Array): Promise<TrainTest> {
  const files = paths.map((path): LazyFile => ({ path, bytes: () => Promise.resolve(image) }));
  return readClassFolders('f', files, decode, { size: 4 });
}

/** What must hold of a data set that was read. */
function mustFit({ train, test }: TrainTest): void {
  for (const { images, labels, channels, height, width, classes } of [train, test]) {
    must(images.length === labels.length * channels * height * width, 'images and labels differ in number');
    must(classes === 0 || Array.from(labels).every((label) => label < classes), 'a label outside the classes');
  }
}

const PATHS: readonly (readonly string[])[] = [
  ['cat/1.png', 'cat/2.png', 'dog/1.jpg', 'dog/2.webp', 'README.md', '.DS_Store'],
  ['train/cat/1.png', 'train/dog/1.PNG', 'test/cat/2.png', 'val/dog/2.png'],
];

const imageRow = (format: 'PNG' | 'JPEG' | 'WebP'): Reader =>
  reader({
    name: format,
    share: 1,
    whole: IMAGE_FILES[format],
    damaged: damagedBytes(IMAGE_FILES[format]),
    read: async (bytes) => {
      const file = { name: 'f', bytes };
      const header = checkImage(file, 2 ** 16);
      const { width, height } = await decode(file, header);
      must(width * height === header.width * header.height, 'not the size that the header says');
      mustFit(await folderOf(['a/1.png', 'a/2.png'], bytes));
    },
  });

const CELL = "[('sep_conv_3x3', 1), ('skip_connect', 0), ('max_pool_3x3', 0), ('none', 2)]";
const LITERALS: readonly string[] = [
  `Genotype(normal=${CELL}, normal_concat=range(2, 4), reduce=${CELL}, reduce_concat=[2, 3])`,
  `Genotype(\n  reduce=(("dil_conv_5x5", 0), ("avg_pool_3x3", 1),), reduce_concat=(2,),\n  normal=[('skip_connect', 0), ('none', 1)], normal_concat=range(2, 3),\n)`,
  `07/05 12:31 PM genotype = Genotype(normal=[[('conv_7x1_1x7', np.int64(1), None)], [["none", 0], ('none', 0)]], normal_concat=[3], # x\n reduce=([('none', 0)],), reduce_concat=list(range(2, 3))),\n`,
  `X = \\\r\nGenotype(normal=${CELL}, normal_concat=(np.int64(3),), reduce=[(np.str_('sep_conv_7x7'), 0), ('none', 1)], reduce_concat=range(2, 3, 1))`,
];
const WORDS = [
  'Genotype(',
  'range(',
  '(',
  ')',
  '[',
  ']',
  ',',
  '=',
  'normal',
  'reduce_concat',
  'np.int64(',
  'list(',
  'None',
  '#',
  '\\\n',
  "'none'",
  "'sep_conv_3x3'",
  '#',
  '\n',
];

/** A command of the program whose action is to say what it was given. */
function parsed(register: (program: Command) => void, name: string, args: readonly string[]): object {
  const program = new Command('reparam').exitOverride().configureOutput({ writeErr: () => undefined, writeOut: () => undefined });
  register(program);
  let given: object | undefined;
  const command = program.commands.find((c) => c.name() === name)!;
  command.action((...all: unknown[]) => {
    given = all.find((one) => typeof one === 'object' && one !== null && !Array.isArray(one)) as object;
  });
  program.parse([name, ...args], { from: 'user' });
  return given ?? {};
}

/** Command lines of a command's own flags, each with a value that may be one. */
function lines(
  register: (program: Command) => void,
  name: string,
  starts: readonly (readonly string[])[],
): fc.Arbitrary<readonly string[]> {
  const program = new Command('reparam');
  register(program);
  const flags = program.commands.find((c) => c.name() === name)!.options.map(({ long }) => long!);
  const value = fc.oneof(
    fc.constantFrom(
      '0',
      '1',
      '3',
      '0.5',
      '-1',
      '1e9',
      '1e400',
      'NaN',
      '',
      ' ',
      'smoke',
      'snas',
      'cpu',
      'latency',
      'every=2',
      'mild',
    ),
    fc.constantFrom('0x10', '1_000', '٣', '--', '-', '-x', '=', '\0', '[1]', '0..3', '1e-400', '00', '+1', '1.', '.5', 'Infinity'),
    fc.integer().map(String),
    fc.string({ maxLength: 6 }),
  );
  const word = fc.oneof(
    fc.constantFrom(...flags).map((flag) => [flag]),
    fc.tuple(fc.constantFrom(...flags), value).map(([flag, of]) => [flag, of]),
    fc.tuple(fc.constantFrom(...flags), value).map(([flag, of]) => [`${flag}=${of}`]),
    value.map((of) => [of]),
  );
  return fc
    .tuple(fc.constantFrom(...starts), fc.array(word, { maxLength: 4 }))
    .map(([start, words]) => [...start, ...words.flat()]);
}

const refusesLine = (error: unknown): boolean => error instanceof CommanderError || error instanceof ReparamError;

const RESOLVED = resolveSearch(parsed(registerSearch, 'search', ['--preset', 'smoke', '--data', 'folder']) as SearchFlags);
const CONFIG = {
  ...RESOLVED,
  adapter: 'CPU',
  versions: { reparam: '0.1.0', node: 'v20.0.0' },
  trainImages: 64,
  validationImages: 32,
  space: { ...RESOLVED.space, classes: 10, item: [1, 28, 28] },
};
const CREDITS = [1, 2]
  .map((step) =>
    JSON.stringify({
      step,
      loss: 2.3,
      temperature: 0.5,
      key: [1, 4_294_967_295],
      batch: [0, 1],
      z: [[0.25, 0.75]],
      places: [{ place: 'a', choice: 'a', credit: 0.1, options: [0.2, -0.1], cost: 0 }],
      mismatch: 1e-7,
    }),
  )
  .map((line) => `${line}\n`)
  .join('');
const METRICS = [0, 1, 2]
  .map((epoch) =>
    JSON.stringify({
      ...{ epoch, step: 2 * (epoch + 1), loss: 2.47, trainAccuracy: 0.0625, parentAccuracy: 0.09375, childAccuracy: 0.1875 },
      ...{ entropy: 2.07, expectedCost: 0.33, temperature: 1, lr: 0.1, times: { imagesPerSecond: 318.2, seconds: 2.3 } },
    }),
  )
  .map((line) => `${line}\n`)
  .join('');
const configSchema = schemaOf(searchSettings);

/** Strings of NAS-Bench-201. */
const NASBENCH201 = [
  '|nor_conv_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|none~0|avg_pool_3x3~1|nor_conv_3x3~2|',
  ' |none~0|+|none~0|none~1|+|none~0|none~1|none~2|\n',
];

/** genotype.json of a shipped space, with and without all that may be left out. */
const CHILDREN: readonly object[] = [
  {
    testAccuracy: 0.9,
    space: 'chain',
    settings: { channels: 4, layers: 2 },
    item: [3, 8, 8],
    classes: 2,
    choices: { layer1: 'k3_e3', layer2: 'k5_e6' },
    standardise: { mean: [0.1, 0.2, 0.3], std: [0.5, 0.5, 0.5] },
    classNames: ['cat', 'dog'],
    data: '/images',
    reading: { size: 8, fit: 'crop' },
  },
  { space: 'mlp', settings: { width: 8, layers: 1 }, item: [6], classes: 3, choices: { width1: 'w8', activation1: 'tanh' } },
];

export const readers: readonly Reader[] = [
  reader({
    name: 'readSafetensors',
    share: 4,
    whole: [...WEIGHTS, withHeader(HEADER)],
    damaged: fc.oneof(damagedBytes(WEIGHTS), damagedJson([HEADER]).map(withHeader)),
    read: (bytes) => {
      const { tensors, metadata } = readSafetensors({ name: 'f', bytes });
      const again = readSafetensors({ name: 'g', bytes: writeSafetensors(tensors, metadata) });
      must(
        Object.keys(again.tensors).sort().join() === Object.keys(tensors).sort().join(),
        'a name is lost when it is written again',
      );
      for (const [name, { shape, data }] of Object.entries(tensors)) {
        must(data.length === shape.reduce((a, b) => a * b, 1), `${name} has not the elements of its shape`);
        must(data.byteLength === bytes.length || data.buffer !== bytes.buffer, `${name} shares the memory of the file`);
      }
    },
  }),
  reader({
    name: 'parseIdx',
    share: 3,
    whole: IDX,
    damaged: damagedBytes(IDX),
    read: (bytes) => {
      const { shape, data } = parseIdx({ name: 'f', bytes });
      must(data.length === shape.reduce((a, b) => a * b, 1), 'the data have not the sizes of the header');
    },
  }),
  reader({
    name: 'parseIdxDataset',
    share: 2,
    whole: [[IMAGES, LABELS]] as [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>][],
    damaged: fc.tuple(damagedBytes([IMAGES]), damagedBytes([LABELS])),
    read: ([images, labels]) => {
      const set = parseIdxDataset({ name: 'f', bytes: images }, { name: 'g', bytes: labels });
      must(set.images.length === set.labels.length * set.height * set.width, 'images and labels differ in number');
      must(
        set.labels.every((label) => label < set.classes),
        'a label outside the classes',
      );
    },
  }),
  reader({
    name: 'parseCifar10',
    share: 2,
    whole: [CIFAR, CIFAR.slice(0, 3073)],
    damaged: damagedBytes([CIFAR, CIFAR.slice(0, 3073)]),
    read: (bytes) => {
      const { images, labels } = parseCifar10({ name: 'f', bytes });
      must(images.length === labels.length * 3072 && labels.every((label) => label < 10), 'not images of ten classes');
    },
  }),
  reader({
    name: 'parseCifar100',
    share: 1,
    whole: [CIFAR100, CIFAR100.slice(0, 3074)],
    damaged: damagedBytes([CIFAR100, CIFAR100.slice(0, 3074)]),
    read: (bytes) => {
      const { images, labels } = parseCifar100({ name: 'f', bytes });
      must(images.length === labels.length * 3072 && Array.from(labels).every((label) => label < 100), 'not images of 100 classes');
    },
  }),
  reader({
    name: 'parseNpy',
    share: 3,
    whole: NPY,
    damaged: damagedBytes(NPY),
    read: (bytes) => {
      const { shape, data } = parseNpy({ name: 'f', bytes });
      must(data.length === shape.reduce((a, b) => a * b, 1), 'the data have not the sizes of the header');
    },
  }),
  reader({
    name: 'readNpz',
    share: 2,
    whole: NPZ,
    damaged: damagedBytes(NPZ),
    read: async (bytes) => {
      for (const [name, { shape, data }] of Object.entries(await readNpz({ name: 'f', bytes })))
        must(data.length === shape.reduce((a, b) => a * b, 1), `${name} has not the sizes of its header`);
    },
  }),
  reader({
    name: 'readNpzItems',
    share: 1,
    whole: [
      zipBytes({ 'images.npy': npyOfBytes([2, 3, 3], new Uint8Array(18)) }),
      zipBytes({ 'x.npy': npyOfBytes([2, 5], new Uint8Array(10)) }),
    ],
    damaged: damagedBytes([
      zipBytes({ 'images.npy': npyOfBytes([2, 3, 3], new Uint8Array(18)), 'labels.npy': npyOfBytes([2], [0, 1]) }),
    ]),
    read: async (bytes) => {
      const { images, channels, height, width } = await readNpzItems({ name: 'f', bytes });
      must(images.length % (channels * height * width) === 0, 'a part of an item');
    },
  }),
  reader({
    name: 'zip bombs',
    share: 1,
    whole: [zipBytes({ 'images.npy': npyOfBytes([2 ** 16], new Uint8Array(2 ** 16)) }, { deflate: true })],
    damaged: fc.oneof(damagedBytes(BOMBS), damagedBytes(NPZ)),
    read: (bytes) => readNpz({ name: 'f', bytes }),
  }),
  reader({
    name: 'readNpzDataset',
    share: 2,
    whole: NPZ,
    damaged: damagedBytes(NPZ),
    read: async (bytes) => mustFit(await readNpzDataset({ name: 'f', bytes })),
  }),
  imageRow('PNG'),
  imageRow('JPEG'),
  imageRow('WebP'),
  reader({
    name: 'readClassFolders',
    share: 1,
    whole: PATHS,
    damaged: fc
      .tuple(
        fc.constantFrom(...PATHS),
        damagedText(
          PATHS.map((paths) => paths.join('\n')),
          ['/', 'train/', 'test/', '.png', '.gif', '.', 'cat', '\n'],
        ),
      )
      .map(([paths, text]) => [...paths.slice(0, 2), ...text.split('\n')]),
    read: async (paths) => mustFit(await folderOf(paths, IMAGE_FILES.PNG[0]!)),
  }),
  reader({
    name: 'gunzip',
    share: 2,
    whole: ZIPPED,
    damaged: damagedBytes(ZIPPED),
    read: async (bytes) => {
      const out = await gunzip({ name: 'f', bytes });
      if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) must(out.bytes === bytes, 'a file that is not gzip is changed');
      else must(Buffer.compare(out.bytes, gunzipSync(bytes)) === 0, 'not the bytes that zlib reads');
    },
  }),
  reader({
    name: 'parseGenotype',
    share: 6,
    whole: LITERALS,
    damaged: damagedText(LITERALS, WORDS),
    refuses: (error) => error instanceof GenotypeError && (error.place?.expected ?? '') !== '',
    read: (text) => {
      const genotype = parseGenotype(text);
      let printed: string;
      try {
        printed = printGenotype(genotype);
      } catch (error) {
        // The literal cannot say every cell.
        if (error instanceof GenotypeError) return;
        throw error;
      }
      const again = parseGenotype(printed);
      must(JSON.stringify(again) === JSON.stringify(genotype), 'another genotype when it is printed and read again');
    },
  }),
  reader({
    name: 'genotypeFromJson',
    share: 4,
    whole: LITERALS.map(parseGenotype),
    damaged: damagedJson(LITERALS.map(parseGenotype)),
    read: (value) => {
      const genotype = genotypeFromJson(value);
      must(JSON.stringify(genotypeFromJson(genotype)) === JSON.stringify(genotype), 'another genotype when it is read again');
    },
  }),
  reader({
    name: 'parseNasbench201',
    share: 2,
    whole: NASBENCH201,
    damaged: damagedText(NASBENCH201, ['|', '+', '~', '~0', 'none', 'nor_conv_3x3', 'avg_pool_3x3~1', '~-1', '~1e9']),
    read: (text) => {
      const architecture = parseNasbench201(text);
      must(
        JSON.stringify(parseNasbench201(printNasbench201(architecture))) === JSON.stringify(architecture),
        'another when it is read again',
      );
    },
  }),
  reader({
    name: 'readSavedChild',
    share: 3,
    whole: CHILDREN.map((child) => JSON.stringify(child)),
    damaged: fc.oneof(
      damagedJson(CHILDREN).map((child) => JSON.stringify(child)),
      damagedText(
        CHILDREN.map((child) => JSON.stringify(child)),
        ['{', '}', '"', 'null', '1e999'],
      ),
    ),
    read: async (text) => {
      const saved = readSavedChild('f', text);
      must(
        Object.values(saved.choices).every((option) => typeof option === 'string'),
        'an option that has no name',
      );
      must(
        saved.item.every((size) => Number.isInteger(size) && size > 0),
        'inputs of no shape',
      );
      must(saved.standardise?.std.every((std) => std > 0) ?? true, 'a deviation that divides by nothing');
      await savedSpace('f', saved);
    },
  }),
  reader({
    name: 'schemaOf',
    share: 3,
    whole: [CONFIG],
    damaged: damagedJson([CONFIG]),
    read: (value) => v.parse(configSchema, value),
    refuses: (error) => error instanceof v.ValiError,
  }),
  reader({
    name: 'readMetrics',
    share: 3,
    whole: [METRICS, ''],
    damaged: damagedText([METRICS], ['{', '}', '"epoch":', '"times":{', 'null', ',', '\n', '1e999']),
    read: (text) => {
      const { lines, cut } = readMetrics('f', text);
      must(
        lines.every(({ text: line }) => text.includes(line)),
        'a line that is not in the file',
      );
      must(lines.length <= text.split('\n').length && (cut === undefined || cut === lines.length + 1), 'lines that are not there');
    },
  }),
  reader({
    name: 'readCreditRecords',
    share: 2,
    whole: [CREDITS, ''],
    damaged: damagedText([CREDITS], ['{', '}', '"step":', '"z":[', '"key":', 'null', ',', '\n', '1e999', '-1', '0.5']),
    read: (text) => {
      const { records } = readCreditRecords('f', text);
      for (const { step, temperature = 1, key = [0, 0], batch = [0], places } of records) {
        must(Number.isSafeInteger(step) && step >= 0, 'a step that is none');
        must(temperature > 0 && key.length === 2 && batch.every((i) => Number.isSafeInteger(i) && i >= 0), 'a draw that is none');
        must(Array.isArray(places), 'no places');
      }
    },
  }),
  reader({
    name: 'registerSearch',
    share: 1,
    whole: [[], ['--preset', 'smoke', '--eta=mild', '--no-flip', '--credits', 'every=3']],
    damaged: lines(registerSearch, 'search', [[], ['--preset', 'smoke']]),
    read: (args) => resolveSearch(parsed(registerSearch, 'search', args) as SearchFlags),
    refuses: refusesLine,
  }),
  reader({
    name: 'registerTrain',
    share: 1,
    whole: [
      ['--genotype', LITERALS[0]!],
      ['--genotype', 'a.json', '--epochs', '2'],
    ],
    damaged: lines(registerTrain, 'train', [['--genotype', LITERALS[0]!], []]),
    read: (args) => resolveTraining(parsed(registerTrain, 'train', args) as TrainFlags),
    refuses: refusesLine,
  }),
  reader({
    name: 'registerGradcheck',
    share: 1,
    whole: [[], ['--op', 'add', '--runs', '3']],
    damaged: lines(registerGradcheck, 'gradcheck', [[]]),
    read: (args) => parsed(registerGradcheck, 'gradcheck', args),
    refuses: refusesLine,
  }),
];
