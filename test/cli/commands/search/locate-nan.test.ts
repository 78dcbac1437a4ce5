/** @file A search whose loss is not finite says in one line where that arose, and keeps its last good checkpoint. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { readSafetensors } from '../../../../src/export/index.ts';
import { writeIdxFolder } from '../../../support/idx-folder.ts';
import { runReparam } from '../../../support/run-reparam.ts';
import { tinyArgs } from '../../../support/tiny-run.ts';

const scratch = mkdtempSync(path.join(os.tmpdir(), 'reparam-locate-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const data = writeIdxFolder(path.join(scratch, 'data'), 96, 32);

// The first update makes weights of about 1e20: finite, but their squares are not in float32, and the second step takes a variance.
const DIVERGES = ['--lr', '1e20', '--clip', '1e30'];
const FOUND =
  /^reparam: search: the first number that is not finite is made in step 2: operation \d+, batchNorm\w* in supernet\.[^\n]* made [^\n]*Infinity[^\n]*\. The checkpoint of step (\d+) in [^\n]* is whole; a lower --lr \(100000000000000000000\)[^\n]*\n$/m;

it('the step and the operation are found by itself, and again by --locate-nan; no checkpoint holds a NaN', async () => {
  const out = path.join(scratch, 'run');
  // A checkpoint after every step, if it is to be one.
  const failed = await runReparam(...tinyArgs(data, out), ...DIVERGES, '--checkpoint-minutes', '1e-9');
  expect(failed.code).toBe(1);
  const lines = failed.err.trimEnd().split('\n');
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatch(/^reparam: note: search: .*not finite after step 2.*: repeating the steps from the last checkpoint/);
  expect(`${lines[1]}\n`).toMatch(FOUND);
  const checkpoints = readdirSync(out).filter((name) => name.startsWith('checkpoint-'));
  expect(checkpoints.sort()).toEqual(['checkpoint-0.safetensors', 'checkpoint-1.safetensors']);
  for (const name of checkpoints) {
    const { tensors } = readSafetensors({ name, bytes: readFileSync(path.join(out, name)) });
    for (const { data: values } of Object.values(tensors)) expect(values.every((x: number) => Number.isFinite(x))).toBe(true);
  }
  const before = readFileSync(path.join(out, 'checkpoint-1.safetensors'));
  const again = await runReparam('search', '--resume', out, '--quiet', '--locate-nan');
  expect(again.code).toBe(1);
  expect(again.err).toMatch(FOUND);
  expect(FOUND.exec(again.err)?.[1]).toBe('1');
  expect(readFileSync(path.join(out, 'checkpoint-1.safetensors'))).toEqual(before);
});

it('--locate-nan says where there is none', async () => {
  const out = path.join(scratch, 'sound');
  const { code, out: said } = await runReparam(...tinyArgs(data, out).filter((a) => a !== '--quiet'), '--locate-nan');
  expect(code).toBe(0);
  expect(said).toMatch(/^finite {5}no step up to 4 makes a NaN or an infinity$/m);
});
