/** @file `npm run build`: shaders into their module, then TypeScript into an empty dist/. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
// The one source that is JavaScript.
const worker = 'backends/wasm/threads/reparam-worker.js';
copyFileSync(path.join(root, 'src', worker), path.join(dist, worker));

/**
 * The compiler wraps the import of a computed name in a helper of its own, in case that it is a relative path to a .ts file, which ours never
 * are. The helper hides the comments that bundlers look for, and rollup warns of it: `import(helper(name))` becomes `import(name)`.
 */
function unwrapImports() {
  const helper = '__rewriteRelativeImportExtension';
  for (const name of readdirSync(dist, { recursive: true })) {
    const file = path.join(dist, String(name));
    if (!file.endsWith('.js')) continue;
    let code = readFileSync(file, 'utf8');
    if (!code.includes(helper)) continue;
    code = code.replace(new RegExp(`^var ${helper} =[^]*?\\n};\\n`, 'm'), '');
    const call = `import(${helper}(`;
    for (let at = code.indexOf(call); at >= 0; at = code.indexOf(call)) {
      const end = closing(code, at + call.length);
      code = `${code.slice(0, at)}import(${code.slice(at + call.length, end)}${code.slice(end + 1)}`;
    }
    if (code.includes(helper)) throw new Error(`${file}: ${helper} is used in a way that scripts/build.mjs does not know`);
    writeFileSync(file, code);
  }
}

/** Where the parenthesis closes that is open before `at`. */
function closing(code, at) {
  for (let depth = 1; ; at++) {
    if (code[at] === '(') depth++;
    else if (code[at] === ')' && --depth === 0) return at;
    else if (code[at] === undefined) throw new Error('a parenthesis is not closed');
  }
}
