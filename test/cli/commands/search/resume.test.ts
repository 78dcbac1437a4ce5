/** @file Resuming: damaged and foreign checkpoints, other settings, cut metrics, raised epochs, folders of earlier formats. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSafetensors, writeCheckedSafetensors, writeSafetensors } from '../../../../src/export/index.ts';
import { cpu } from '../../../../src/index.ts';
import { LIST } from '../../../../src/files/listed-folder.ts';
import { writeIdxFolder } from '../../../support/idx-folder.ts';
import { type Ended, runReparam } from '../../../support/run-reparam.ts';
import { decided, flipped, tinyArgs } from '../../../support/tiny-run.ts';

const scratch = mkdtempSync(path.join(os.tmpdir(), 'reparam-resume-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const data = writeIdxFolder(path.join(scratch, 'data'), 96, 32);
/** A run that has ended: checkpoints of steps 2 and 4, an epoch's end each. */
const whole = path.join(scratch, 'whole');
beforeAll(async () => {
  const { code, err } = await runReparam(...tinyArgs(data, whole));
  if (code !== 0 || err !== '') throw new Error(`the run that all others are copies of ended with ${code}: ${err}`);
}, 60_000);

let copies = 0;
/** A copy of the ended run. */
function copy(): string {
  const folder = path.join(scratch, `copy-${copies++}`);
  cpSync(whole, folder, { recursive: true });
  return folder;
}

const resume = (folder: string, ...flags: string[]): Promise<Ended> =>
  runReparam('search', '--resume', folder, '--quiet', ...flags);

function edit(folder: string, name: string, change: (text: string) => string): void {
  const file = path.join(folder, name);
  const before = readFileSync(file, 'utf8');
  const after = change(before);
  expect(after).not.toBe(before);
  writeFileSync(file, after);
}

function flip(folder: string, name: string): void {
  const file = path.join(folder, name);
  const bytes = readFileSync(file);
  writeFileSync(file, flipped(bytes, Math.floor(bytes.length / 2)));
}

/** All bytes of a folder. */
function content(folder: string): Record<string, string> {
  return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(path.join(folder, name), 'base64')]));
}

const oneLine = (text: string): RegExp => new RegExp(`^reparam: [^\\n]*${text}[^\\n]*\\n$`);

describe('damaged checkpoints', () => {
  it('the newest is refused by name and the one before used, with the result of the unbroken run', async () => {
    const folder = copy();
    flip(folder, 'checkpoint-4.safetensors');
    const { code, err } = await resume(folder);
    expect(err).toMatch(oneLine('checkpoint-4.safetensors .*damaged.*going on from checkpoint-2.safetensors'));
    expect(code).toBe(0);
    expect(decided(folder)).toEqual(decided(whole));
    expect((await runReparam('verify', folder)).code).toBe(0);
  });

  it('a file without its checksum, cut, empty, missing, or of another step is no whole one', async () => {
    const name = 'checkpoint-4.safetensors';
    const file = path.join(whole, name);
    const { tensors } = readSafetensors({ name, bytes: readFileSync(file) });
    const bytes = readFileSync(file);
    for (const wrong of [
      writeSafetensors(tensors),
      bytes.subarray(0, 1000),
      new Uint8Array(0),
      undefined,
      readFileSync(path.join(whole, 'checkpoint-2.safetensors')),
    ]) {
      const folder = copy();
      if (wrong === undefined) rmSync(path.join(folder, name));
      else writeFileSync(path.join(folder, name), wrong);
      const { code, err } = await resume(folder);
      expect([code, err]).toEqual([0, expect.stringMatching(oneLine(`${name} .*going on from checkpoint-2`))]);
      expect(decided(folder)).toEqual(decided(whole));
    }
  }, 60_000);

  it('both: one line that names them, exit code 1, and nothing is changed', async () => {
    const folder = copy();
    flip(folder, 'checkpoint-2.safetensors');
    flip(folder, 'checkpoint-4.safetensors');
    const before = content(folder);
    const { code, err } = await resume(folder);
    expect([code, err]).toEqual([
      1,
      expect.stringMatching(oneLine('no checkpoint .*checkpoint-2.*checkpoint-4.*Nothing was changed')),
    ]);
    expect(content(folder)).toEqual(before);
  });

  it.each([
    ['a step of NaN', 'step', [1], Float64Array.of(NaN), 'step is NaN'],
    ['a step of -3', 'step', [1], Float64Array.of(-3), 'step is -3'],
    ['a step of 31.5', 'step', [1], Float64Array.of(31.5), 'step is 31.5'],
    ['a step beyond the run', 'step', [1], Float64Array.of(5), 'holds step 5'],
    ['more counted steps than an epoch has', 'epoch', [3], Float64Array.of(0, 0, 3), 'epoch of the saved state is 3'],
    ['another size of a weight', 'supernet.classifier.bias', [9], new Float32Array(9), 'classifier.bias has shape \\[9\\]'],
    ['another size of a momentum', 'weight_optimizer.0.momentum_buffer', [2], new Float32Array(2), 'does not fit'],
  ])('with %s, under a right checksum, is refused by name', async (_what, tensor, shape, data, why) => {
    const folder = copy();
    const name = 'checkpoint-4.safetensors';
    const file = path.join(folder, name);
    const { tensors, metadata } = readSafetensors({ name, bytes: readFileSync(file) });
    expect(tensors).toHaveProperty([tensor]);
    const { 'reparam.sha256': _, 'reparam.checksum': __, ...rest } = metadata;
    writeFileSync(file, writeCheckedSafetensors({ ...tensors, [tensor]: { shape, data } }, rest));
    // No list vouches for it, as if it had come by itself.
    rmSync(path.join(folder, LIST));
    rmSync(path.join(folder, 'checkpoint-2.safetensors'));
    const { code, err } = await resume(folder);
    expect([code, err]).toEqual([1, expect.stringMatching(oneLine(`${name}.*${why}`))]);
  });

  it('a damaged list is said, and the checkpoints are judged by their own checksums', async () => {
    const folder = copy();
    flip(folder, LIST);
    flip(folder, 'checkpoint-4.safetensors');
    expect((await runReparam('verify', folder)).code).toBe(1);
    const { code, err } = await resume(folder);
    expect([code, err]).toEqual([0, expect.stringMatching(/files.json is damaged.*\n.*checkpoint-4.*going on from checkpoint-2/)]);
    expect(decided(folder)).toEqual(decided(whole));
  });
});

describe('another run', () => {
  it.each([
    ['seed', '"seed": 5', '"seed": 6', 'search.seed is 6, where the checkpoint has 5'],
    ['batch size', '"batchSize": 32', '"batchSize": 16', 'search.batchSize is 16, where the checkpoint has 32'],
    ['fewer epochs', '"epochs": 2', '"epochs": 1', 'search.epochs is 1, where the checkpoint has 2: it may only be raised'],
    ['strategy', '"strategy": "snas"', '"strategy": "gdas"', 'strategy is "gdas", where the checkpoint has "snas"'],
  ])('with another %s in its config is refused, naming what differs, and nothing is changed', async (_what, from, to, why) => {
    const folder = copy();
    edit(folder, 'config.json', (text) => text.replace(from, to));
    const before = content(folder);
    expect(await resume(folder)).toMatchObject({ code: 1, err: expect.stringMatching(oneLine(why)) as string });
    expect(content(folder)).toEqual(before);
  });

  it('with another data folder or other images in it is refused, naming the folder', async () => {
    const other = writeIdxFolder(path.join(scratch, 'other-data'), 96, 32);
    const moved = copy();
    edit(moved, 'config.json', (text) => text.replace(data, other));
    expect(await resume(moved)).toMatchObject({
      code: 1,
      err: expect.stringMatching(oneLine(`data is ${other}.*${data}`)) as string,
    });
    const folder = path.join(scratch, 'changed');
    expect(await runReparam(...tinyArgs(other, folder))).toMatchObject({ code: 0 });
    const images = path.join(other, 't10k-images-idx3-ubyte');
    writeFileSync(images, flipped(readFileSync(images), 100));
    expect(await resume(folder)).toMatchObject({ code: 1, err: expect.stringMatching(oneLine(`images in ${other}`)) as string });
  });

  it.each([
    ['--lr', '1'],
    ['--seed', '6'],
    ['--epochs', '1'],
    ['--batch-size', '16'],
    ['--strategy', 'gdas'],
    ['--crop', '2'],
    ['--out', 'elsewhere'],
    ['--data', 'mnist'],
    ['--device', 'webgpu'],
    ['--train-images', '0.5'],
    ['--preset', 'paper'],
  ])('%s %s beside --resume is refused as a flag that cannot hold', async (flag, value) => {
    expect(await resume(whole, flag, value)).toMatchObject({
      code: 2,
      err: expect.stringMatching(oneLine(`${flag} ${value} cannot hold with --resume`)) as string,
    });
  });

  it('flags that say what the run has are taken', async () => {
    const folder = copy();
    const flags = ['--seed', '5', '--device', 'cpu', '--data', data, '--out', folder, '--batch-size', '32', '--crop', '0'];
    expect(await resume(folder, ...flags)).toMatchObject({ code: 0, err: '' });
  });

  it.each([
    ['another Node', '"node": "v20', '"node": "v18', 'Node v18'],
    ['another device', cpu({ dtype: 'float32' }).name, 'NVIDIA H100', 'device NVIDIA H100, now cpu float32'],
  ])('begun on %s is continued, which is said in one line', async (_what, from, to, said) => {
    const folder = copy();
    edit(folder, 'config.json', (text) => text.replace(from, to));
    expect(await resume(folder)).toMatchObject({ code: 0, err: expect.stringMatching(oneLine(said)) as string });
  });

  it.each([
    ['a million nodes', '"nodes": 1', '"nodes": 1000000', 'config.json: network: '],
    ['huge channels', '"channels": 2', '"channels": 1000000', 'config.json: network: '],
    ['channels beyond any array', '"channels": 2', '"channels": 1e15', 'config.json: network: '],
    ['a million cells', '"cells": 2', '"cells": 1000000', 'config.json: network: '],
    ['a billion classes', '"classes": 10', '"classes": 1000000000', 'config.json does not fit .*space.classes is 1000000000'],
  ])('a config with %s is refused in one line before memory is asked for', async (_what, from, to, why) => {
    const folder = copy();
    edit(folder, 'config.json', (text) => text.replace(from, to));
    const before = process.memoryUsage.rss();
    const started = performance.now();
    expect(await resume(folder)).toMatchObject({
      code: 1,
      err: expect.stringMatching(oneLine(why)) as string,
    });
    expect(process.memoryUsage.rss() - before).toBeLessThan(100 * 2 ** 20);
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

describe('metrics.jsonl', () => {
  it.each([
    ['in its last line', (text: string) => text.slice(0, -30)],
    ['before its last newline', (text: string) => text.slice(0, -1)],
    ['at the end of its first line', (text: string) => text.slice(0, text.indexOf('\n') + 1)],
    ['to nothing', () => ''],
  ])('cut %s: said, the epoch is computed again, and the figures are those of the unbroken run', async (_what, cut) => {
    const folder = copy();
    edit(folder, 'metrics.jsonl', cut);
    const { code, err } = await resume(folder);
    expect([code, err]).toEqual([0, expect.stringMatching(/^(reparam: note: [^\n]*metrics.jsonl[^\n]*\n)+$/)]);
    const figures = cut('a\n') === '' ? ['metrics.jsonl', 'curves.svg'] : [];
    const without = (all: Record<string, string>): unknown => Object.entries(all).filter(([name]) => !figures.includes(name));
    expect(without(decided(folder))).toEqual(without(decided(whole)));
  });

  it.each([
    ['is cut', (line: string) => line.slice(0, 40), 'line 1 is not JSON'],
    ['lacks a figure', (line: string) => line.replace('"loss"', '"lost"'), 'line 1 is not the figures of an epoch \\(loss'],
    ['is of a later epoch', (line: string) => line.replace('"epoch":0', '"epoch":7'), 'line 2 is of epoch 1 after one of epoch 7'],
  ])('whose first of two lines %s is refused by line number', async (_what, change, why) => {
    const folder = copy();
    edit(folder, 'metrics.jsonl', (text) => [change(text.split('\n')[0]!), ...text.split('\n').slice(1)].join('\n'));
    expect(await resume(folder)).toMatchObject({ code: 1, err: expect.stringMatching(oneLine(`metrics.jsonl: ${why}`)) as string });
  });

  it('with another digit in a figure is said', async () => {
    const folder = copy();
    edit(folder, 'metrics.jsonl', (text) => text.replace(/"loss":\d/, '"loss":9'));
    expect(await resume(folder)).toMatchObject({
      code: 0,
      err: expect.stringMatching(oneLine('is not what this run wrote')) as string,
    });
  });
});

it('epochs may be raised: it is said, the schedules are those of the longer run from there on, and further kills change nothing', async () => {
  const folder = copy();
  const { code, err } = await resume(folder, '--epochs', '4');
  // Temperature from 1 to 0.05 over 8 steps, linear; learning rate from 0.1 to 0.001, half a cosine: at step 4.
  const temperature = 1 - (0.95 * 4) / 7;
  const lr = 0.001 + (0.099 * (1 + Math.cos((Math.PI * 4) / 8))) / 2;
  expect(err).toMatch(oneLine(`epochs 2 -> 4.*temperature ${temperature.toPrecision(3)}, learning rate ${lr.toPrecision(3)}`));
  expect(code).toBe(0);
  const lines = readFileSync(path.join(folder, 'metrics.jsonl'), 'utf8').trim().split('\n');
  const metrics = lines.map((line) => JSON.parse(line) as { temperature: number; lr: number; step: number });
  expect(metrics.map(({ step }) => step)).toEqual([2, 4, 6, 8]);
  expect(metrics[2]!.temperature).toBeCloseTo(temperature, 12);
  expect(metrics[2]!.lr).toBeCloseTo(lr, 12);
  const again = copy();
  cpSync(folder, again, { recursive: true, force: true });
  flip(again, 'checkpoint-8.safetensors');
  expect((await resume(again)).code).toBe(0);
  expect(decided(again)).toEqual(decided(folder));
});

it('a folder with a format to come is refused in one line', async () => {
  const folder = copy();
  edit(folder, 'config.json', (text) => text.replace('"format": 3', '"format": 4'));
  expect(await resume(folder)).toMatchObject({
    code: 1,
    err: expect.stringMatching(oneLine('format 4 are not continued.*take the version')) as string,
  });
});

// Made by the code of 7fcbd0f with the flags of `tinyArgs`, and stopped after its first epoch; and by that of 0923cf3 with those flags,
// one epoch, MNIST and --credits every=2.
describe.each([1, 2])('a folder of format %i', (format) => {
  const fixture = fileURLToPath(new URL(`../../../golden/run-format-${format}`, import.meta.url));
  const old = (): string => {
    const folder = path.join(scratch, `old-${copies++}`);
    cpSync(fixture, folder, { recursive: true });
    return folder;
  };

  it('is refused on --resume by its number, with the way out in the same line, and nothing is changed', async () => {
    const folder = old();
    const before = content(folder);
    expect(await resume(folder)).toMatchObject({
      code: 1,
      err: expect.stringMatching(
        oneLine(`config.json: run folders of format ${format} are not continued.*train --genotype`),
      ) as string,
    });
    expect(content(folder)).toEqual(before);
  });

  it('is verified file by file, and a flip in its checkpoint is found', async () => {
    const folder = old();
    const { code, out } = await runReparam('verify', folder);
    expect([code, out]).toEqual([0, expect.stringMatching(new RegExp(`config.json .*run folder of format ${format}`))]);
    if (format === 1) return;
    flip(folder, 'checkpoint-2.safetensors');
    expect(await runReparam('verify', folder)).toMatchObject({
      code: 1,
      out: expect.stringMatching(/checkpoint-2.safetensors +.*damaged/) as string,
    });
  });

  it('has a genotype that is trained and drawn', async () => {
    const out = path.join(scratch, `trained-${format}`);
    const flags = ['--preset', 'smoke', '--device', 'cpu', '--data', data, '--train-images', '32', '--epochs', '1', '--quiet'];
    const folder = old();
    expect(await runReparam('train', '--genotype', folder, ...flags, '--out', out)).toMatchObject({ code: 0, err: '' });
    const names = readdirSync(out);
    expect(names.filter((name) => name.endsWith('.svg') && /normal|reduc/.test(name))).toHaveLength(2);
    const { genotype } = JSON.parse(readFileSync(path.join(folder, 'genotype.json'), 'utf8')) as { genotype: unknown };
    const { cells } = JSON.parse(readFileSync(path.join(out, 'result.json'), 'utf8')) as { cells: { genotype: unknown }[] };
    expect(cells[0]!.genotype).toEqual(genotype);
  });
});
