/** @file expectGradient in vitest, jest and node:test: a right gradient passes, a planted fault fails with the whole message. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
let folder: string;

/** `reparam/testing` as JavaScript, and one test file for each runner, in a folder of their own. */
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'reparam-runners-'));
  await symlink(path.join(root, 'node_modules'), path.join(folder, 'node_modules'), 'dir');
  await build({
    configFile: false,
    logLevel: 'error',
    build: {
      outDir: folder,
      emptyOutDir: false,
      minify: false,
      lib: {
        entry: {
          testing: path.join(root, 'src/testing/index.ts'),
          properties: path.join(root, 'src/testing/properties/index.ts'),
        },
        formats: ['es'],
        fileName: (_, name) => `${name}.js`,
      },
      rolldownOptions: { external: ['fast-check', 'webgpu'] },
    },
  });
  await writeFile(path.join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  await writeFile(path.join(folder, 'jest.config.json'), '{ "testMatch": ["**/jest.test.js"], "transform": {}, "rootDir": "." }\n');
  await writeFile(path.join(folder, 'vitest.config.js'), "export default { test: { include: ['vitest.test.js'] } };\n");
  for (const [runner, header] of [
    ['jest', ''],
    ['vitest', "import { it } from 'vitest';\n"],
    ['node', "import { it } from 'node:test';\n"],
  ]) {
    await writeFile(
      path.join(folder, `${runner}.test.js`),
      `${header}import fc from 'fast-check';
import { expectGradient } from './testing.js';
import { realNumbers } from './properties.js';
const energy = (x, k) => x.reduce((sum, v) => sum + k * v * v, 0);
const right = (x, k) => [x.map((v) => 2 * k * v), x.reduce((sum, v) => sum + v * v, 0)];
const wrong = (x, k) => [x.map((v, i) => (i === 1 ? k * v : 2 * k * v)), x.reduce((sum, v) => sum + v * v, 0)];
it('right', async () => {
  await expectGradient(energy, right, [[1.25, -2.5], 3]);
});
it('wrong', async () => {
  await expectGradient(energy, wrong, [[1.25, -2.5], 3]);
});
it('wrong in a case', async () => {
  await expectGradient(energy, wrong, fc.tuple(realNumbers({ min: 1, max: 4 }), fc.integer({ min: 2, max: 5 })), { seed: 7 });
});
`,
    );
  }
}, 120_000);

afterAll(async () => {
  await rm(folder, { recursive: true });
});

function run(...args: string[]): { readonly code: number | null; readonly text: string } {
  const env = { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1', FORCE_COLOR: '0', CI: '1' };
  // Inside vitest's worker these would tell another runner that it is one too.
  for (const name of ['VITEST', 'VITEST_WORKER_ID', 'VITEST_POOL_ID', 'NODE_TEST_CONTEXT'])
    delete (env as Record<string, unknown>)[name];
  const child = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', timeout: 100_000, env });
  return { code: child.status, text: child.stdout + child.stderr };
}

describe.each([
  ['vitest', ['node_modules/vitest/vitest.mjs', 'run', '--root', '.'], 'vitest.test.js'],
  ['jest', ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js', '--config', 'jest.config.json'], 'jest.test.js'],
  ['node:test', ['--test', 'node.test.js'], 'node.test.js'],
] as const)('in %s', (_, args, file) => {
  it('one test passes and two fail, with component, both values, uncertainty, smallest input, replaying line and the line of the test', () => {
    const { code, text } = run(...args);
    expect(code).toBe(1);
    expect(text).toMatch(/(1 passed|pass 1)/);
    expect(text).toMatch(/(2 failed|fail 2)/);
    for (const part of [
      /energy: wrong derivative/,
      /component +input 0 \(x\)\[1\]/,
      /analytic +1( \+- \S+)?\n/,
      /numeric +2\.?\d* \+- \d\.\de-\d+/,
      /smallest +\[\[0, 1\], 1\]\n/,
      /smallest +\[\[0, 1\], 1\] \(after \d+ shrinks\)/,
      /replay +await checkGradFunction\(energy, wrong, \[\[0, 1\], 1\], \{ seed: 0, shrink: false \}\)/,
    ]) {
      expect(text).toMatch(part);
    }
    // Where the test calls it, not where the checker threw.
    expect(text).toContain(`${file}:`);
    expect(text).not.toMatch(/at .*testing\.js/);
  }, 120_000);
});
