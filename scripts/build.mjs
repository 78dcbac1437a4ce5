/** @file `npm run build`: shaders into their module, then TypeScript into an empty dist/. */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));

function node(...args) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

node('scripts/shaders.mjs');
// What an earlier build left behind must not be packed.
rmSync(path.join(root, 'dist'), { recursive: true, force: true });
node('node_modules/typescript/bin/tsc', '--project', 'tsconfig.build.json');
