/** @file `reparam train` broken off and continued: the files of the unbroken one, and what is refused. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requestStop } from '../../../../src/command/stop.ts';
import { nodeFileSystem, useFileSystem } from '../../../../src/files/system.ts';
import { writeIdxFolder } from '../../../support/idx-folder.ts';
import { type Ended, runReparam } from '../../../support/run-reparam.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'reparam-train-resume-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const data = writeIdxFolder(path.join(scratch, 'data'), 96, 32);
const whole = path.join(scratch, 'whole');
let ended: Ended;

/** Two cells, two epochs of two steps each; with a checkpoint after every step. */
const ARGS =
  '--preset smoke --device cpu --genotype random random --nodes 1 --cells 1 --channels 2 --batch-size 16 --train-images 40 --epochs 2 ' +
  `--drop-path 0.3 --seed 4 --checkpoint-minutes 1e-9 --quiet --data ${data}`;
const train = (out: string): Promise<Ended> => runReparam('train', ...ARGS.split(' '), '--out', out);
const resume = (folder: string): Promise<Ended> =>
  runReparam('train', '--resume', folder, '--quiet', '--checkpoint-minutes', '1e-9');

/** All that a training decides: everything but times and checkpoints. */
function decided(folder: string): Record<string, string> {
  const names = readdirSync(folder).filter((name) => !/^(checkpoint.*|files\.json|\..*)$/.test(name));
  return Object.fromEntries(
    names.map((name) => {
      const bytes = readFileSync(path.join(folder, name));
      if (name === 'result.json') return [name, bytes.toString().replaceAll(/"seconds": [\d.e-]+/g, '')];
      return [name, createHash('sha256').update(bytes).digest('hex')];
    }),
  );
}

/** Asks the command to stop when it gives a file its name for the n-th time. */
async function stoppedAt(n: number, body: () => Promise<Ended>): Promise<Ended> {
  let renames = 0;
  const undo = useFileSystem({
    ...nodeFileSystem,
    rename: async (from, to) => {
      await nodeFileSystem.rename(from, to);
      if (++renames === n) requestStop('SIGTERM');
    },
  });
  try {
    return await body();
  } finally {
    undo();
  }
}

beforeAll(async () => {
  ended = await train(whole);
}, 60_000);

describe('a training that is stopped', () => {
  it('has the exit code of its signal, and goes on to the files of the unbroken one, from wherever it was stopped', async () => {
    expect(ended).toMatchObject({ code: 0, err: '' });
    expect(Object.keys(decided(whole))).toHaveLength(8);
    // Two renames for training.json with its list, then two for each checkpoint.
    for (const n of [2, 4, 7, 13, 19]) {
      const out = path.join(scratch, `stopped-${n}`);
      const stopped = await stoppedAt(n, () => train(out));
      expect(stopped).toMatchObject({ code: 143, out: '' });
      expect(stopped.err).toBe('\nstopping after this step (SIGTERM); once more to stop at once\n');
      // Once more, unless it ends before; a training that is complete can be resumed too.
      await stoppedAt(3, () => resume(out));
      expect(await resume(out)).toMatchObject({ code: 0, err: '' });
      expect(decided(out), String(n)).toEqual(decided(whole));
      expect(readdirSync(out).filter((name) => /checkpoint|lock/.test(name))).toEqual([]);
      rmSync(out, { recursive: true });
    }
  }, 120_000);

  it('that is complete is only told again', async () => {
    const again = await resume(whole);
    expect(again).toMatchObject({ code: 0, out: ended.out });
  });

  it('with a damaged checkpoint trains the cell anew, says so and comes to the same files', async () => {
    const out = path.join(scratch, 'damaged');
    await stoppedAt(6, () => train(out));
    const names = readdirSync(out).filter((name) => name.startsWith('checkpoint-'));
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) writeFileSync(path.join(out, name), readFileSync(path.join(out, name)).subarray(0, -1));
    const again = await resume(out);
    expect(again.code).toBe(0);
    expect(again.err).toMatch(new RegExp(`${names[0]}.*the cell is trained anew`));
    expect(decided(out)).toEqual(decided(whole));
  }, 60_000);
});

describe('what cannot be continued', () => {
  it.each([
    ['with a flag that says otherwise', ['--resume', whole, '--lr', '1'], 2, /--lr cannot hold with --resume/],
    ['with another batch size', ['--resume', whole, '--batch-size', '8'], 2, /--batch-size cannot hold with --resume/],
    ['without cells', ['--data', data], 2, /--genotype says which cells are trained/],
    ['of a folder that holds none', ['--resume', data], 1, /holds no training that can be continued: there is no training.json/],
    ['of a folder that is not there', ['--resume', path.join(scratch, 'none')], 1, /holds no training/],
    ['that is begun again', [...ARGS.split(' '), '--out', whole], 1, /holds a training already: .*--resume/],
  ])('a training %s is refused in one line', async (_what, args, code, line) => {
    const refused = await runReparam('train', ...args);
    expect(refused.code).toBe(code);
    expect(refused.err).toMatch(line);
    expect(refused.err.trimEnd()).not.toContain('\n');
  });

  it('a training whose settings were changed is refused by name', async () => {
    const out = path.join(scratch, 'changed');
    await stoppedAt(6, () => train(out));
    const file = path.join(out, 'training.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace('"lr": ', '"lr": 1'));
    expect(await resume(out)).toMatchObject({ code: 1, err: expect.stringMatching(/training.json is damaged/) as string });
  });

  it('a training whose images were changed is refused, naming the folder', async () => {
    const images = writeIdxFolder(path.join(scratch, 'images'), 96, 32);
    const out = path.join(scratch, 'other-images');
    const args = ARGS.replace(data, images).split(' ');
    await stoppedAt(6, () => runReparam('train', ...args, '--out', out));
    const file = path.join(
      images,
      readdirSync(images).find((name) => name.startsWith('train-images'))!,
    );
    const bytes = readFileSync(file);
    for (let at = 16; at < bytes.length; at += 97) bytes[at]! ^= 1;
    writeFileSync(file, bytes);
    const refused = await resume(out);
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining(`the images in ${images} are not those`) as string });
  }, 60_000);
});
