/** @file Consumers' projects: the packed package installed in a folder, with its optional peers or without, and a page that uses it. */
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { installPacked, installPeers, manifest } from '../test/support/packed-package.ts';

export const here: string = import.meta.dirname;

/** Entry points that read files or start processes; every other one is for pages too. */
const NODE_ONLY: readonly string[] = ['./command', './data/node', './jobs', './package.json', './runs'];

export interface Projects {
  readonly folder: string;
  readonly tarball: string;
  /** Every optional peer is installed. */
  readonly withPeers: string;
  /** None is. */
  readonly withoutPeers: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    readonly projects: Projects;
  }
}

/** Entry points that a page imports, by the name that it writes. */
export function pageEntries(folder: string): string[] {
  // Bundlers follow the import of fast-check, which checks draw cases with.
  const needsPeer = existsSync(path.join(folder, 'node_modules/fast-check')) ? [] : ['./testing', './testing/properties'];
  return Object.keys(manifest.exports)
    .filter((entry) => !NODE_ONLY.includes(entry) && !needsPeer.includes(entry))
    .map((entry) => `reparam${entry.slice(1)}`);
}

/** The page of page/ with the entry points of the package, and what a bundler that makes no HTML needs. */
async function writePage(folder: string): Promise<void> {
  await cp(path.join(here, 'page'), folder, { recursive: true });
  const names = pageEntries(folder);
  const imports = names.map((name, i) => `import * as entry${i} from '${name}';\n`);
  const rows = names.map((name, i) => `  '${name}': entry${i},\n`);
  await writeFile(path.join(folder, 'entries.js'), `${imports.join('')}\nexport const entries = {\n${rows.join('')}};\n`);
  await writeFile(path.join(folder, 'index.html'), '<!doctype html>\n<script type="module" src="./main.js"></script>\n');
}

async function makeProjects(): Promise<Projects> {
  const folder = await mkdtemp(path.join(tmpdir(), 'reparam-consumers-'));
  const withoutPeers = path.join(folder, 'without');
  const withPeers = path.join(folder, 'with');
  const packed = path.join(folder, 'packed');
  await mkdir(packed);
  const tarball = await installPacked(packed);
  for (const project of [withoutPeers, withPeers]) {
    await cp(path.join(packed, 'node_modules'), path.join(project, 'node_modules'), { recursive: true });
    await writeFile(path.join(project, 'package.json'), '{ "private": true, "type": "module" }\n');
  }
  await installPeers(withPeers);
  for (const project of [withoutPeers, withPeers]) await writePage(project);
  return { folder, tarball, withPeers, withoutPeers };
}

let made: Projects | undefined;

/** Vitest's global setup: packed and installed once for all tests. */
export async function setup({ provide }: TestProject): Promise<void> {
  made = await makeProjects();
  provide('projects', made);
}

export async function teardown(): Promise<void> {
  if (made) await rm(made.folder, { recursive: true });
}
