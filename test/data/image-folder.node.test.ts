/** @file A folder on a disk: kinds of images that people have, hidden files, links, and what is damaged. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { DataFileError, DataFormatError, OptionError } from '../../src/contract/errors.ts';
import { loadData, loadImageFolder } from '../../src/data/files.node.ts';
import { goldenImage, goldenImages } from '../support/golden-images.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'reparam-images-'));
afterAll(() => rmSync(scratch, { recursive: true }));

let folders = 0;
/** Writes files by their paths and returns the folder. */
function folder(files: Readonly<Record<string, Uint8Array>>): string {
  const at = path.join(scratch, String(folders++));
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(at, name)), { recursive: true });
    writeFileSync(path.join(at, name), bytes);
  }
  return at;
}
const golden = (name: string): Uint8Array => goldenImage(name).file;
const PAIR = { 'train/a/1.png': golden('pngColour'), 'test/a/1.png': golden('pngGrey') };

it('every kind of image in one folder: 16 bits, CMYK, palettes, animations, orientations, one pixel, upper-case suffixes', async () => {
  const files: Record<string, Uint8Array> = {
    'a/.hidden.png': new Uint8Array(3),
    '.git/a/1.png': new Uint8Array(3),
    'a/notes.txt': new Uint8Array(3),
  };
  for (const { name, file } of goldenImages) {
    const suffix = name.startsWith('png') ? 'PNG' : name.startsWith('jpeg') ? 'Jpeg' : 'webp';
    files[`${name.length % 2 === 0 ? 'a' : 'b'}/${name}.${suffix}`] = file;
  }
  const { train, test } = await loadImageFolder(folder(files), { size: 8 });
  expect(train.labels.length + test.labels.length).toBe(goldenImages.length);
  expect([train.channels, train.height, train.width, train.classNames]).toEqual([3, 8, 8, ['a', 'b']]);
  expect(train.images).toBeInstanceOf(Uint8Array);
});

it('the pixels of a PNG are [3, height, width] to the bit, and loadData is the same', async () => {
  const at = folder(PAIR);
  const { pixels, width, height } = goldenImage('pngColour');
  for (const { train } of [await loadImageFolder(at), await loadData(at)]) {
    const plane = width * height;
    expect([...train.images]).toEqual(
      Array.from({ length: 3 * plane }, (_, i) => pixels[(i % plane) * 3 + Math.floor(i / plane)]!),
    );
  }
  const grey = await loadData(at, { colour: 'grey', size: 8, fit: 'stretch' });
  expect([grey.train.channels, grey.test.height, grey.test.images.length]).toEqual([1, 8, 64]);
});

it('links are followed, and end where they lead back', async () => {
  const at = folder(PAIR);
  symlinkSync('..', path.join(at, 'train/a/back'));
  symlinkSync('1.png', path.join(at, 'train/a/2.png'));
  const elsewhere = folder({ '3.png': golden('pngColour') });
  symlinkSync(elsewhere, path.join(at, 'train/b'));
  const { train } = await loadImageFolder(at);
  expect([[...train.labels], train.classNames]).toEqual([
    [0, 0, 1],
    ['a', 'b'],
  ]);
  symlinkSync('nowhere.png', path.join(at, 'train/a/9.png'));
  await expect(loadImageFolder(at)).rejects.toThrow(`${path.join(at, 'train/a/9.png')}: a link that leads nowhere`);
});

it.for([
  ['a damaged PNG', golden('pngColour').with(200, 0), DataFormatError, 'damaged PNG'],
  ['a truncated JPEG', golden('jpegColour').subarray(0, 300), DataFormatError, 'truncated JPEG'],
  ['a truncated WebP', golden('webpLossy').subarray(0, 100), DataFormatError, 'truncated WebP'],
  ['an empty file', new Uint8Array(0), DataFormatError, 'the file is empty'],
  ['a text', new TextEncoder().encode('this is no image at all'), DataFormatError, 'neither a PNG'],
  ['another size', golden('pngOnePixel'), DataFileError, 'has 1 x 1 pixels'],
] as const)('%s is one line that names the file', async ([, bytes, type, message]) => {
  const at = folder({ ...PAIR, 'train/a/2.png': bytes });
  const read = loadImageFolder(at);
  await expect(read).rejects.toThrow(type);
  await expect(read).rejects.toThrow(`${at}/train/a/2.png`);
  await expect(read).rejects.toThrow(message);
  await expect(read).rejects.toThrow(/^[^\n]+$/);
});

it('unlabelled and empty folders are refused by name, and flags of other data', async () => {
  const flat = folder({ '1.png': golden('pngColour') });
  await expect(loadData(flat)).rejects.toThrow(`${flat}/1.png: an image outside the class folders has no label`);
  const hollow = folder(PAIR);
  mkdirSync(path.join(hollow, 'train/b'));
  await expect(loadData(hollow)).rejects.toThrow(`${hollow}/train/b: a class folder without images`);
  await expect(loadData(folder({ 'a/notes.txt': new Uint8Array(1) }))).rejects.toThrow('holds no images');
  await expect(loadData(folder(PAIR), { labels: 'fine' })).rejects.toThrow(OptionError);
  await expect(loadData(folder(PAIR), { fit: 'crop' })).rejects.toThrow('fit crop needs a size');
});
