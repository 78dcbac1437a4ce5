/**
 * @file `npm run sizes`: what parts of the built package cost a page, minified by esbuild, plain and gzipped. With the folder of another
 * build (npm run sizes -- ../other/node_modules/reparam) it prints both, and exits with 1 where this one is larger.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../', import.meta.url));

const PARTS = {
  'key alone': "export { key } from 'reparam';",
  'cpu + grad + add': "export { cpu, grad, add } from 'reparam';",
  'webgpu + grad + add': "export { webgpu, grad, add } from 'reparam';",
  'whole search': "export { cpu, webgpu } from 'reparam'; export * from 'reparam/snas';",
};

/** Bytes of a part, and bytes when compressed. */
async function sizeOf(contents, folder) {
  const alias = {
    reparam: path.join(folder, 'dist/index.js'),
    'reparam/snas': path.join(folder, 'dist/snas/index.js'),
  };
  const options = { bundle: true, minify: true, format: 'esm', write: false, external: ['webgpu'], logLevel: 'error', alias };
  const { outputFiles } = await build({ ...options, stdin: { contents, resolveDir: folder } });
  const { contents: bytes } = outputFiles[0];
  return { plain: bytes.length, compressed: gzipSync(bytes, { level: 9 }).length };
}

const [other] = process.argv.slice(2);
for (const folder of [root, ...(other === undefined ? [] : [other])]) {
  if (!existsSync(path.join(folder, 'dist/index.js'))) throw new Error(`${folder} has no dist/: run npm run build there`);
}
const row = (...cells) => `| ${cells.join(' | ')} |`;
const columns = other === undefined ? ['bytes', 'gzipped'] : ['before', 'after', 'before, gzipped', 'after, gzipped'];
console.log(row('imported', ...columns));
console.log(row('---', ...columns.map(() => '---:')));
let larger = 0;
for (const [name, contents] of Object.entries(PARTS)) {
  const now = await sizeOf(contents, root);
  if (other === undefined) {
    console.log(row(name, now.plain, now.compressed));
    continue;
  }
  const before = await sizeOf(contents, path.resolve(other));
  console.log(row(name, before.plain, now.plain, before.compressed, now.compressed));
  if (now.plain > before.plain || now.compressed > before.compressed) larger++;
}
if (larger > 0) {
  console.error(`${larger} of ${Object.keys(PARTS).length} are larger than before`);
  process.exitCode = 1;
}
