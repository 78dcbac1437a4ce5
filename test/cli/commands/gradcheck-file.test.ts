/** @file `reparam gradcheck FILE#export` as a process: modules in JavaScript and TypeScript, right, wrong and none. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'reparam-gradcheck-'));
  await symlink(path.join(root, 'node_modules'), path.join(folder, 'node_modules'), 'dir');
  await writeFile(path.join(folder, 'package.json'), '{ "type": "module" }\n');
  await writeFile(path.join(folder, 'broken.js'), 'export const x = ;\n');
  await writeFile(
    path.join(folder, 'physics.js'),
    `export const energy = (x, k) => 0.5 * k * (x[0] ** 2 + x[1] ** 2);
export const right = (x, k) => [[k * x[0], k * x[1]], 0.5 * (x[0] ** 2 + x[1] ** 2)];
const wrong = (x, k) => [[k * x[0], -k * x[1]], 0.5 * (x[0] ** 2 + x[1] ** 2)];
export const good = { f: energy, gradF: right, inputs: [[1.5, 2.5], 3] };
export const bad = { f: energy, gradF: wrong, inputs: [[1.5, 2.5], 3] };
`,
  );
  await writeFile(
    path.join(folder, 'cubes.ts'),
    `import fc from 'fast-check';
enum Factor { One = 1 }
const f = (x: readonly number[]): number[] => x.map((v) => v ** 3 * Factor.One);
const vjpF = (x: readonly number[], g: readonly number[]): number[] => x.map((v, i) => 3 * v * v * g[i]!);
const wrong = (x: readonly number[], g: readonly number[]): number[] => x.map((v) => 3 * v * v * g[0]!);
const inputs = fc.tuple(fc.array(fc.integer({ min: -1000, max: 1000 }).map((k) => k / 512), { minLength: 1, maxLength: 4 }));
export const cube = { f, vjpF, inputs };
export const bad = { f, vjpF: wrong, inputs };
`,
  );
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

function gradcheck(file: string, ...args: string[]): { readonly code: number | null; readonly out: string; readonly err: string } {
  const command = ['node_modules/tsx/dist/cli.mjs', 'src/cli/main.ts', 'gradcheck', path.join(folder, file), ...args];
  const child = spawnSync(process.execPath, command, { cwd: root, encoding: 'utf8', timeout: 100_000 });
  return { code: child.status, out: child.stdout, err: child.stderr };
}

it('checks every case of a JavaScript module, names the component of the wrong one, and ends with code 1', () => {
  const { code, out } = gradcheck('physics.js');
  expect(out).toMatch(/^good: right, 3 derivatives at 1 point, worst /m);
  expect(out).toMatch(
    /bad: wrong derivative\n {2}component {2}input 0 \(x\)\[1\]\n {2}analytic {3}-1 \+- \S+\n {2}numeric {4}1\S* \+- \S+\n.*\n {2}smallest {3}\[\[0, 1\], 1\]\n/,
  );
  expect(out).toContain('1 of 2 failed');
  expect(code).toBe(1);
});

it('checks cases in TypeScript, enums and arbitraries too, and the printed line replays the failure', () => {
  const { code, out } = gradcheck('cubes.ts', '--runs', '5');
  expect(out).toMatch(/^cube: right, \d+ derivatives at 5 points/m);
  expect(out).toMatch(/component +input 0 \(x\)\[1\], of output\[0\]/);
  expect(code).toBe(1);
  const [, flags] = /replay +npx reparam gradcheck '.*cubes\.ts#bad' (--seed 0 --path [\d:]+)/.exec(out)!;
  const again = gradcheck('cubes.ts#bad', ...flags!.split(' '));
  expect(again.out).toContain('component  input 0 (x)[1], of output[0]');
  expect(again.code).toBe(1);
});

it('takes a function, its derivative and its inputs from flags', () => {
  const { code, out } = gradcheck('physics.js#energy', '--grad', 'right', '--inputs', '[[1, 2], 3]');
  expect(out).toMatch(/^energy: right, 3 derivatives/m);
  expect(code).toBe(0);
});

it('says in one line what is not there or does not load', () => {
  for (const [file, args, code, message] of [
    ['none.js', [], 2, /no such file/],
    ['broken.js', [], 1, /does not load: SyntaxError/],
    ['physics.js#nothing', [], 2, /exports no nothing; it exports bad, energy, good, right/],
    ['physics.js#energy', [], 2, /name its derivative with --grad/],
    ['physics.js#energy', ['--grad', 'right'], 2, /give --inputs/],
    ['physics.js#good', ['--inputs', '{'], 2, /JSON list/],
  ] as const) {
    const run = gradcheck(file, ...args);
    expect([file, run.code]).toEqual([file, code]);
    expect(run.err).toMatch(message);
    expect(run.err).not.toContain('    at ');
  }
});
