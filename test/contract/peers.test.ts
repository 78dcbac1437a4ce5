/** @file A peer that is not there is told from one that is there and broken, by the errors that Node itself makes. */
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { findPeersBy, loadPeer } from '../../src/contract/peers.ts';

const nowhere = { load: async (): Promise<undefined> => undefined, where: (): string => ' (looked for everywhere)' };

afterEach(() => findPeersBy(nowhere));

const missing = async (): Promise<never> => {
  throw new Error("Cannot find package 'dawn' imported from /home/me/reparam.js");
};

it('is missing where it is found nowhere, and says where it was looked for', async () => {
  findPeersBy(nowhere);
  expect(await loadPeer('dawn', missing)).toMatchObject({ state: 'missing', where: ' (looked for everywhere)' });
});

it('is what the finder finds where the runtime finds none', async () => {
  findPeersBy({ ...nowhere, load: async (name) => ({ name }) });
  expect(await loadPeer<unknown>('dawn', missing)).toEqual({ state: 'loaded', module: { name: 'dawn' } });
});

it('is broken where the finder finds one that does not load', async () => {
  const cause = new Error('wrong ELF class');
  findPeersBy({
    ...nowhere,
    load: async () => {
      throw cause;
    },
  });
  expect(await loadPeer('dawn', missing)).toEqual({ state: 'broken', cause });
});

it('the runtime comes first: a finder is not asked for what is there', async () => {
  findPeersBy({ ...nowhere, load: async () => 'another' });
  expect(await loadPeer('dawn', async () => 'mine')).toEqual({ state: 'loaded', module: 'mine' });
});

it('Node: not installed is missing; a binary, a file or a dependency of it that is not there, or a mistake in it, is broken', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'reparam-peers-'));
  const packages: Readonly<Record<string, string>> = {
    binary: "import { createRequire } from 'node:module'; createRequire(import.meta.url)('./dist/linux/dawn.node');",
    file: "import './gone.js';",
    dependency: "import 'gone';",
    mistake: 'nothing.at.all;',
    whole: 'export const answer = 42;',
  };
  for (const [name, code] of Object.entries(packages)) {
    const at = path.join(folder, 'node_modules', name);
    await mkdir(at, { recursive: true });
    await writeFile(path.join(at, 'package.json'), JSON.stringify({ name, type: 'module', main: 'index.js' }));
    await writeFile(path.join(at, 'index.js'), code);
  }
  const names = [...Object.keys(packages), 'absent', '@scoped/absent'];
  await writeFile(
    path.join(folder, 'ask.mjs'),
    `for (const name of ${JSON.stringify(names)})
       await import(name).then(() => console.log(JSON.stringify('')), (error) => console.log(JSON.stringify(error.message)));`,
  );
  const { stdout } = spawnSync(process.execPath, ['ask.mjs'], { cwd: folder, encoding: 'utf8' });
  const messages = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as string);
  const states = await Promise.all(
    names.map(async (name, i) => {
      const load = async (): Promise<void> => {
        if (messages[i] !== '') throw new Error(messages[i]);
      };
      return `${name}: ${(await loadPeer(name, load)).state}`;
    }),
  );
  await rm(folder, { recursive: true });
  expect(states).toEqual([
    'binary: broken',
    'file: broken',
    'dependency: broken',
    'mistake: broken',
    'whole: loaded',
    'absent: missing',
    '@scoped/absent: missing',
  ]);
});
