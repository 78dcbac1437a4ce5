/** @file Which image is of which class and set, by the paths alone; and images decoded a batch at a time, of one size. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DataFileError, OptionError } from '../../src/contract/errors.ts';
import { planFolder } from '../../src/data/class-folders.ts';
import { type DecodeImage, interleaved, type LazyFile, readClassFolders, type Reading } from '../../src/data/index.ts';
import { goldenImage } from '../support/golden-images.ts';

/** 'train cat/1.png' for each image, in the order in which a data set has them. */
function plan(paths: readonly string[], reading: Reading = {}): string[] {
  const { classNames, train, test } = planFolder('pets', paths, reading);
  const said = (set: string, items: typeof train): string[] =>
    items.map(({ file, label }) => `${set} ${classNames[label]} ${paths[file]}`);
  return [...said('train', train), ...said('test', test)];
}

it('a folder train with test or val beside it is divided as it stands; sub-folders of a class are the class', () => {
  const paths = [
    'train/dog/1.png',
    'train/cat/deep/2.JPEG',
    'test/cat/1.webp',
    'notes.txt',
    'train/cat/.x.png',
    'Thumbs.db',
    '__MACOSX/cat/1.png',
  ];
  expect(plan(paths)).toEqual(['train cat train/cat/deep/2.JPEG', 'train dog train/dog/1.png', 'test cat test/cat/1.webp']);
  for (const name of ['val', 'valid', 'validation', 'Test'])
    expect(plan(['train/a/1.png', `${name}/a/2.png`])).toEqual(['train a train/a/1.png', `test a ${name}/a/2.png`]);
  // Beside a test set, validation images are training images.
  expect(plan(['train/a/1.png', 'val/a/2.png', 'test/a/3.png'])).toEqual([
    'train a train/a/1.png',
    'train a val/a/2.png',
    'test a test/a/3.png',
  ]);
  expect(plan(['train/1.png', 'train/2.png', 'bus/3.png', 'bus/4.png']).map((line) => line.split(' ')[1])).toEqual([
    'bus',
    'train',
    'bus',
    'train',
  ]);
});

it('without a test set it is drawn by the seed, and neither the order of the listing nor another class changes the draw', () => {
  const paths = ['a', 'b', 'c'].flatMap((name) => Array.from({ length: 10 }, (_, i) => `${name}/${i}.png`));
  const drawn = plan(paths);
  expect(drawn.filter((line) => line.startsWith('test a'))).toHaveLength(2);
  fc.assert(
    fc.property(fc.shuffledSubarray(paths, { minLength: 30 }), (shuffled) => {
      expect(plan(shuffled)).toEqual(drawn);
    }),
    { numRuns: 50 },
  );
  expect(plan(paths, { splitSeed: 1 })).not.toEqual(drawn);
  for (const other of ['0', 'd']) {
    const more = plan([...paths, `${other}/1.png`, `${other}/2.png`]).filter((line) => !line.includes(` ${other} `));
    expect(more).toEqual(drawn);
  }
  expect(plan(paths, { testPart: 0.45 }).filter((line) => line.startsWith('test b'))).toHaveLength(5);
  expect(plan(['a/1.png', 'a/2.png'], { testPart: 0.01 }).map((line) => line.split(' ')[0])).toEqual(['train', 'test']);
  // One name, composed and decomposed: macOS lists the second.
  const place = (name: string): string[] =>
    plan(['f/1.png', 'f/2.png', `${name}/1.png`, `${name}/2.png`]).map((line) => line.normalize('NFC'));
  expect(place('e\u0301')).toEqual(place('\u00e9'));
});

it.for([
  ['nothing', ['a/readme.txt'], 'pets: holds no images'],
  ['an image without a class', ['a/1.png', 'a/2.png', 'x.png'], 'pets/x.png: an image outside the class folders has no label'],
  ['one in a set', ['train/a/1.png', 'test/x.png'], 'pets/test/x.png: an image outside the class folders'],
  ['another format', ['a/1.png', 'a/2.gif'], 'pets/a/2.gif: only PNG, JPEG and WebP are read'],
  ['a class of one', ['a/1.png', 'b/1.png', 'b/2.png'], 'the class a has one item'],
  ['a class that is not trained', ['train/a/1.png', 'test/b/1.png'], 'pets/test/b/1.png: the training set has no class b'],
  ['a third set', ['train/a/1.png', 'test/a/1.png', 'more/a/1.png'], 'pets/more/a/1.png: beside the folder train'],
  ['a test set alone', ['test/a/1.png'], 'pets/test: a test or validation set without a folder train'],
] as const)('%s is refused by name', ([, paths, message]) => {
  expect(() => plan(paths)).toThrow(DataFileError);
  expect(() => plan(paths)).toThrow(message);
});

it('an empty class folder is refused, and a choice that has no meaning here', () => {
  expect(() => planFolder('pets', ['a/1.png', 'a/2.png'], {}, ['b'])).toThrow('pets/b: a class folder without images');
  expect(() => planFolder('pets', ['train/a/1.png', 'val/a/1.png'], {}, ['train/b'])).toThrow('pets/train/b: a class folder');
  expect(planFolder('pets', ['a/1.png', 'a/2.png'], {}, ['a/deep', '.git']).classNames).toEqual(['a']);
  expect(() => plan(['train/a/1.png', 'test/a/1.png'], { splitSeed: 1 })).toThrow(OptionError);
  expect(() => plan(['train/a/1.png', 'test/a/1.png'], { layout: 'nchw' })).toThrow(
    'layout "nchw" (--layout) has no meaning for a folder of images',
  );
});

const png = goldenImage('pngColour').file;
/** 24 x 16 pixels of the value in the file's name, whatever is in the file. */
const named: DecodeImage = ({ name }) => {
  const value = Number(/(\d+)\.png$/.exec(name)![1]);
  return Promise.resolve(interleaved(new Uint8Array(24 * 16 * 3).fill(value), 3, 16, 24, 3));
};
const files = (paths: readonly string[]): LazyFile[] => paths.map((path) => ({ path, bytes: () => Promise.resolve(png) }));

it('every image stands at its place with its label, in rgb and in the size that is asked for', async () => {
  const paths = ['train/b/7.png', 'train/a/5.png', 'train/b/9.png', 'test/b/3.png'];
  const { train, test } = await readClassFolders('pets', files(paths), named, { size: 2 });
  expect([train.channels, train.height, train.width, train.classes, train.classNames]).toEqual([3, 2, 2, 2, ['a', 'b']]);
  expect([...train.labels, ...test.labels]).toEqual([0, 1, 1, 1]);
  expect([...train.images]).toEqual([5, 7, 9].flatMap((v) => Array(12).fill(v)));
  const grey = await readClassFolders('pets', files(paths), named, { colour: 'grey' });
  expect([grey.train.channels, grey.train.height, grey.train.width, [...grey.test.images].every((v) => v === 3)]).toEqual([
    1,
    16,
    24,
    true,
  ]);
});

it('no more pixels than maxPixels are decoded at a time, and no more than 32 images', async () => {
  const paths = Array.from({ length: 100 }, (_, i) => `${i < 90 ? 'train' : 'test'}/a/${i}.png`);
  const most = async (maxPixels: number): Promise<number> => {
    let [now, peak] = [0, 0];
    const counting: DecodeImage = async (file, header) => {
      peak = Math.max(peak, ++now);
      await new Promise((resolve) => setTimeout(resolve, 1));
      now--;
      return named(file, header);
    };
    const told: number[] = [];
    const onProgress = (done: number, of: number): number => told.push(done / of);
    const { train } = await readClassFolders('pets', files(paths), counting, { size: 1, maxPixels, onProgress });
    expect([...train.images.subarray(0, 3), ...train.images.subarray(-3)]).toEqual([0, 0, 0, 9, 9, 9]);
    expect(told.at(-1)).toBe(1);
    expect(told).toEqual(told.toSorted((a, b) => a - b));
    return peak;
  };
  expect(await most(24 * 16 * 5 + 1)).toBe(5);
  expect(await most(2 ** 26)).toBe(32);
});

it('images of two sizes are refused by both names until a size is asked for', async () => {
  const mixed: DecodeImage = async (file, header) =>
    file.name.endsWith('2.png') ? interleaved(new Uint8Array(3 * 4 * 5), 3, 5, 4, 3) : named(file, header);
  const paths = ['train/a/1.png', 'train/a/2.png', 'test/a/3.png'];
  const read = readClassFolders('pets', files(paths), mixed);
  await expect(read).rejects.toThrow(DataFileError);
  await expect(read).rejects.toThrow('pets/train/a/2.png has 4 x 5 pixels, and pets/train/a/1.png 24 x 16: say the size');
  const { train } = await readClassFolders('pets', files(paths), mixed, { size: 3, fit: 'stretch' });
  expect(train.images.length).toBe(2 * 27);
});

it('the first damaged file in order is the one that is named', async () => {
  const failing: DecodeImage = async ({ name }) => {
    await new Promise((resolve) => setTimeout(resolve, name.includes('/1') ? 20 : 0));
    throw new DataFileError(`${name}: damaged`);
  };
  await expect(readClassFolders('pets', files(['a/1.png', 'a/2.png']), failing, { testPart: 0.5 })).rejects.toThrow(
    /pets\/a\/[12]\.png: damaged/,
  );
  const empty: LazyFile = { path: 'a/0.png', bytes: () => Promise.resolve(new Uint8Array(0)) };
  await expect(readClassFolders('pets', [empty, ...files(['a/1.png'])], named)).rejects.toThrow(
    'pets/a/0.png at byte 0: the file is empty',
  );
});
