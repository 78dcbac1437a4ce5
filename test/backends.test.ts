/** @file The kernels of an operation are in files of one name in all three backends. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** Files and folders of kernels by their names; the table of a backend apart. */
function kernelsOf(backend: string): string[] {
  const folder = fileURLToPath(new URL(`../src/backends/${backend}/kernels`, import.meta.url));
  return readdirSync(folder)
    .map((name) => name.replace(/\.ts$/, ''))
    .filter((name) => name !== 'index');
}

const webgpu = new Set(kernelsOf('webgpu'));

describe('a file of kernels has its counterpart on WebGPU', () => {
  it.each([
    ['cpu', 9],
    ['wasm', 8],
  ] as const)('in %s', (backend, atLeast) => {
    const kernels = kernelsOf(backend);
    expect(kernels.length).toBeGreaterThanOrEqual(atLeast);
    expect(kernels.filter((name) => !webgpu.has(name))).toEqual([]);
  });
});
