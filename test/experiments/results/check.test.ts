/** @file Docs say what the committed data say; a number changed in an account, in a page or in the data is found. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { differences } from '../../../experiments/results/check.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const scratch = mkdtempSync(path.join(tmpdir(), 'reparam-results-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
for (const name of ['docs', 'README.md', 'test']) {
  cpSync(path.join(root, name), path.join(scratch, name), { recursive: true, filter: (f) => !f.includes('golden') });
}

/** The files that differ when one text in one file stands in another's place. */
function changed(file: string, from: string | RegExp, to: string): string[] {
  const at = path.join(scratch, file);
  const text = readFileSync(at, 'utf8');
  const mutated = text.replace(from, to);
  expect(mutated).not.toBe(text);
  writeFileSync(at, mutated);
  try {
    return differences(scratch).map((d) => d.file);
  } finally {
    writeFileSync(at, text);
  }
}

it('every account, picture, table and quoted interval follows from docs/results/*.json', () => {
  expect(differences(root).map((d) => `${d.file}: ${d.what}`)).toEqual([]);
});

it('a number that is changed in an account, in docs/claims.md or in a page is found there', () => {
  expect(changed('docs/results/fig9.md', '0.911', '0.912')).toEqual(['docs/results/fig9.md']);
  expect(changed('docs/claims.md', '**refuted**', '**held**')).toEqual(['docs/claims.md']);
  expect(changed('docs/snas.md', '0.624 [', '0.625 [')).toEqual(['docs/snas.md']);
  expect(changed('docs/credit.md', /\[1,306,\s+2,843\]/, '[1,306, 2,844]')).toEqual(['docs/credit.md']);
});

it('one seed that is changed in the data changes the account and every page that speaks of it', () => {
  // The last parent accuracy of DARTS under the first seed.
  const found = changed('docs/results/fig9.json', /("darts-1"[^]*?"epoch": 7,[^]*?"parentAccuracy": )0\.9\d*/, '$10.1');
  for (const file of [
    'docs/results/fig9.md',
    'docs/results/fig9.svg',
    'docs/results/fig9.json',
    'docs/claims.md',
    'docs/snas.md',
  ]) {
    expect(found).toContain(file);
  }
});

it('a claim whose test is gone is an error that names the test', () => {
  const file = 'test/credit/edge.test.ts';
  expect(() => changed(file, 'credits into a node sum to -dL/dx_j . x_j', 'credits')).toThrow(
    /test\/credit\/edge.test.ts has no test 'credits into a node sum/,
  );
});
