/**
 * @file `npm run test:consumers`: what other projects make of the packed package. Installs the tools of consumers/ from its lock file where
 * they are missing or old, then runs its tests; arguments go to vitest.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const folder = path.join(root, 'consumers');

function run(command, args, cwd) {
  const { status } = spawnSync(command, args, { cwd, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

const installed = path.join(folder, 'node_modules/.package-lock.json');
const lock = path.join(folder, 'package-lock.json');
if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(lock).mtimeMs)
  run('npm', ['ci', '--ignore-scripts', '--loglevel=error'], folder);
const config = path.join(folder, 'vitest.config.ts');
run(process.execPath, [path.join(root, 'scripts/test.mjs'), '--config', config, ...process.argv.slice(2)], root);
