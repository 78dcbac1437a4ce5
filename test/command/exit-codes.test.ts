/** @file What the world does to a command: one line without a stack trace, and the exit codes that the documents list. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { EXIT } from '../../src/command/exit-codes.ts';
import { FolderLock } from '../../src/command/folder-lock.ts';
import { writeIdxFolder } from '../support/idx-folder.ts';
import { runReparam } from '../support/run-reparam.ts';
import { tinyArgs } from '../support/tiny-run.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const scratch = mkdtempSync(path.join(tmpdir(), 'reparam-exit-'));
const data = writeIdxFolder(path.join(scratch, 'data'), 96, 32);
const mounted: string[] = [];
afterEach(() => {
  for (const folder of mounted.splice(0)) spawnSync('umount', [folder]);
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** A folder on a file system of its own; undefined where this process may not mount. */
function mount(name: string, options: string): string | undefined {
  const folder = path.join(scratch, name);
  mkdirSync(folder);
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'none', folder]).status !== 0) return undefined;
  mounted.push(folder);
  return folder;
}

function expectOneLine(err: string, line: RegExp): void {
  expect(err).toMatch(line);
  expect(err).not.toContain('    at ');
  expect(err.trimEnd().split('\n')).toHaveLength(1);
}

const train = (out: string): string[] =>
  `train --preset smoke --device cpu --genotype random --nodes 1 --cells 1 --channels 2 --epochs 1 --quiet --data ${data} --out ${out}`.split(
    ' ',
  );

describe.each([
  ['search', (out: string) => tinyArgs(data, out)],
  ['train', train],
])('%s', (_name, args) => {
  it('into a place where no folder can be made is refused in one line', async () => {
    const { code, err } = await runReparam(...args('/proc/x'));
    expect(code).toBe(EXIT.failed);
    expectOneLine(err, /^reparam: cannot make the folder \/proc\/x: /);
  });

  it('into what is a file is refused in one line', async () => {
    const file = path.join(scratch, 'a-file');
    writeFileSync(file, '');
    const { code, err } = await runReparam(...args(path.join(file, 'below')));
    expect(code).toBe(EXIT.failed);
    expectOneLine(err, /^reparam: cannot make the folder .*(a part of the path is a file|something else is there already)/);
  });

  it('on a full disk and on one that can only be read is refused in one line', async (context) => {
    const full = mount(`full-${args('')[0]}`, 'size=16k');
    if (full === undefined) return context.skip();
    const onFull = await runReparam(...args(path.join(full, 'run')));
    expect(onFull.code).toBe(EXIT.failed);
    expectOneLine(onFull.err, /the disk is full \(ENOSPC\); make space/);
    const fixed = mount(`fixed-${args('')[0]}`, 'ro')!;
    const onFixed = await runReparam(...args(path.join(fixed, 'run')));
    expect(onFixed.code).toBe(EXIT.failed);
    expectOneLine(onFixed.err, /the file system can only be read \(EROFS\)/);
  });

  it('with data that are not there is refused in one line', async () => {
    const missing = path.join(scratch, 'missing');
    const { code, err } = await runReparam(...args(path.join(scratch, 'no-data')).map((a) => (a === data ? missing : a)));
    expect(code).toBe(EXIT.failed);
    expectOneLine(err, /missing/);
  });

  it('in a folder where another process is at work is refused in one line', async () => {
    const out = path.join(scratch, `locked-${args('')[0]}`);
    mkdirSync(out);
    await using _lock = await FolderLock.acquire(out);
    const { code, err } = await runReparam(...args(out));
    expect(code).toBe(EXIT.inUse);
    expectOneLine(err, /is in use by process \d+ on /);
  });
});

it('the documents list every exit code', () => {
  const text = readFileSync(path.join(root, 'docs/reliability.md'), 'utf8');
  const section = text.slice(text.indexOf('## Exit codes'), text.indexOf('## Devices'));
  const listed = [...section.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
  expect(listed).toEqual(Object.values(EXIT).sort((a, b) => a - b));
});

it('REPARAM_DEBUG=1 shows where an error came from', async () => {
  process.env['REPARAM_DEBUG'] = '1';
  try {
    const { code, err } = await runReparam('search', '--resume', path.join(scratch, 'nowhere'));
    expect(code).toBe(EXIT.failed);
    expect(err).toMatch(/holds no run[^]*\n    at /);
  } finally {
    delete process.env['REPARAM_DEBUG'];
  }
});

it('output that nobody reads ends the command in order', async () => {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', 'doctor'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let err = '';
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  child.stdout.destroy();
  expect(await once(child, 'exit')).toEqual([EXIT.brokenPipe, null]);
  expect(err).not.toContain('    at ');
});
