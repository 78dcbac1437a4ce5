/**
 * @file Makes src/backends/webgpu/shaders.gen.ts from shaders/, so that the same strings are used by tsx, vitest, the published package and
 * a bundled page, with no loader. The module is not in git: every npm script that runs the sources calls this first, and the file is
 * written only where its content is not what it should be.
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

/** Makes the module where it is missing or stale. Files in shaders/shared are only included. */
export function makeShaders() {
  const files = readdirSync(new URL('shaders/', root), { recursive: true })
    .map((file) => String(file).replaceAll('\\', '/'))
    .filter((file) => file.endsWith('.wgsl') && !file.startsWith('shared/'))
    .sort();
  const text = moduleOf(files.map((file) => compileShader(file, (path) => readIfThere(new URL(`shaders/${path}`, root)))));
  if (readIfThere(target) === text) return;
  // Another process may make it at the same time: whoever reads it finds one whole file or another.
  const unfinished = `${target}.${process.pid}`;
  writeFileSync(unfinished, text);
  renameSync(unfinished, target);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    makeShaders();
  } catch (error) {
    if (!(error instanceof WgslError)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}
