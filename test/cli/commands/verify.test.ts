/** @file `reparam verify`, and damaged files of a run in the commands that read them. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeSafetensors } from '../../../src/export/index.ts';
import { writeIdxFolder } from '../../support/idx-folder.ts';
import { runReparam } from '../../support/run-reparam.ts';
import { flipped, tinyArgs } from '../../support/tiny-run.ts';

const scratch = mkdtempSync(path.join(os.tmpdir(), 'reparam-verify-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const data = writeIdxFolder(path.join(scratch, 'data'), 96, 32);
const whole = path.join(scratch, 'whole');
beforeAll(async () => {
  const { code, err } = await runReparam(...tinyArgs(data, whole), '--credits', 'every=2');
  if (code !== 0) throw new Error(err);
}, 60_000);

let copies = 0;
function copy(): string {
  const folder = path.join(scratch, `copy-${copies++}`);
  cpSync(whole, folder, { recursive: true });
  return folder;
}

it('says of each file of a run that it is whole, of a checkpoint its step and digests, and ends with 0', async () => {
  const { code, out, err } = await runReparam('verify', whole);
  expect([code, err]).toEqual([0, '']);
  const lines = out.trimEnd().split('\n');
  const names = readdirSync(whole).sort();
  expect(lines.slice(0, -1).map((line) => line.split(' ')[0])).toEqual(names);
  for (const line of lines.slice(0, -1)) expect(line).toMatch(/^\S+ +whole/);
  expect(lines.at(-1)).toBe(`${whole}: ${names.length} files, nothing damaged`);
  expect(out).toMatch(/checkpoint-4.safetensors +whole, step 4, settings [0-9a-f]{12}, data [0-9a-f]{12} \(.*data\)/);
});

it('finds a flipped bit in any file, and a file that is cut or gone, by name, and ends with 1', async () => {
  for (const name of readdirSync(whole)) {
    const folder = copy();
    const file = path.join(folder, name);
    const bytes = readFileSync(file);
    const damaged = new RegExp(`^${name} +(?!whole)(?!readable).*(damaged|checksum|cut|line|missing|JSON).*$`, 'm');
    const check = async (): Promise<void> => {
      const { code, out } = await runReparam('verify', folder);
      expect([code, out], name).toEqual([1, expect.stringMatching(damaged)]);
      expect(out).toMatch(/damaged or missing\n$/);
    };
    writeFileSync(file, flipped(bytes, Math.floor(bytes.length / 3)));
    await check();
    writeFileSync(file, bytes.subarray(0, -1));
    await check();
    if (name === 'files.json') continue;
    rmSync(file);
    await check();
  }
});

it('finds a flip in any byte of a whole checkpoint', async () => {
  const folder = copy();
  const file = path.join(folder, 'checkpoint-4.safetensors');
  const bytes = readFileSync(file);
  // Each 997th byte and all of the header's metadata; test/files/weights.test.ts flips each bit of a small file.
  const places = Array.from(bytes.keys()).filter((i) => i % 997 === 0 || i < 400);
  for (const at of places) {
    writeFileSync(file, flipped(bytes, at, at % 8));
    const { code } = await runReparam('verify', file);
    expect(code, `byte ${at}`).toBe(1);
  }
});

it('refuses what is no run, leaves strangers in the folder be, and reads files of other programs', async () => {
  expect(await runReparam('verify', data)).toMatchObject({ code: 1, err: expect.stringMatching(/holds no run/) as string });
  expect(await runReparam('verify', path.join(scratch, 'nowhere'))).toMatchObject({ code: 1, out: '' });
  const folder = copy();
  writeFileSync(path.join(folder, 'notes.txt'), 'mine');
  mkdirSync(path.join(folder, 'figures'));
  const foreign = writeSafetensors({ w: { shape: [2], data: Float32Array.of(1, 2) } });
  writeFileSync(path.join(folder, 'foreign.safetensors'), foreign);
  writeFileSync(path.join(folder, '.weights.safetensors.1@elsewhere-0.part'), 'half');
  const { code, out } = await runReparam('verify', folder);
  expect(code).toBe(0);
  expect(out).toMatch(/^notes.txt +files.json does not name it$/m);
  expect(out).toMatch(/^figures +a folder/m);
  expect(out).toMatch(/^foreign.safetensors +readable; .*no checksum$/m);
  expect(out).toMatch(/\.part +left by a killed process/);
  expect(await runReparam('verify', path.join(folder, 'foreign.safetensors'))).toMatchObject({ code: 0 });
});

it('train refuses a damaged genotype.json by name, leaves a folder that verifies, and names a damaged file of it', async () => {
  const found = copy();
  const args = (out: string): string[] => [
    'train',
    '--preset',
    'smoke',
    '--device',
    'cpu',
    '--data',
    data,
    '--quiet',
    '--genotype',
    found,
    '--out',
    path.join(scratch, out),
  ];
  const { code, err } = await runReparam(...args('trained'));
  expect([code, err]).toEqual([0, '']);
  const verified = await runReparam('verify', path.join(scratch, 'trained'));
  expect([verified.code, verified.out]).toEqual([0, expect.stringMatching(/result.json +whole/)]);
  const genotype = path.join(found, 'genotype.json');
  writeFileSync(genotype, readFileSync(genotype, 'utf8').replace(/"from": 0/, '"from": 1'));
  expect(await runReparam(...args('other'))).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^reparam: [^\n]*genotype.json is damaged[^\n]*\n$/) as string,
  });
}, 120_000);

it.each([
  ['no test images', 96, 0, 'holds no test images'],
  ['no training images', 0, 32, 'holds no training images'],
])('a data folder with %s is refused before a search or a training begins', async (_what, train, test, why) => {
  const folder = writeIdxFolder(path.join(scratch, `data-${train}-${test}`), train, test);
  const out = path.join(scratch, `out-${train}-${test}`);
  const line = { code: 1, err: expect.stringMatching(new RegExp(`^reparam: [^\n]*${why}[^\n]*\n$`)) as string };
  expect(await runReparam(...tinyArgs(folder, out))).toMatchObject(line);
  expect(
    await runReparam('train', '--preset', 'smoke', '--device', 'cpu', '--data', folder, '--genotype', 'DARTS_V1', '--out', out),
  ).toMatchObject(line);
  expect(readdirSync(scratch)).not.toContain(path.basename(out));
});

it.each([
  ['1e9', '--cells', 'search'],
  ['1000000', '--nodes', 'search'],
  ['1e6', '--channels', 'search'],
  ['1e9', '--cells', 'train'],
  ['1e6', '--channels', 'train'],
])('%s as %s of %s is refused in one line before memory is asked for', async (value, flag, command) => {
  const out = path.join(scratch, 'too-large');
  const args =
    command === 'search'
      ? [...tinyArgs(data, out).filter((a, i, all) => a !== flag && all[i - 1] !== flag)]
      : ['train', '--preset', 'smoke', '--device', 'cpu', '--data', data, '--genotype', 'DARTS_V1', '--out', out, '--quiet'];
  const before = process.memoryUsage.rss();
  const { code, err } = await runReparam(...args, flag, value);
  expect([code, err]).toEqual([1, expect.stringMatching(/^reparam: network: [^\n]*\n$/)]);
  expect(process.memoryUsage.rss() - before).toBeLessThan(200 * 2 ** 20);
});
