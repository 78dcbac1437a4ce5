/** @file What an error becomes on a command line: real errors of the system, each one line with what to do, and its exit code. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ReparamError } from '../../src/contract/errors.ts';
import { failureOf } from '../../src/command/failure.ts';
import { InUseError } from '../../src/command/in-use-error.ts';
import { UsageError } from '../../src/command/usage-error.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'reparam-failure-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const file = path.join(scratch, 'a-file');
writeFileSync(file, 'x');
symlinkSync('circle', path.join(scratch, 'circle'));

async function errorOf(body: () => Promise<unknown>): Promise<unknown> {
  try {
    await body();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

async function emfile(): Promise<void> {
  // A process of its own would be limited more easily, but its error could not be had here: all that are left are taken.
  const taken: number[] = [];
  try {
    for (;;) taken.push(openSync('/dev/null', constants.O_RDONLY));
  } finally {
    for (const fd of taken) closeSync(fd);
  }
}

async function started(command: string): Promise<void> {
  const [error] = (await once(spawn(command), 'error')) as [Error];
  throw error;
}

describe('an error of the system', () => {
  const linux = process.platform === 'linux';
  it.each<[string, () => Promise<unknown>, RegExp]>([
    ['ENOENT', () => readFile(path.join(scratch, 'none')), /cannot open .*none: there is no such file or folder.*check the path/],
    ['ENOENT', () => readdir(path.join(scratch, 'none')), /cannot list .*none: /],
    ['ENOENT', () => started('/nonexistent/program'), /cannot start \/nonexistent\/program: /],
    ['ENOTDIR', () => mkdir(path.join(file, 'below')), /cannot make the folder .*below: a part of the path is a file/],
    ['EISDIR', () => readFile(scratch), /cannot read.*: it is a folder and not a file/],
    ['EEXIST', () => mkdir(scratch), /cannot make the folder .*: something else is there already/],
    ['ENOTEMPTY', () => rmdir(scratch), /cannot remove .*: the folder is not empty/],
    ['ENAMETOOLONG', () => writeFile(path.join(scratch, 'n'.repeat(300)), ''), /the path is too long/],
    ['ELOOP', () => readFile(path.join(scratch, 'circle')), /the links in the path lead in a circle/],
    ...(linux
      ? ([
          ['ENOSPC', () => writeFile('/dev/full', 'x'), /cannot write.*: the disk is full.*make space.*--resume/],
          ['ENOENT', () => mkdir('/proc/x'), /cannot make the folder \/proc\/x: /],
          [
            'EXDEV',
            () => rename(file, '/dev/shm/reparam-other'),
            /cannot rename .*a-file to \/dev\/shm.*: the path leads to another/,
          ],
          ['EMFILE', emfile, /cannot open \/dev\/null: this process has too many files open.*ulimit -n/],
        ] as [string, () => Promise<unknown>, RegExp][])
      : []),
  ])('%s is one line with what to do', async (code, body, expected) => {
    const error = await errorOf(body);
    expect(error).toHaveProperty('code', code);
    const failure = failureOf(error);
    expect(failure.line).toMatch(expected);
    expect(failure.line).toContain(`(${code})`);
    expect(failure.line).not.toContain('\n');
    expect(failure.code).toBe(1);
  });

  it('of a code that nobody foresaw keeps the words of the system', () => {
    const error = Object.assign(new Error('EWEIRD: the moon is full, write'), { code: 'EWEIRD', syscall: 'write', path: '/x' });
    expect(failureOf(error)).toEqual({ line: 'cannot write /x: the moon is full, write (EWEIRD); check the path', code: 1 });
  });
});

describe('other errors that the world causes', () => {
  it('a package that is not installed names the line that installs it', async () => {
    const name = 'package-of-no-one';
    const error = await errorOf(() => import(/* @vite-ignore */ `data:text/javascript,import '${name}'`));
    // In Node's words, from a file: the error of a data: URL is another.
    const told = Object.assign(new Error(`Cannot find package '${name}' imported from /x.js`), { code: 'ERR_MODULE_NOT_FOUND' });
    expect(error).toBeInstanceOf(Error);
    expect(failureOf(told)).toEqual({ line: `the package ${name} is not installed: npm install ${name}`, code: 1 });
  });

  it.each([
    ['an array of more elements than there can be', () => new Float64Array(2 ** 53)],
    ['a buffer of more bytes than there can be', () => new ArrayBuffer(2 ** 53)],
    ['a text of more characters than there can be', () => 'x'.repeat(2 ** 30)],
  ])('%s asks for less', async (_name, body) => {
    const failure = failureOf(await errorOf(async () => body()));
    expect(failure.line).toMatch(/^there is not enough memory .*ask for less/);
    expect(failure.code).toBe(1);
  });
});

describe('the exit code', () => {
  it.each([
    [new ReparamError('the loss is NaN'), 1],
    [new UsageError('--lr: no'), 2],
    [new InUseError('in use'), 3],
    [new TypeError('x is not a function'), 70],
    ['a string', 70],
  ])('of %s is %i', (error, code) => {
    expect(failureOf(error).code).toBe(code);
  });

  it('of a fault in reparam comes with the way to its trace', () => {
    expect(failureOf(new TypeError('x is not a function')).line).toMatch(
      /^TypeError: x is not.*a fault in reparam.*REPARAM_DEBUG=1/,
    );
  });
});
