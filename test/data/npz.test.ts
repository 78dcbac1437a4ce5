/** @file Data sets of NumPy's archives: shapes, names, splits, damage and bombs. */
import { expect, it } from 'vitest';
import { DataFileError, LimitError, OptionError, ReparamError } from '../../src/contract/errors.ts';
import { type Dataset, readNpz, readNpzDataset, type Reading, type TrainTest } from '../../src/data/index.ts';
import { writeNpz } from '../../src/export/index.ts';
import golden from '../golden/npz.json' with { type: 'json' };
import { npyBytes, npyOfBytes, zipBytes } from '../support/npz.ts';

const bytesOf = (base64: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(base64, 'base64'));
const load = (base64: string, reading: Reading = {}): Promise<TrainTest> =>
  readNpzDataset({ name: 'f.npz', bytes: bytesOf(base64) }, reading);

/** Element i of scripts/golden/npz.py. */
const element = (i: number): number => (7 * i + 3) % 251;

/** Training and test items together, in the order of the file: items are told by their first element in row-major order of [c, h, w]. */
function items({ train, test }: TrainTest): number[][] {
  const size = (d: Dataset): number => d.channels * d.height * d.width;
  return [train, test].flatMap((d) => Array.from(d.labels, (_, i) => [...d.images.subarray(i * size(d), (i + 1) * size(d))]));
}

function sorted(lists: readonly (readonly number[])[]): string[] {
  return lists.map((list) => list.join()).sort();
}

it('NCHW as it stands, NHWC and its Fortran order turned: the channels are the axis of at most four', async () => {
  const halves = { testPart: 0.5 };
  // The label 2 comes once, so the split is drawn of labels that come twice at least.
  await expect(load(golden.nchw)).rejects.toThrow('class 1 has one item');
  const pairs = (shape: readonly number[], elements: ArrayLike<number>): Uint8Array =>
    zipBytes({ 'images.npy': npyOfBytes(shape, elements), 'labels.npy': npyOfBytes([4], [0, 0, 1, 1]) });
  const all = Array.from({ length: 4 * 3 * 6 * 5 }, (_, i) => element(i));
  const expected = Array.from({ length: 4 }, (_, n) => all.slice(90 * n, 90 * (n + 1)));
  const nchw = await readNpzDataset({ name: 'f', bytes: pairs([4, 3, 6, 5], all) }, halves);
  expect([nchw.train.channels, nchw.train.height, nchw.train.width, nchw.train.classes]).toEqual([3, 6, 5, 2]);
  expect(sorted(items(nchw))).toEqual(sorted(expected));
  const nhwc = await readNpzDataset({ name: 'f', bytes: pairs([4, 6, 5, 3], all) }, halves);
  expect([nhwc.train.channels, nhwc.train.height, nhwc.train.width]).toEqual([3, 6, 5]);
  const turned = expected.map((image) => Array.from({ length: 90 }, (_, i) => image[(i % 30) * 3 + Math.floor(i / 30)]!));
  expect(sorted(items(nhwc))).toEqual(sorted(turned));
});

it("NumPy's own files: compressed, Fortran order, big-endian, labels of any width", async () => {
  for (const name of ['nhwc', 'nhwcFortran'] as const) {
    const arrays = await readNpz({ name, bytes: bytesOf(golden[name]) });
    expect([...arrays['labels']!.data], name).toEqual([0, 2, 1, 0]);
    expect([...arrays['images']!.data], name).toEqual(Array.from({ length: 360 }, (_, i) => element(i)));
  }
  await expect(load(golden.grey)).rejects.toThrow('one item');
  const arrays = await readNpz({ name: 'grey', bytes: bytesOf(golden.grey) });
  expect(arrays['x']!.kind).toBe('i');
});

it('training, validation and test sets keep apart under the names of Keras and MedMNIST', async () => {
  const { train, test, about } = await load(golden.medmnist);
  expect([train.labels.length, test.labels.length, train.channels, train.height]).toEqual([6, 3, 1, 6]);
  expect([...train.labels]).toEqual([0, 1, 0, 1, 0, 1]);
  expect([...test.images]).toEqual(Array.from({ length: 108 }, (_, i) => element(i)));
  expect(about).toContain('validation set');
  await expect(load(golden.medmnist, { splitSeed: 1 })).rejects.toThrow(OptionError);
});

it('vectors with numbers to be predicted: shape [d], classes 0, float32', async () => {
  const { train, test } = await load(golden.vectors);
  expect([train.shape, train.channels, train.height, train.width, train.classes]).toEqual([[7], 7, 1, 1, 0]);
  expect([...train.labels]).toEqual([0.5, -1.25, 3, 0]);
  expect([...train.images]).toEqual(Array.from({ length: 28 }, (_, i) => Math.fround(element(i) / 251)));
  expect([...test.labels]).toEqual([1, 2]);
});

it('a shape that can mean two things is refused until the layout says which', async () => {
  for (const name of ['ambiguous', 'many'] as const) await expect(load(golden[name])).rejects.toThrow('(--layout)');
  const made = (layout: 'nchw' | 'nhwc'): Promise<TrainTest> =>
    readNpzDataset(
      { name: 'f', bytes: zipBytes({ 'x.npy': npyOfBytes([2, 3, 6, 3], Array(108).fill(0)), 'y.npy': npyOfBytes([2], [0, 0]) }) },
      { layout },
    );
  expect((await made('nchw')).train).toMatchObject({ channels: 3, height: 6, width: 3 });
  expect((await made('nhwc')).train).toMatchObject({ channels: 3, height: 3, width: 6 });
  await expect(load(golden.vectors, { layout: 'nchw' })).rejects.toThrow('leave out the layout');
});

it('integers from 0 to 255 and booleans are kept as bytes, all else as float32', async () => {
  const read = async (descr: string, elements: Uint8Array): Promise<Dataset['images']> => {
    const bytes = zipBytes({ 'x.npy': npyBytes({ descr, shape: [2, 2] }, elements), 'y.npy': npyOfBytes([2], [0, 0]) });
    const { train, test } = await readNpzDataset({ name: 'f', bytes });
    expect(train.images.constructor).toBe(test.images.constructor);
    return train.images;
  };
  expect(await read('<i2', Uint8Array.of(1, 0, 255, 0, 1, 0, 255, 0))).toEqual(Uint8Array.of(1, 255));
  expect(await read('<i2', Uint8Array.of(1, 0, 0, 1, 1, 0, 0, 1))).toEqual(Float32Array.of(1, 256));
  expect(await read('|b1', Uint8Array.of(0, 1, 0, 1))).toEqual(Uint8Array.of(0, 255));
  expect(await read('|i1', Uint8Array.of(0, 255, 0, 255))).toEqual(Float32Array.of(0, -1));
});

it.for([
  ['no arrays of these names', { 'a.npy': npyOfBytes([1], [0]) }, "holds no 'images' and 'labels'"],
  ['no labels', { 'images.npy': npyOfBytes([2, 2], [0, 0, 0, 0]) }, "holds 'images' and no labels"],
  ['no images', { 'y.npy': npyOfBytes([2], [0, 0]) }, "holds 'y' and no images"],
  [
    'as many labels as not',
    { 'x.npy': npyOfBytes([2, 1], [0, 0]), 'y.npy': npyOfBytes([3], [0, 0, 0]) },
    "has 2 items, and 'y' 3 labels",
  ],
  ['an empty array', { 'x.npy': npyOfBytes([0, 3], []), 'y.npy': npyOfBytes([0], []) }, 'is empty'],
  ['no pixels', { 'x.npy': npyOfBytes([2, 0, 3], []), 'y.npy': npyOfBytes([2], [0, 0]) }, 'items of no elements'],
  ['five axes', { 'x.npy': npyOfBytes([2, 1, 1, 1, 1], [0, 0]), 'y.npy': npyOfBytes([2], [0, 0]) }, 'not [n, c, h, w]'],
  [
    'a negative class',
    { 'x.npy': npyOfBytes([2, 1], [0, 0]), 'y.npy': npyBytes({ descr: '|i1', shape: [2] }, Uint8Array.of(0, 255)) },
    'label -1 of item 1 is no class',
  ],
  [
    'a NaN',
    { 'x.npy': npyBytes({ descr: '<f2', shape: [2, 1] }, Uint8Array.of(0, 0, 0, 126)), 'y.npy': npyOfBytes([2], [0, 0]) },
    'element 1 is NaN',
  ],
  ['a test set alone', { 'x_test.npy': npyOfBytes([2, 1], [0, 0]), 'y_test.npy': npyOfBytes([2], [0, 0]) }, 'no training set'],
  [
    'two names for one',
    { 'x.npy': npyOfBytes([2, 1], [0, 0]), 'images.npy': npyOfBytes([2, 1], [0, 0]), 'y.npy': npyOfBytes([2], [0, 0]) },
    'are both the all items',
  ],
] as const)('%s is refused by the name of the file and the array', async ([, arrays, message]) => {
  const read = readNpzDataset({ name: 'my.npz', bytes: zipBytes(arrays) });
  await expect(read).rejects.toThrow(DataFileError);
  await expect(read).rejects.toThrow(/^my\.npz/);
  await expect(read).rejects.toThrow(message);
});

it('labels of one-hot rows, of strings and of objects are refused with what to save instead', async () => {
  await expect(load(golden.oneHot)).rejects.toThrow('labels.argmax(1)');
  await expect(load(golden.strings)).rejects.toThrow('numbers and booleans');
  await expect(load(golden.objects)).rejects.toThrow('numbers and booleans');
});

it('any flipped bit is refused or reads the same arrays, and nearly all are refused', async () => {
  const whole = bytesOf(golden.nhwcFortran);
  const read = async (bytes: Uint8Array): Promise<Record<string, string>> =>
    Object.fromEntries(Object.entries(await readNpz({ name: 'f', bytes })).map(([name, { data }]) => [name, data.join()]));
  const seen = await read(whole);
  const others: string[] = [];
  let refused = 0;
  for (let i = 0; i < whole.length; i++) {
    const flipped = whole.slice();
    flipped[i]! ^= 1 << (i % 8);
    try {
      // The archive's dates say nothing, and another name in its directory is another array's.
      for (const [name, data] of Object.entries(await read(flipped)))
        if (data !== (seen[name] ?? data)) others.push(`${i} ${name}`);
    } catch (error) {
      if (!(error instanceof ReparamError)) throw error;
      refused++;
    }
  }
  expect(others).toEqual([]);
  expect(refused / whole.length).toBeGreaterThan(0.8);
});

it('an archive that is one byte short anywhere near its end, or is no archive, is refused', async () => {
  const whole = bytesOf(golden.nchw);
  for (const bytes of [whole.subarray(0, whole.length - 1), whole.subarray(0, 100), new Uint8Array(0), new Uint8Array(1000)])
    await expect(readNpz({ name: 'f', bytes })).rejects.toThrow('its directory is missing');
});

it('a bomb is refused before its memory is taken', async () => {
  const zeros = zipBytes({ 'images.npy': new Uint8Array(2 ** 26 + 128) }, { deflate: true });
  expect(zeros.length).toBeLessThan(200_000);
  await expect(readNpz({ name: 'f', bytes: zeros })).rejects.toThrow(LimitError);
  const small = { 'images.npy': npyOfBytes([2 ** 16], new Uint8Array(2 ** 16)) };
  for (const declaredSize of [0xfffffff0, 0x7fffffff]) {
    const lying = zipBytes(small, { deflate: true, declaredSize });
    await expect(readNpz({ name: 'f', bytes: lying })).rejects.toThrow('cannot hold them');
  }
  for (const declaredSize of [1000, 70_000]) {
    const lying = zipBytes(small, { deflate: true, declaredSize });
    await expect(readNpz({ name: 'f', bytes: lying })).rejects.toThrow('is damaged');
  }
  const allowed = await readNpz({ name: 'f', bytes: zipBytes(small, { deflate: true }) }, { maxBytes: 70_000 });
  expect(allowed['images']!.data.length).toBe(2 ** 16);
  await expect(readNpz({ name: 'f', bytes: zipBytes(small) }, { maxBytes: 60_000 })).rejects.toThrow('numpy.savez');
});

it('what writeNpz writes is read', async () => {
  const bytes = writeNpz({ w: { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }, n: { shape: [], data: Uint32Array.of(7) } });
  const read = await readNpz({ name: 'f', bytes });
  expect([read['w']!.shape, [...read['w']!.data], [...read['n']!.data]]).toEqual([[2, 2], [1, 2, 3, 4], [7]]);
});

it('the split is drawn of each class by the seed: the same for a seed, other for another, parts as asked', async () => {
  const labels = Array.from({ length: 100 }, (_, i) => (i % 10 < 3 ? 0 : 1));
  const bytes = zipBytes({
    'x.npy': npyOfBytes(
      [100, 1],
      Array.from({ length: 100 }, (_, i) => i),
    ),
    'y.npy': npyOfBytes([100], labels),
  });
  const tests = async (reading: Reading): Promise<number[]> => [
    ...(await readNpzDataset({ name: 'f', bytes }, reading)).test.images,
  ];
  const [a, again, b] = [await tests({}), await tests({ splitSeed: 0 }), await tests({ splitSeed: 1 })];
  expect(a).toEqual(again);
  expect(a).not.toEqual(b);
  expect(a.map((i) => labels[i]).filter((label) => label === 0)).toHaveLength(6);
  expect(a).toHaveLength(20);
  expect(await tests({ testPart: 0.5 })).toHaveLength(50);
});
