/** @file `reparam search` on one's own data: a folder of images and a .npz, how they are read kept in config.json, and the same images on resume. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunConfig } from '../../../../src/cli/settings/search.ts';
import { writeImageFolder } from '../../../support/image-folder.ts';
import { npyBytes, npyOfBytes, zipBytes } from '../../../support/npz.ts';
import { type Ended, runReparam } from '../../../support/run-reparam.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'reparam-own-data-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const images = path.join(scratch, 'images');
beforeAll(async () => {
  await writeImageFolder(images, 20);
});

const TINY =
  'search --preset smoke --device cpu --nodes 1 --cells 2 --channels 2 --batch-size 16 --train-images 32 --validation-images 16 --epochs 1';
let runs = 0;
const search = async (data: string, ...flags: string[]): Promise<Ended & { readonly run: string }> => {
  const run = path.join(scratch, `run-${runs++}`);
  return { ...(await runReparam(...TINY.split(' '), '--data', data, '--out', run, ...flags)), run };
};
const configOf = (run: string): RunConfig => JSON.parse(readFileSync(path.join(run, 'config.json'), 'utf8')) as RunConfig;

it('a folder of images of any size is searched on, and a resume holds to how they were read', async () => {
  const { code, out, err, run } = await search(images, '--size', '8', '--colour', 'grey', '--split-seed', '3');
  expect([code, err.replaceAll(/^ *\d+ %.*\n/gm, '')]).toEqual([0, '']);
  expect(out).toContain(
    '32 training, 16 validation, 12 test images\n           no test set there: 0.2 of each class was drawn for it by split seed 3',
  );
  const { data, reading, space } = configOf(run);
  expect([data, reading]).toEqual([images, { size: 8, colour: 'grey', splitSeed: 3 }]);
  expect([space.classes, space.item]).toEqual([3, [1, 8, 8]]);
  const resume = (...flags: string[]): Promise<Ended> => runReparam('search', '--resume', run, '--quiet', ...flags);
  expect((await resume('--epochs', '2', '--size', '8')).code).toBe(0);
  expect((await resume('--size', '9')).err).toContain('--size 9 cannot hold with --resume');
  expect((await resume('--fit', 'stretch')).err).toContain('--fit stretch cannot hold with --resume');
  // One pixel of one image is another run.
  const changed = path.join(scratch, 'changed');
  cpSync(images, changed, { recursive: true });
  writeFileSync(path.join(images, 'class-a/0.png'), readFileSync(path.join(changed, 'class-b/0.png')));
  expect((await resume()).err).toContain(`the images in ${images} are not those of the checkpoint`);
  rmSync(images, { recursive: true });
  cpSync(changed, images, { recursive: true });
  expect((await resume()).code).toBe(0);
}, 120_000);

it('a .npz of NHWC images in any number of channels and classes reaches the network', async () => {
  const file = path.join(scratch, 'my.npz');
  const n = 80;
  const pixels = Array.from({ length: n * 8 * 8 * 2 }, (_, i) => (i * 31) & 255);
  const labels = npyBytes({ descr: '<i4', shape: [n] }, new Uint8Array(Int32Array.from({ length: n }, (_, i) => i % 5).buffer));
  writeFileSync(file, zipBytes({ 'images.npy': npyOfBytes([n, 8, 8, 2], pixels), 'labels.npy': labels }, { deflate: true }));
  const { code, err, run } = await search(file, '--quiet');
  expect([code, err]).toEqual([0, '']);
  const { classes, item } = configOf(run).space;
  expect([classes, item]).toEqual([5, [2, 8, 8]]);
}, 60_000);

it('what cannot be read is one line, and no search begins', async () => {
  const mixed = path.join(scratch, 'mixed');
  await writeImageFolder(mixed, 2);
  const odd = await writeImageFolder(path.join(scratch, 'odd'), 1, [5, 5]);
  cpSync(path.join(odd, 'class-a/0.png'), path.join(mixed, 'class-a/9.png'));
  const { code, err } = await search(mixed, '--quiet');
  expect(code).not.toBe(0);
  expect(err).toMatch(/^reparam: [^\n]*pixels, and [^\n]*\(--size\)\n$/);
  const { err: layout } = await search(images, '--quiet', '--layout', 'nchw');
  expect(layout).toContain('layout "nchw" (--layout) has no meaning for a folder of images');
  const numbers = path.join(scratch, 'numbers.npz');
  writeFileSync(
    numbers,
    zipBytes({
      'x.npy': npyOfBytes([4, 2], Array(8).fill(1)),
      'y.npy': npyBytes({ descr: '<f4', shape: [4] }, new Uint8Array(16)),
    }),
  );
  // Numbers to be predicted are searched on; these are too few.
  expect((await search(numbers, '--quiet')).err).toContain('are more than the 3 training images of');
}, 60_000);
