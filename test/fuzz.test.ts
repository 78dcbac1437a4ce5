/** @file Every reader of what came from outside refuses damaged input by an error of its own, in one line and in time. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { campaign } from '../fuzz/campaign.ts';
import { readers } from '../fuzz/readers.ts';
import { OptionError } from '../src/contract/errors.ts';

/** Damaged inputs a reader; `npm run fuzz` tries a million. */
const INPUTS = 600;
const SEED = 20261128;

it.for(readers)('$name reads whole inputs', async ({ whole, read }) => {
  expect(whole.length).toBeGreaterThan(0);
  for (const input of whole) await read(input);
});

it.for(readers)('$name refuses damaged inputs, and reads what it does not refuse', async (reader) => {
  const { failure, inputs, refused } = await campaign(reader, { seed: SEED, inputs: INPUTS });
  expect(failure ?? '').toBe('');
  // Damage that no reader notices, or that none survives, would try nothing.
  expect([refused > INPUTS / 20, refused < inputs]).toEqual([true, true]);
});

/** Functions with a reader's name that need no row, and why. */
const NO_ROWS: Readonly<Record<string, string>> = {
  readTraits: 'reads an adapter',
  readSystem: 'reads the machine',
  loadMnist: 'opens files and calls parseIdxDataset and gunzip',
  loadIdxFolder: 'opens files and calls parseIdxDataset and gunzip',
  loadCifar10: 'opens files and calls parseCifar10',
  loadCifar100: 'opens files and calls parseCifar100',
  loadNpz: 'opens a file and calls readNpzDataset',
  loadImageFolder: 'lists files and calls readClassFolders',
  loadImageFiles: 'takes files of a page and calls readClassFolders',
  loadFolder: 'chooses between those above',
  loadData: 'chooses between those above',
  loadRun: 'opens files and calls readCreditRecords, readSafetensors and schemaOf',
  loadShown: 'calls loadData',
  readCifar: 'is what parseCifar10 and parseCifar100 have in common',
  readZipEntry: 'is called by readNpz',
  readShape: 'takes sizes',
  readingOf: 'takes flags that were parsed',
  readWeights: 'opens a file and calls readSafetensors',
  readIfThere: 'opens a file',
  readHost: 'reads the runtime',
  loadModule: 'runs a module',
  loadSpaceFile: 'calls loadModule',
  loadChild: 'takes what readSafetensors read',
  loadSearchState: 'takes what readSafetensors read',
};

it('a function that reads from outside has a row', () => {
  const src = fileURLToPath(new URL('../src', import.meta.url));
  const found = readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.gen.ts'))
    .flatMap((file) => [
      ...readFileSync(path.join(src, file), 'utf8').matchAll(
        /^export (?:async )?function ((?:read|parse|load|decode|gunzip)\w*|\w+FromJson|\w+FromText)\(/gm,
      ),
    ])
    .map(([, name]) => name!);
  expect(found.length).toBeGreaterThan(10);
  const rows = new Set([...readers.map(({ name }) => name), ...Object.keys(NO_ROWS)]);
  expect(found.filter((name) => !rows.has(name))).toEqual([]);
  expect(Object.keys(NO_ROWS).filter((name) => !found.includes(name))).toEqual([]);
});

it('a reader that fails otherwise is found: a raw error, a message of two lines, a slow input', async () => {
  const planted = (read: (n: number) => unknown): ReturnType<typeof campaign> =>
    campaign(
      {
        name: 'planted',
        share: 1,
        whole: [],
        damaged: fc.nat(1000),
        read: read as (input: unknown) => unknown,
      },
      {
        seed: SEED,
        inputs: 1000,
      },
    );
  const raw = await planted((n) => {
    if (n > 700) throw new TypeError('raw');
  });
  // Shrunk to the least input that fails.
  expect(raw.failure).toMatch(/TypeError: raw\n {2}input {2}701\n {2}replay npm run fuzz -- --reader planted --seed \d+ --path /);
  const lines = await planted((n) => {
    if (n > 700) throw new OptionError(`number\n${n}`);
  });
  expect(lines.failure).toMatch(/refused in 2 lines/);
  const slow = await planted((n) => {
    const end = performance.now() + 1100;
    if (n === 1000) while (performance.now() < end);
  });
  expect(slow.failure ?? '').toMatch(/took \d{4} ms|^$/);
  const none = await planted(() => undefined);
  expect(none).toMatchObject({ inputs: 1000, refused: 0 });
  expect(none.failure).toBeUndefined();
});
