/** @file Images decoded in a page have the pixels that sharp reads in Node, and damage is refused in both: the same tests run in both. */
import { expect, it } from 'vitest';
import { DataFileError, DataFormatError, LimitError } from '../../src/contract/errors.ts';
import {
  checkImage,
  type DecodeImage,
  decodeBitmap,
  type LazyFile,
  loadImageFiles,
  type Pixels,
  readClassFolders,
  type TrainTest,
} from '../../src/data/index.ts';
import { animatedPng } from '../support/animated-png.ts';
import { farthest, goldenImage, goldenImages, listed } from '../support/golden-images.ts';

const inPage = 'createImageBitmap' in globalThis;
/** A page's tools should not follow this. */
const ofNode = '../../src/data/sharp.node.ts';
const decoder = inPage
  ? decodeBitmap
  : await ((await import(/* @vite-ignore */ ofNode)) as { readonly sharpDecoder: () => Promise<DecodeImage> }).sharpDecoder();

const decode = (name: string, bytes: Uint8Array): Promise<Pixels> => decoder({ name, bytes }, checkImage({ name, bytes }));

/** The most that a pixel may differ from Node's: PNG and lossless WebP not at all, but for what is transparent, which is rounded. */
function bound(name: string): number {
  if (name.endsWith('Transparent')) return 1;
  return /^png|^webpLossless|^webpAnimated/.test(name) ? 0 : 2;
}

it.for(goldenImages)('$name has the pixels that Node reads, within its bound', async ({ name, file, width, height, pixels }) => {
  const image = await decode(name, file);
  expect([image.width, image.height, image.channels]).toEqual([width, height, 3]);
  expect(farthest(listed(image), pixels)).toBeLessThanOrEqual(bound(name));
});

it('of an animated PNG the first frame is read', async () => {
  const first = goldenImage('pngColour');
  expect(listed(await decode('a.png', await animatedPng(first.file, first)))).toEqual([...first.pixels]);
});

/** What `loadImageFiles` makes of a file. */
const lazy = (file: File): LazyFile => ({
  path: file.webkitRelativePath.split('/').slice(1).join('/'),
  bytes: async () => new Uint8Array(await file.arrayBuffer()),
});

it('files that somebody chose in a page are a folder of class folders', async () => {
  const file = (path: string, name: string): File => {
    const made = new File([goldenImage(name).file], path.split('/').pop()!);
    Object.defineProperty(made, 'webkitRelativePath', { value: path });
    return made;
  };
  const files = [
    file('pets/test/dog/b.png', 'pngInterlaced'),
    file('pets/train/cat/a.png', 'pngColour'),
    file('pets/train/dog/b.webp', 'webpLossless'),
    file('pets/train/.hidden/x.png', 'pngColour'),
    file('pets/test/cat/c.jpg', 'jpegColour'),
  ];
  const load = (chosen: readonly File[]): Promise<TrainTest> =>
    inPage ? loadImageFiles(chosen) : readClassFolders('pets', chosen.map(lazy), decoder);
  const { train, test } = await load(files);
  expect([train.classNames, [...train.labels], [...test.labels]]).toEqual([
    ['cat', 'dog'],
    [0, 1],
    [0, 1],
  ]);
  const { pixels, width, height } = goldenImage('pngColour');
  const red = Array.from({ length: width * height }, (_, i) => pixels[3 * i]!);
  expect(Array.from(train.images.subarray(0, width * height))).toEqual(red);
  await expect(load([file('pets/a.png', 'pngColour')])).rejects.toThrow('pets/a.png: an image outside the class folders');
});

it('a flipped byte of a PNG, a cut file, another kind and too many pixels are refused', async () => {
  const { file } = goldenImage('pngColour');
  const flipped = file.slice();
  flipped[200]! ^= 1;
  await expect(async () => decode('a.png', flipped)).rejects.toThrow(DataFormatError);
  for (const name of ['pngColour', 'jpegColour', 'webpLossy']) {
    const whole = goldenImage(name).file;
    await expect(async () => decode(name, whole.subarray(0, whole.length - 20))).rejects.toThrow(DataFormatError);
  }
  expect(() => checkImage({ name: 'a.png', bytes: file }, 100)).toThrow(LimitError);
  // Sound by its checksums, and no image all the same.
  const header = checkImage({ name: 'a.png', bytes: file });
  await expect(decoder({ name: 'a.png', bytes: file.subarray(0, 60) }, header)).rejects.toThrow(DataFileError);
});
