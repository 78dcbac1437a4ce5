/** @file `reparam train` on one's own data: a folder of images and a .npz, with cells of a published literal, and on resume the same images. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { requestStop } from '../../../../src/command/stop.ts';
import { nodeFileSystem, useFileSystem } from '../../../../src/files/system.ts';
import { writeImageFolder } from '../../../support/image-folder.ts';
import { npyOfBytes, zipBytes } from '../../../support/npz.ts';
import { type Ended, runReparam } from '../../../support/run-reparam.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'reparam-train-data-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const TINY =
  '--preset smoke --device cpu --cells 1 --channels 2 --batch-size 8 --train-images 24 --epochs 2 --quiet --checkpoint-minutes 1e-9';
const LITERAL =
  "Genotype(normal=[('skip_connect', 0), ('sep_conv_3x3', 1)], normal_concat=[2], reduce=[('max_pool_3x3', 0), ('skip_connect', 1)], reduce_concat=[2])";
const train = (out: string, ...flags: string[]): Promise<Ended> =>
  runReparam('train', ...TINY.split(' '), '--genotype', LITERAL, '--out', path.join(scratch, out), ...flags);

it('a folder of images: training.json keeps how it is read, and a resume reads it so', async () => {
  const images = await writeImageFolder(path.join(scratch, 'images'), 12);
  let renames = 0;
  const undo = useFileSystem({
    ...nodeFileSystem,
    rename: async (from, to) => {
      await nodeFileSystem.rename(from, to);
      if (++renames === 4) requestStop('SIGTERM');
    },
  });
  try {
    await train('folder', '--data', images, '--size', '8', '--fit', 'stretch', '--test-part', '0.25');
  } finally {
    undo();
  }
  const asked = JSON.parse(readFileSync(path.join(scratch, 'folder/training.json'), 'utf8')) as {
    reading: object;
    testImages: number;
  };
  expect([asked.reading, asked.testImages]).toEqual([{ size: 8, fit: 'stretch', testPart: 0.25 }, 9]);
  const { code, out } = await runReparam('train', '--resume', path.join(scratch, 'folder'), '--quiet');
  expect([code, out.includes('test error')]).toEqual([0, true]);
}, 60_000);

it('a .npz with a test set of its own', async () => {
  const file = path.join(scratch, 'my.npz');
  const arrays = {
    'x_train.npy': npyOfBytes(
      [32, 1, 8, 8],
      Array.from({ length: 2048 }, (_, i) => (i * 7) & 255),
    ),
    'y_train.npy': npyOfBytes(
      [32],
      Array.from({ length: 32 }, (_, i) => i % 4),
    ),
    'x_test.npy': npyOfBytes([8, 1, 8, 8], Array(512).fill(5)),
    'y_test.npy': npyOfBytes([8], [0, 1, 2, 3, 0, 1, 2, 3]),
  };
  writeFileSync(file, zipBytes(arrays));
  const { code, err } = await train('npz', '--data', file, '--layout', 'nchw');
  expect([code, err]).toEqual([0, '']);
  const { network } = JSON.parse(readFileSync(path.join(scratch, 'npz/result.json'), 'utf8')) as { network: { classes: number } };
  expect(network.classes).toBe(4);
}, 60_000);
