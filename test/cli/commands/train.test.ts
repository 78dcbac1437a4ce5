/** @file `reparam train`: where genotypes come from, what a training leaves, and how it refuses. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { genotypeFromSource } from '../../../src/cli/shared/genotype-source.ts';
import { UsageError } from '../../../src/command/usage-error.ts';
import { DataFileError } from '../../../src/contract/errors.ts';
import { readSafetensors } from '../../../src/export/index.ts';
import { childSize, genotype, PUBLISHED_LITERALS, PUBLISHED_NAMES } from '../../../src/snas/index.ts';
import { writeIdxFolder } from '../../support/idx-folder.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const scratch = mkdtempSync(path.join(tmpdir(), 'reparam-train-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const data = writeIdxFolder(path.join(scratch, 'data'), 64, 32);

/** A folder as a search leaves it, as far as its genotype goes. */
const found = path.join(scratch, 'found');
mkdirSync(found);
writeFileSync(
  path.join(found, 'genotype.json'),
  JSON.stringify({ literal: PUBLISHED_LITERALS.DARTS_V1, genotype: genotype('DARTS_V1'), validationAccuracy: 0.9 }),
);

function train(...args: string[]): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const tsx = path.join(root, 'node_modules/tsx/dist/cli.mjs');
  const command = [tsx, 'src/cli/main.ts', 'train', '--preset', 'smoke', '--device', 'cpu', '--data', data, ...args];
  return spawnSync(process.execPath, command, { cwd: root, encoding: 'utf8', timeout: 110_000 });
}

describe('the source of a genotype', () => {
  const random = { seed: 1, draw: 0, nodes: 3 };
  const read = (source: string): unknown => genotypeFromSource(source, random).genotype;

  it('is a published name, its literal, JSON, a file of either, or the folder of a search: all give the same cell', () => {
    for (const name of PUBLISHED_NAMES) {
      const expected = genotype(name);
      const file = path.join(scratch, `${name}.txt`);
      writeFileSync(file, PUBLISHED_LITERALS[name]);
      for (const source of [name, PUBLISHED_LITERALS[name], JSON.stringify(expected), file]) expect(read(source)).toEqual(expected);
      expect(genotypeFromSource(name, random).name).toBe(name);
      expect(genotypeFromSource(file, random).name).toBe(name);
    }
    for (const source of [found, path.join(found, 'genotype.json')]) expect(read(source)).toEqual(genotype('DARTS_V1'));
    expect(genotypeFromSource(found, random).name).toBe('found');
  });

  it('random is another cell for another seed or draw, and the same for the same', () => {
    const draw = (change: Partial<typeof random>): unknown => genotypeFromSource('random', { ...random, ...change }).genotype;
    expect(draw({})).toEqual(draw({}));
    expect(draw({ seed: 2 })).not.toEqual(draw({}));
    expect(draw({ draw: 1 })).not.toEqual(draw({}));
    expect(draw({})).toHaveProperty('normal.length', 9);
  });

  it('is refused with the names there are, the place in a literal, or the file at fault', () => {
    expect(() => read('SNAS_gentle')).toThrow(UsageError);
    expect(() => read('SNAS_gentle')).toThrow(/SNAS_gentle.*DARTS_V1, DARTS_V2, SNAS_mild, SNAS_moderate, SNAS_aggressive/);
    expect(() => read('Genotype(normal=[')).toThrow(UsageError);
    expect(() => read('Genotype(normal=[')).toThrow(/--genotype: .*line 1, column 18/);
    expect(() => read(data)).toThrow(DataFileError);
    expect(() => read(data)).toThrow(/holds no genotype.json/);
    const broken = path.join(scratch, 'broken.json');
    writeFileSync(broken, '{"genotype": {"normal": 3}}');
    expect(() => read(broken)).toThrow(DataFileError);
    expect(() => read(broken)).toThrow(/broken\.json.*normal must be an array/);
  });
});

describe('reparam train', () => {
  it('leaves for each cell its size, test error, weights and pictures, prints them as a table, and gives the same figures again', () => {
    const run = (out: string): Record<string, unknown>[] => {
      const { status, stdout, stderr } = train('--genotype', 'SNAS_aggressive', found, 'SNAS_aggressive', '--out', out);
      expect([status, stderr.includes('reparam:')]).toEqual([0, false]);
      for (const name of ['SNAS_aggressive', 'found', 'SNAS_aggressive-2'])
        expect(stdout).toMatch(new RegExp(`^${name} +[\\d,]+ +[\\d,]+ +\\d+\\.\\d\\d$`, 'm'));
      const result = JSON.parse(readFileSync(path.join(out, 'result.json'), 'utf8')) as { cells: Record<string, unknown>[] };
      return result.cells.map(({ seconds: _, ...cell }) => cell);
    };
    const out = path.join(scratch, 'once');
    const cells = run(out);
    const config = { channels: 2, cells: 3, stemStride: 2, classes: 10, inChannels: 1, imageSide: 8 } as const;
    for (const [i, name] of (['SNAS_aggressive', 'DARTS_V1'] as const).entries()) {
      const { parameters, multiplyAdds, testError, epochs } = cells[i]!;
      expect({ parameters, multiplyAdds }).toEqual(childSize(genotype(name), config));
      // A count of 32 images.
      expect(Number.isInteger((testError as number) * 32)).toBe(true);
      expect(epochs).toHaveLength(1);
    }
    // The same cell again is the same training under another name, with files of its own.
    expect(cells[2]).toEqual({ ...cells[0], name: 'SNAS_aggressive-2' });
    expect(existsSync(path.join(out, 'SNAS_aggressive-2.safetensors'))).toBe(true);
    const file = path.join(out, 'found.safetensors');
    const { tensors } = readSafetensors({ name: file, bytes: readFileSync(file) });
    expect(tensors['classifier.weight']?.shape[0]).toBe(10);
    expect(readFileSync(path.join(out, 'found-normal.svg'), 'utf8')).toContain('</svg>');
    expect(run(path.join(scratch, 'twice'))).toEqual(cells);
  }, 200_000);

  it('does not overwrite a result', () => {
    const out = path.join(scratch, 'kept');
    mkdirSync(out);
    writeFileSync(path.join(out, 'result.json'), 'kept');
    const { status, stderr } = train('--genotype', 'DARTS_V1', '--out', out);
    expect([status, stderr]).toEqual([1, expect.stringContaining('holds a result already')]);
    expect(readFileSync(path.join(out, 'result.json'), 'utf8')).toBe('kept');
  });

  it('ends with code 1 and the cure where the loss is not finite, and leaves no result', () => {
    const out = path.join(scratch, 'diverged');
    const { status, stderr } = train('--genotype', 'DARTS_V1', '--lr', '1e9', '--epochs', '3', '--out', out);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/reparam: trainChild: the loss is .*lower the learning rate/)]);
    expect(existsSync(path.join(out, 'result.json'))).toBe(false);
  });

  it.each([
    [['--genotype', 'NOBODY'], "--genotype 'NOBODY' is no published name"],
    [['--genotype', 'DARTS_V1', '--train-images', '65'], '--train-images 65 is more than the 64'],
    [['--genotype', 'DARTS_V1', '--train-images', '31'], '--train-images 31 is less than one batch (--batch-size 32)'],
    [['--genotype', 'DARTS_V1', '--drop-path', '1'], '--drop-path'],
    [[], '--genotype'],
  ])('%j ends with code 2 and names the flag', (args, message) => {
    const { status, stderr } = train(...args);
    expect([status, stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});
