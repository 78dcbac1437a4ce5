/** @file The package as `npm pack` makes it, installed in a folder outside the repository. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root: string = fileURLToPath(new URL('../../', import.meta.url));

export interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

export const manifest: Manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as Manifest;

/** What a command prints; an error with all of its output if it fails. */
export function run(command: string, args: readonly string[], cwd: string): string {
  const child = spawnSync(command, args, { cwd, encoding: 'utf8', timeout: 170_000 });
  if (child.status !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${child.status}\n${child.stdout}${child.stderr}`);
  return child.stdout;
}

/** Packs the package into a folder and installs it there, with its dependencies and none of its peers; the path of the tarball. */
export async function installPacked(folder: string): Promise<string> {
  const packed = run('npm', ['pack', '--json', '--silent', '--pack-destination', folder], root);
  // The build of prepack may print before the JSON.
  const [{ filename }] = JSON.parse(packed.slice(packed.indexOf('[\n'))) as [{ filename: string }];
  await writeFile(path.join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--silent'];
  run('npm', ['install', `./${filename}`, '--omit=optional', ...quiet], folder);
  return path.join(folder, filename);
}

/** The optional peers beside the installed package, as if the user had installed them too. */
export async function installPeers(folder: string): Promise<void> {
  await mkdir(path.join(folder, 'node_modules'), { recursive: true });
  for (const peer of Object.keys(manifest.peerDependencies)) {
    const target = path.join(folder, 'node_modules', peer);
    if (!existsSync(target)) await symlink(path.join(root, 'node_modules', peer), target, 'dir');
  }
}
