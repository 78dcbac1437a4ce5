/** @file docs/derivation.md says what the program computes: the lines, the single switches and some combinations are made anew. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import {
  combinationTable,
  derive,
  gapTable,
  linesTable,
  singleSwitches,
  surfaceTable,
  allAssumed,
  switchTable,
} from '../../../src/credit/index.ts';
import { cpu } from '../../../src/index.ts';

const device = cpu();
/** The page as it is printed: the formatter may pad the columns. */
const plain = (text: string): string =>
  text
    .replace(/\|[ -]+\|/g, '|')
    .replace(/ +/g, ' ')
    .replace(/-{3,}/g, '---');
const page = plain(readFileSync(path.join(import.meta.dirname, '../../../docs/derivation.md'), 'utf8'));

it('docs/derivation.md has the lines, the rows of single switches, two combinations and the surface of two operations as they are computed', async () => {
  const single = await Promise.all(singleSwitches.map((switches) => derive(device, { switches })));
  const mixed = await Promise.all(
    [
      { ...allAssumed, kinks: true, crossEntropy: true },
      { ...allAssumed, tied: true, autoregressive: true, batchStatistics: true },
    ].map((switches) => derive(device, { switches })),
  );
  const rows = [
    linesTable(),
    switchTable(single),
    gapTable(single),
    combinationTable([...single, ...mixed]),
    surfaceTable(device, [2]),
  ].flatMap((text) => text.split('\n').filter((row) => !row.startsWith('| ---')));
  const missing = rows.map(plain).filter((row) => !page.includes(row));
  expect(missing).toEqual([]);
});
