/** @file A search that is killed at any moment is resumed, or begun anew, with the result of the unbroken run. */
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, expect, it } from 'vitest';
import { useFileSystem } from '../../../../src/files/system.ts';
import { foldIn, key, uniforms } from '../../../../src/index.ts';
import { killedAt, type Operation, watched } from '../../../support/file-systems.ts';
import { writeIdxFolder } from '../../../support/idx-folder.ts';
import { runReparam } from '../../../support/run-reparam.ts';
import { decided, tinyArgs } from '../../../support/tiny-run.ts';

const scratch = mkdtempSync(path.join(os.tmpdir(), 'reparam-kills-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
let undo = (): void => {};
afterEach(() => undo());
const data = writeIdxFolder(path.join(scratch, 'data'), 96, 32);
// A checkpoint after every step.
const args = (out: string): string[] => [...tinyArgs(data, out), '--checkpoint-minutes', '1e-9'];

it('14 kills at random moments of writing: 14 runs go on to the result of the unbroken one', async () => {
  const whole = path.join(scratch, 'whole');
  const operations: Operation[] = [];
  undo = useFileSystem(watched((operation) => void operations.push(operation)));
  expect(await runReparam(...args(whole))).toMatchObject({ code: 0, err: '' });
  undo();
  // No write goes to a file's own name, and no file gets its name before it is on the disk.
  const created = operations.filter(([name]) => name === 'create').map(([, file]) => file);
  expect(created.filter((file) => !file.endsWith('.part'))).toEqual([]);
  const unflushed = operations.filter(
    ([name, from], i) => name === 'rename' && !operations.slice(0, i).some(([n, file]) => n === 'flush' && file === from),
  );
  expect(unflushed).toEqual([]);
  const renamed = new Set(operations.filter(([name]) => name === 'rename').map(([, , to]) => to));
  const left = readdirSync(whole);
  expect(left.filter((name) => !renamed.has(name))).toEqual([]);
  expect(left.filter((name) => name.startsWith('checkpoint')).sort()).toEqual([
    'checkpoint-3.safetensors',
    'checkpoint-4.safetensors',
  ]);

  const draws = uniforms(foldIn(key(22), 0), 14);
  for (const [i, u] of [...draws].entries()) {
    const n = Math.floor(u * operations.length);
    const folder = path.join(scratch, `killed-${i}`);
    undo = useFileSystem(killedAt(n));
    expect((await runReparam(...args(folder))).code, `operation ${n}`).not.toBe(0);
    undo();
    const begun = readdirSync(scratch).includes(`killed-${i}`) && readdirSync(folder).includes('config.json');
    const resumed = begun ? await runReparam('search', '--resume', folder, '--quiet') : await runReparam(...args(folder));
    expect(resumed.code, `operation ${n}: ${resumed.err}`).toBe(0);
    expect(decided(folder), `operation ${n} of ${operations.length}`).toEqual(decided(whole));
    expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([]);
    expect((await runReparam('verify', folder)).code).toBe(0);
  }
}, 240_000);

it('killed after the folder was made and before its config, the same --out begins anew', async () => {
  const folder = path.join(scratch, 'empty');
  undo = useFileSystem(
    watched(([name, , to]) => {
      if (name === 'rename' && to === 'config.json') throw new Error('killed');
    }),
  );
  expect((await runReparam(...args(folder))).code).not.toBe(0);
  undo();
  expect(readdirSync(folder)).toContain('checkpoint-0.safetensors');
  expect(readdirSync(folder)).not.toContain('config.json');
  const copy = path.join(scratch, 'empty-copy');
  cpSync(folder, copy, { recursive: true });
  expect((await runReparam('search', '--resume', copy, '--quiet')).err).toMatch(/holds no run: there is no config.json/);
  expect(await runReparam(...args(folder))).toMatchObject({ code: 0, err: '' });
}, 60_000);
