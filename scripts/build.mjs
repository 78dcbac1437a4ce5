/** @file `npm run build`: shaders into their module, then TypeScript into an empty dist/. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const dist = path.join(root, 'dist');

function node(...args) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

node('scripts/shaders.mjs');
// What an earlier build left behind must not be packed.
rmSync(dist, { recursive: true, force: true });
node('node_modules/typescript/bin/tsc', '--project', 'tsconfig.build.json');
unwrapImports();

/**
 * The compiler wraps `import(name)` in a helper of its own, for names that could be a relative path to a .ts file. Ours are names of
 * packages, and the helper hides the comments that bundlers look for and makes rollup warn: `import(helper(name))` becomes `import(name)`.
 */
function unwrapImports() {
  const helper = '__rewriteRelativeImportExtension';
  for (const name of readdirSync(dist, { recursive: true })) {
    const file = path.join(dist, String(name));
    if (!file.endsWith('.js')) continue;
    const code = readFileSync(file, 'utf8');
    if (!code.includes(helper)) continue;
    const unwrapped = code
      .replace(new RegExp(`^var ${helper} =[^]*?\\n};\\n`, 'm'), '')
      .replace(new RegExp(`\\bimport\\(${helper}\\(([^()]*)\\)\\)`, 'g'), 'import($1)');
    if (unwrapped.includes(helper))
      throw new Error(`${file}: an import(...) of something other than a name; scripts/build.mjs unwraps names only`);
    writeFileSync(file, unwrapped);
  }
}
