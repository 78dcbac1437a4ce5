/**
 * @file Makes src/backends/webgpu/shaders.gen.ts from shaders/, so that the same strings are used by tsx, vitest, the published package and
 * a bundled page, with no loader. The module is not in git: every npm script that runs the sources calls this first, and the file is
 * written only where its content is not what it should be.
 *
 * `node scripts/shaders.mjs NAME` (npm run shaders -- elementwise/unary) prints the code of one shader as a device compiles it: each line
 * with the number that an error names, and where it stands in shaders/.
 */
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { compileShader, moduleOf, WgslError } from './wgsl.mjs';

const root = new URL('../', import.meta.url);
const target = fileURLToPath(new URL('src/backends/webgpu/shaders.gen.ts', root));

function readIfThere(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Files in shaders/shared are only included. */
function shaderFiles() {
  return readdirSync(new URL('shaders/', root), { recursive: true })
    .map((file) => String(file).replaceAll('\\', '/'))
    .filter((file) => file.endsWith('.wgsl') && !file.startsWith('shared/'))
    .sort();
}

function compile(file) {
  return compileShader(file, (path) => readIfThere(new URL(`shaders/${path}`, root)));
}

/** Makes the module where it is missing or stale. */
export function makeShaders() {
  const text = moduleOf(shaderFiles().map(compile));
  if (readIfThere(target) === text) return;
  // Another process may make it at the same time: whoever reads it finds one whole file or another.
  const unfinished = `${target}.${process.pid}`;
  writeFileSync(unfinished, text);
  renameSync(unfinished, target);
}

/** Prints a shader's lines with their numbers and origins. */
function printShader(name) {
  const file = `${name.replace(/\.wgsl$/, '')}.wgsl`;
  if (!shaderFiles().includes(file))
    throw new WgslError(file, 1, `there is no such shader; shaders/ has ${shaderFiles().join(', ')}`);
  for (const [i, { text, file: from, line }] of compile(file).lines.entries())
    console.log(`${String(i + 1).padStart(4)}  ${`${from}:${line}`.padEnd(36)} ${text}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [name] = process.argv.slice(2);
  try {
    if (name === undefined) makeShaders();
    else printShader(name);
  } catch (error) {
    if (!(error instanceof WgslError)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}
