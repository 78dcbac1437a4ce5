/** @file Where kernels lie: a shader beside its launcher by name, and the same names in every backend. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { binaryOperations, unaryOperations } from '../src/contract/backend.ts';
import * as shaders from '../src/backends/webgpu/shaders.gen.ts';

const root = fileURLToPath(new URL('../', import.meta.url));

/** Files below a folder with an ending, as paths without it. */
function filesOf(folder: string, ending: string): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => file.endsWith(ending))
    .map((file) => file.slice(0, -ending.length))
    .sort();
}

const launchers = filesOf('src/backends/webgpu/kernels', '.ts').filter((file) =>
  readFileSync(path.join(root, 'src/backends/webgpu/kernels', `${file}.ts`), 'utf8').includes('kernelOf('),
);
const sources = filesOf('shaders', '.wgsl').filter((file) => !file.startsWith('shared/'));

/** What is compiled to see whether it can be, and never launched: src/backends/webgpu/runtime/trial.ts. */
const TRIALS: readonly string[] = ['subgroups-trial'];

it('every shader has a launcher of the same name, or of the name of its folder', () => {
  const launched = (shader: string): boolean => launchers.includes(shader) || launchers.includes(path.posix.dirname(shader));
  expect(sources.filter((shader) => !launched(shader))).toEqual(TRIALS);
});

it('every file that launches has a shader of its name, or a folder of them', () => {
  expect(launchers.filter((file) => !sources.some((shader) => shader === file || path.posix.dirname(shader) === file))).toEqual([]);
});

it('every shader is in the module under its own name', () => {
  expect(
    Object.values(shaders)
      .map(({ name }) => name)
      .sort(),
  ).toEqual(sources);
});

it('the shaders name the operations of the contract and no others', () => {
  expect(Object.keys(shaders.elementwiseUnary.operations).sort()).toEqual([...unaryOperations].sort());
  expect(Object.keys(shaders.elementwiseBinary.operations).sort()).toEqual([...binaryOperations].sort());
  expect(shaders.elementwiseBinaryBroadcast.operations).toEqual(shaders.elementwiseBinary.operations);
});

/** Files and folders of kernels by their names; the table of a backend apart. */
function kernelsOf(backend: string): string[] {
  return readdirSync(path.join(root, `src/backends/${backend}/kernels`))
    .map((name) => name.replace(/\.ts$/, ''))
    .filter((name) => name !== 'index');
}

describe('a file of kernels has its counterpart on WebGPU', () => {
  const webgpu = new Set(kernelsOf('webgpu'));
  it.each([
    ['cpu', 9],
    ['wasm', 8],
  ] as const)('in %s', (backend, atLeast) => {
    const kernels = kernelsOf(backend);
    expect(kernels.length).toBeGreaterThanOrEqual(atLeast);
    expect(kernels.filter((name) => !webgpu.has(name))).toEqual([]);
  });
});

/** From which file or folder a backend's table takes what it imports. */
function sourcesOfTable(backend: string): Map<string, string> {
  const table = readFileSync(path.join(root, `src/backends/${backend}/kernels/index.ts`), 'utf8');
  const imports = [...table.matchAll(/import \{([^}]*)\} from '\.\/([\w-]+)(?:\/index)?(?:\.ts)?'/g)];
  return new Map(imports.flatMap(([, names, file]) => names!.split(',').map((name) => [name.trim(), file!] as const)));
}

it('what the tables of the CPU and of WebGPU take under one name comes from files of one name', () => {
  const webgpu = sourcesOfTable('webgpu');
  const shared = [...sourcesOfTable('cpu')].filter(([name]) => webgpu.has(name));
  expect(shared.length).toBeGreaterThanOrEqual(15);
  expect(shared.filter(([name, file]) => webgpu.get(name) !== file)).toEqual([]);
});
