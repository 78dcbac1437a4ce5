/** @file The packed package in Node, as module systems, runners and bundlers for Node load it: each still opens Dawn. */
import { cp, symlink } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, inject, it } from 'vitest';
import { root, run } from '../test/support/packed-package.ts';
import { here } from './project.ts';

const { withPeers: folder, withoutPeers } = inject('projects');

beforeAll(async () => {
  await cp(path.join(here, 'node'), folder, { recursive: true });
  await symlink(path.join(root, 'node_modules/vitest'), path.join(folder, 'node_modules/vitest'), 'dir');
});

const node = (...args: string[]): string => run(process.execPath, args, folder);

it.each([
  ['an ES module', ['dawn.js']],
  ['require of an ES module', ['dawn.cjs']],
  ['tsx', [path.join(root, 'node_modules/tsx/dist/cli.mjs'), 'dawn-tsx.ts']],
])('%s', (_, args) => {
  expect(node(...args)).toBe('2 4 6\n');
});

it('node:test', () => {
  expect(node('--test', '--test-reporter', 'tap', 'node-runner.js')).toMatch(/^# pass 1$/m);
});

it('vitest', () => {
  const out = node(path.join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--root', folder);
  expect(out).toMatch(/1 passed/);
});

it.each(['esm', 'cjs'])('a bundle that esbuild makes for Node as %s', (format) => {
  const file = format === 'cjs' ? 'bundle.cjs' : 'bundle.mjs';
  const options = ['--bundle', '--minify', '--platform=node', `--format=${format}`, `--outfile=${file}`];
  node(path.join(here, 'node_modules/esbuild/bin/esbuild'), format === 'cjs' ? 'dawn.cjs' : 'dawn.js', ...options);
  expect(node(file)).toBe('2 4 6\n');
});

it('without the peer, the error says what to install', () => {
  const ask = "import('reparam').then(({ webgpu }) => webgpu()).catch((error) => console.log(error.name, error.message))";
  const out = run(process.execPath, ['--eval', ask], withoutPeers);
  expect(out).toMatch(/^NoAdapterError .*npm install webgpu/);
});
