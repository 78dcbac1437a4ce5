/** @file publint and attw find nothing to say about the packed package, and find a wrong export that is planted. */
import { spawnSync } from 'node:child_process';
import { cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { run } from '../test/support/packed-package.ts';
import { here } from './project.ts';

const projects = inject('projects');

interface Outcome {
  readonly status: number | null;
  readonly text: string;
}

function outcome(args: readonly string[]): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: projects.folder,
    encoding: 'utf8',
    timeout: 100_000,
  });
  return { status, text: `${stdout}${stderr}` };
}

const publint = (tarball: string): Outcome => outcome([path.join(here, 'node_modules/publint/src/cli.js'), '--strict', tarball]);

const attw = (tarball: string): Outcome =>
  outcome([
    path.join(here, 'node_modules/@arethetypeswrong/cli/dist/index.js'),
    tarball,
    '--profile',
    'esm-only',
    '--format',
    'ascii',
  ]);

/** The package with one entry of its exports changed, packed anew. */
async function planted(name: string, target: { readonly types: string; readonly default: string }): Promise<string> {
  const copy = path.join(projects.folder, `planted-${name}`);
  await cp(path.join(projects.withoutPeers, 'node_modules/reparam'), copy, { recursive: true });
  const file = path.join(copy, 'package.json');
  const manifest = JSON.parse(await readFile(file, 'utf8')) as { exports: Record<string, unknown> };
  manifest.exports[`./${name}`] = target;
  await writeFile(file, JSON.stringify(manifest));
  const printed = run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', copy], copy);
  return path.join(copy, printed.trim());
}

describe('the package as it is', () => {
  it('passes publint, suggestions included', () => {
    expect(publint(projects.tarball)).toEqual({ status: 0, text: expect.stringContaining('All good!') });
  });

  it('passes attw', () => {
    const { status, text } = attw(projects.tarball);
    expect([status, text]).toEqual([0, expect.stringContaining('"reparam/snas"')]);
  });
});

describe('a wrong export', () => {
  it('that has no file is found by publint', async () => {
    const { status, text } = publint(await planted('nn', { types: './dist/nn/index.d.ts', default: './dist/nn/missing.js' }));
    expect([status, text]).toEqual([1, expect.stringContaining('missing.js')]);
  });

  it('whose types have no file is found by attw', async () => {
    const { status, text } = attw(
      await planted('optim', { types: './dist/optim/missing.d.ts', default: './dist/optim/missing.js' }),
    );
    expect([status, text]).toEqual([1, expect.stringContaining('Resolution failed')]);
  });
});
