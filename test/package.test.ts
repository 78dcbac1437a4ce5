/** @file The packed package, installed in an empty folder: its command runs, its entry points load and its types hold. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readSafetensors } from '../src/export/index.ts';
import { writeIdxFolder } from './support/idx-folder.ts';
import { OWN_SPACE, OWN_SPACE_TYPED } from './support/own-space.ts';
import { installPacked, installPeers, manifest, root, run as runIn } from './support/packed-package.ts';

let folder: string;

const run = (command: string, args: readonly string[]): string => runIn(command, args, folder);

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'reparam-package-'));
  await installPacked(folder);
}, 180_000);

afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** What each runtime dependency is there for: a file that imports it. */
const DEPENDENCIES: Readonly<Record<string, string>> = {
  // Flags, help and their errors.
  commander: 'src/command/option-values.ts',
  // What config.json must hold.
  valibot: 'src/cli/settings/values.ts',
};

it("docs/laboratory.md's own estimator, own head and own network run as they are written, outside the repository", async () => {
  const page = readFileSync(path.join(folder, 'node_modules/reparam/docs/laboratory.md'), 'utf8');
  const scripts = [...page.matchAll(/```js (\S+)\n(.*?)```/gs)].map(([, name, code]) => [name!, code!] as const);
  const wanted: Readonly<Record<string, RegExp>> = {
    'own-estimator.mjs': /^REINFORCE, constant 0\.75: bias 0\.\d+ \(0\.000 to [^\n]*1 operation/m,
    'own-head.mjs': /^score x ablation is off by \d+e-1\d %$/m,
    'own-network.mjs': /^concrete pathwise: bias [^]*^shapley: -?\d+\.\d{3}, -?\d+\.\d{3}, -?\d+\.\d{3}$/m,
  };
  expect(scripts.map(([name]) => name)).toEqual(Object.keys(wanted));
  for (const [name, code] of scripts) {
    await writeFile(path.join(folder, name), code);
    expect(run(process.execPath, [name])).toMatch(wanted[name]!);
  }
});

it('every runtime dependency has a user that is named here', () => {
  expect(Object.keys(manifest.dependencies).sort()).toEqual(Object.keys(DEPENDENCIES).sort());
  for (const [name, user] of Object.entries(DEPENDENCIES)) {
    expect([user, readFileSync(path.join(root, user), 'utf8').includes(`from '${name}'`)]).toEqual([user, true]);
  }
});

/** Files of the installed package, as paths from its folder. */
function packedFiles(): string[] {
  return readdirSync(path.join(folder, 'node_modules/reparam'), { recursive: true })
    .map((file) => String(file).replaceAll('\\', '/'))
    .sort();
}

it('has the build, the pages and the examples, and leaves sources, experiments, tests and benchmarks behind', () => {
  expect([...new Set(packedFiles().map((file) => file.split('/')[0]))]).toEqual([
    'CITATION.cff',
    'CONTRIBUTING.md',
    'LICENSE',
    'README.md',
    'dist',
    'docs',
    'examples',
    'package.json',
  ]);
});

it('has each shader once, without comments, and no source maps, for what they would show is what is there', () => {
  const files = packedFiles();
  expect(files.filter((file) => /\.(map|wgsl)$/.test(file))).toEqual([]);
  const text = (file: string): string => readFileSync(path.join(folder, 'node_modules/reparam', file), 'utf8');
  const scripts = files.filter((file) => file.endsWith('.js'));
  expect(scripts.filter((file) => text(file).includes('var<storage'))).toEqual(['dist/backends/webgpu/shaders.gen.js']);
  const shaders = text('dist/backends/webgpu/shaders.gen.js').match(/`[^`]*`/g) ?? [];
  expect(shaders.length).toBeGreaterThan(40);
  for (const shader of shaders) expect(shader).not.toMatch(/\/\/|^\s|\n\s*\n/);
  expect(scripts.filter((file) => text(file).includes('sourceMappingURL'))).toEqual([]);
});

it('every link between its pages leads to a file that is in it', () => {
  const files = packedFiles();
  const pages = files.filter((file) => file.endsWith('.md'));
  expect(pages).toContain('README.md');
  let links = 0;
  for (const page of pages) {
    const text = readFileSync(path.join(folder, 'node_modules/reparam', page), 'utf8');
    for (const [, target = ''] of text.matchAll(/(?:\]\(|\b(?:src|href)=")([^)"\s#]+)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      links++;
      expect([page, target, files.includes(path.posix.join(path.posix.dirname(page), target))]).toEqual([page, target, true]);
    }
  }
  expect(links).toBeGreaterThan(15);
});

it('installs without a word, for it has no script that an installation runs', () => {
  const out = spawnSync('npm', ['install', '--foreground-scripts', '--prefer-offline'], { cwd: folder, encoding: 'utf8' });
  expect([out.status, out.stderr]).toEqual([0, '']);
});

it('brings its two dependencies for the command and nothing else', async () => {
  const installed = run('npm', ['ls', '--all', '--parseable'])
    .trim()
    .split('\n')
    .map((line) => path.basename(line));
  expect(installed.slice(1).sort()).toEqual(['commander', 'reparam', 'valibot']);
});

it('computes a gradient without any peer', async () => {
  await writeFile(
    path.join(folder, 'square.js'),
    `import { cpu, grad, mul, sum } from 'reparam';
     const x = cpu().tensor([1, 2, 3]);
     console.log(...await grad(sum(mul(x, x)), [x])[0].data());`,
  );
  expect(run(process.execPath, ['square.js'])).toBe('2 4 6\n');
});

it('doctor runs from the installed package and says what is not there', () => {
  const out = run('npx', ['--no-install', 'reparam', 'doctor']);
  expect(out).toContain('npm install webgpu');
});

/** A case for gradcheck in TypeScript that Node alone does not run, in a file beside it that it imports. */
const TYPESCRIPT = {
  'check.ts': `import { cpu, Tensor } from 'reparam';
    import { cube, Factor } from './cube.js';
    const x: unknown = cpu().tensor([Factor.One]);
    if (!(x instanceof Tensor)) throw new Error('another copy');
    export const found = cube;
    export default cube;`,
  'cube.ts': `export enum Factor { One = 1 }
    const f = (x: readonly number[]): number[] => x.map((v) => v ** 3 * Factor.One);
    const vjpF = (x: readonly number[], g: readonly number[]): number[] => x.map((v, i) => 3 * v * v * g[i]!);
    export const cube = { f, vjpF, inputs: [[1, 2]] };`,
};

it('loads a TypeScript module by tsx, in projects of both kinds, with the copy of the package that runs; without tsx one line says so', async () => {
  for (const type of ['module', 'commonjs']) {
    await mkdir(path.join(folder, type), { recursive: true });
    await writeFile(path.join(folder, type, 'package.json'), JSON.stringify({ type }));
    for (const [file, text] of Object.entries(TYPESCRIPT)) await writeFile(path.join(folder, type, file), text);
  }
  const gradcheck = (file: string): { readonly code: number | null; readonly out: string; readonly err: string } => {
    const child = spawnSync(process.execPath, ['node_modules/reparam/dist/cli/main.js', 'gradcheck', file], {
      cwd: folder,
      encoding: 'utf8',
    });
    return { code: child.status, out: child.stdout, err: child.stderr };
  };
  const without = gradcheck('module/check.ts');
  expect(without.err).toMatch(/^reparam: module\/check\.ts .*tsx.*: npm install --save-dev tsx\n$/);
  expect(without.code).toBeGreaterThan(0);
  await symlink(path.join(root, 'node_modules/tsx'), path.join(folder, 'node_modules/tsx'), 'dir');
  for (const type of ['module', 'commonjs']) {
    const { code, out, err } = gradcheck(`${type}/check.ts`);
    expect([type, err, code]).toEqual([type, '', 0]);
    expect(out).toMatch(/^found: right, 2 derivatives/m);
    expect(out).toMatch(/^default: right, 2 derivatives/m);
  }
  await rm(path.join(folder, 'node_modules/tsx'));
  // A module outside of every project that has the package.
  const outside = await mkdtemp(path.join(tmpdir(), 'reparam-outside-'));
  await writeFile(path.join(outside, 'package.json'), '{ "private": true }\n');
  await writeFile(path.join(outside, 'check.mjs'), "import { cpu } from 'reparam';\nexport const x = cpu();\n");
  expect(gradcheck(path.join(outside, 'check.mjs')).err).toMatch(
    /Cannot find package 'reparam'.*; install it there: cd '.*' && npm install reparam\n$/,
  );
  await rm(outside, { recursive: true });
});

it('every entry point loads and exports something, and its declarations exist', async () => {
  await installPeers(folder);
  for (const [name, target] of Object.entries(manifest.exports)) {
    if (typeof target === 'string') continue;
    const names = run(process.execPath, [
      '--input-type=module',
      '--eval',
      `console.log(Object.keys(await import('reparam${name.slice(1)}')).length)`,
    ]);
    expect([name, Number(names) > 0]).toEqual([name, true]);
    expect([name, existsSync(path.join(folder, 'node_modules/reparam', target.types))]).toEqual([name, true]);
  }
});

it('a strict TypeScript project that checks its libraries compiles against it', async () => {
  await installPeers(folder);
  const names = Object.keys(manifest.exports).filter((name) => name !== './package.json');
  await mkdir(path.join(folder, 'consumer'), { recursive: true });
  await writeFile(
    path.join(folder, 'consumer/main.ts'),
    [
      ...names.map((name, i) => `import * as entry${i} from 'reparam${name.slice(1)}';`),
      `export const entries = [${names.map((_, i) => `entry${i}`).join(', ')}];`,
      `import { cpu, grad, scope, sum, type Tensor } from 'reparam';`,
      'const x: Tensor = cpu().tensor([1, 2]);',
      'export const gradients: Tensor[] = grad(sum(x), [x]);',
      '// @ts-expect-error a scope refuses an asynchronous function',
      'scope(async () => x);',
    ].join('\n'),
  );
  const options = [
    '--strict',
    '--noEmit',
    '--module',
    'nodenext',
    '--target',
    'es2023',
    '--lib',
    'es2023,dom,esnext.disposable',
    '--types',
    '',
    '--skipLibCheck',
    'false',
  ];
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  expect(run(process.execPath, [tsc, ...options, 'consumer/main.ts'])).toBe('');
});

it('searches a space in a file of the project, in JavaScript and by tsx in TypeScript, and uses its child; without tsx one line says so', async () => {
  const data = writeIdxFolder(path.join(folder, 'images'), 64, 32);
  await writeFile(path.join(folder, 'own.js'), OWN_SPACE);
  await writeFile(path.join(folder, 'own.ts'), OWN_SPACE_TYPED);
  const reparam = (...args: readonly string[]): { readonly code: number | null; readonly out: string; readonly err: string } => {
    const command = ['node_modules/reparam/dist/cli/main.js', ...args];
    const child = spawnSync(process.execPath, command, { cwd: folder, encoding: 'utf8' });
    return { code: child.status, out: child.stdout, err: child.stderr };
  };
  const search = (file: string, out: string): ReturnType<typeof reparam> => {
    const sizes = '--preset smoke --device cpu --train-images 32 --validation-images 32 --epochs 1 --quiet'.split(' ');
    return reparam('search', '--space', file, '--data', data, '--out', out, ...sizes);
  };
  const without = search('own.ts', 'typed');
  expect(without.err).toMatch(/^reparam: own\.ts .*tsx.*: npm install --save-dev tsx\n$/);
  expect(without.code).toBeGreaterThan(0);
  await symlink(path.join(root, 'node_modules/tsx'), path.join(folder, 'node_modules/tsx'), 'dir');
  for (const [file, out] of [
    ['own.js', 'plain'],
    ['own.ts', 'typed'],
  ] as const) {
    expect([file, search(file, out).code]).toEqual([file, 0]);
    expect(reparam('evaluate', out, '--device', 'cpu', '--quiet').out).toMatch(/^accuracy   \d/);
    const predicted = reparam('predict', out, path.join(data, 't10k-images-idx3-ubyte'), '--device', 'cpu');
    expect(predicted.out.trimEnd().split('\n')).toHaveLength(32);
  }
  await rm(path.join(folder, 'node_modules/tsx'));
}, 180_000);

it('a search writes a whole run folder, its weights readable', async () => {
  await installPeers(folder);
  const sizes = ['--epochs', '1', '--train-images', '64', '--validation-images', '64'];
  const out = run('npx', [
    '--no-install',
    'reparam',
    'search',
    '--preset',
    'smoke',
    '--device',
    'cpu',
    '--seed',
    '1',
    '--out',
    'found',
    ...sizes,
  ]);
  expect(out).toMatch(/Genotype\(normal=\[/);
  const files = readdirSync(path.join(folder, 'found'));
  for (const name of [
    'config.json',
    'metrics.jsonl',
    'genotype.json',
    'normal.svg',
    'reduction.svg',
    'curves.svg',
    'child.safetensors',
  ]) {
    expect(files).toContain(name);
  }
  const bytes = readFileSync(path.join(folder, 'found/child.safetensors'));
  expect(Object.keys(readSafetensors({ name: 'child', bytes }).tensors).length).toBeGreaterThan(10);
});
