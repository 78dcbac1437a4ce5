/**
 * @file Whether the package's declarations compile in other people's projects: TypeScript 5.9, 6 and 7, with and without the DOM's or a
 * worker's library, with the types of Node, of WebGPU or none, and every library checked (`skipLibCheck: false`).
 *
 * `node scripts/type-table.mjs` prints a row for each project and the errors, and exits with 1 if there are any; by default three TypeScripts
 * by four settings, with `--all` every combination.
 */
import { execFile, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const modules = path.join(root, 'node_modules');
const consumers = path.join(root, 'test/scripts/type-table');

/** Older TypeScripts beside the one that compiles the package, under names of their own. */
const OLDER = { 5: '5.9.3', 6: '6.0.3' };

const LIBRARIES = ['ES2022', 'ES2023', 'ESNext'];
const HOSTS = [undefined, 'DOM', 'WebWorker'];
const TYPES = [undefined, 'node', '@webgpu/types'];

/** Every combination of a library, a host and types. */
const EVERY = LIBRARIES.flatMap((library) => HOSTS.flatMap((host) => TYPES.map((types) => ({ library, host, types }))));

/** Each library, host and kind of types at least once. From TypeScript 6 on the DOM has the types of WebGPU, which the package's would repeat. */
const some = (version) => [
  { library: 'ES2022', host: undefined, types: undefined },
  { library: 'ES2023', host: 'WebWorker', types: undefined },
  { library: 'ES2022', host: undefined, types: 'node' },
  { library: 'ESNext', host: 'DOM', types: Number.parseInt(version, 10) < 6 ? '@webgpu/types' : undefined },
];

/** The older compilers, installed once: they cannot be dependencies, whose commands would take the place of this TypeScript's. */
function olderCompilers() {
  const folder = path.join(modules, '.cache', `reparam-typescript-${Object.values(OLDER).join('-')}`);
  if (!existsSync(folder)) {
    const fresh = mkdtempSync(path.join(tmpdir(), 'reparam-typescript-'));
    writeFileSync(path.join(fresh, 'package.json'), '{ "private": true }\n');
    const packages = Object.entries(OLDER).map(([major, version]) => `typescript-${major}@npm:typescript@${version}`);
    run('npm', ['install', ...packages, '--prefer-offline', '--no-audit', '--no-fund', '--silent'], fresh);
    mkdirSync(path.dirname(folder), { recursive: true });
    // Copied beside and then renamed, so that two processes never see half of it.
    const beside = `${folder}-${process.pid}`;
    cpSync(fresh, beside, { recursive: true });
    rmSync(fresh, { recursive: true });
    if (existsSync(folder)) rmSync(beside, { recursive: true });
    else renameSync(beside, folder);
  }
  return Object.keys(OLDER).map((major) => path.join(folder, `node_modules/typescript-${major}`));
}

function run(command, args, cwd) {
  const child = spawnSync(command, args, { cwd, encoding: 'utf8', timeout: 300_000 });
  if (child.status !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${child.status}\n${child.stdout}${child.stderr}`);
}

/** A project with the package's declarations, its runtime dependencies and, if asked for, fast-check. */
function project(withFastCheck) {
  const folder = mkdtempSync(path.join(tmpdir(), 'reparam-types-'));
  const link = (name) => {
    mkdirSync(path.dirname(path.join(folder, 'node_modules', name)), { recursive: true });
    symlinkSync(path.join(modules, name), path.join(folder, 'node_modules', name), 'dir');
  };
  const { dependencies } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  for (const name of [...Object.keys(dependencies), '@types/node', '@webgpu/types', ...(withFastCheck ? ['fast-check'] : [])])
    link(name);
  writeFileSync(path.join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  for (const name of readdirSync(consumers)) cpSync(path.join(consumers, name), path.join(folder, name));
  writeFileSync(path.join(folder, 'nothing.ts'), 'export {};\n');
  const installed = path.join(folder, 'node_modules/reparam');
  mkdirSync(installed, { recursive: true });
  cpSync(path.join(root, 'package.json'), path.join(installed, 'package.json'));
  return { folder, dist: path.join(installed, 'dist') };
}

function emitDeclarations(folder) {
  const tsc = path.join(modules, 'typescript/bin/tsc');
  const options = ['--emitDeclarationOnly', '--declarationMap', 'false', '--sourceMap', 'false', '--outDir', folder];
  run(process.execPath, [tsc, '--project', 'tsconfig.build.json', ...options], root);
}

const versionOf = (compiler) => JSON.parse(readFileSync(path.join(compiler, 'package.json'), 'utf8')).version;

/** What a compiler says of some files under a setting; empty if nothing. */
function compile(compiler, folder, { library, host, types }, files) {
  const compilerOptions = {
    ...{ strict: true, noEmit: true, noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true, skipLibCheck: false },
    ...(host ? { module: 'esnext', moduleResolution: 'bundler' } : { module: 'nodenext' }),
    ...{ target: 'es2022', lib: host ? [library, host] : [library], types: types ? [types] : [] },
  };
  const config = path.join(folder, `tsconfig.${configs++}.json`);
  writeFileSync(config, JSON.stringify({ compilerOptions, files }));
  return new Promise((resolve) => {
    const args = [path.join(compiler, 'bin/tsc'), '--project', config];
    execFile(process.execPath, args, { cwd: folder, maxBuffer: 2 ** 26 }, (error, stdout, stderr) =>
      resolve(error ? `${stdout}${stderr}` || error.message : ''),
    );
  });
}

let configs = 0;

/** TypeScript 6 has the types of WebGPU in its libraries of a page and a worker. */
function hasGpuTypes(version, { host, types }) {
  return types === '@webgpu/types' || (host !== undefined && Number.parseInt(version, 10) >= 6);
}

/**
 * Gives a row for each compiler and setting: what it is, and `errors`, empty if it compiles. Where the types that a setting asks for do not
 * compile by themselves, `errors` is undefined.
 */
async function* typeTable(every) {
  const compilers = [...olderCompilers(), path.join(modules, 'typescript')];
  const plain = project(false);
  const withPeer = project(true);
  try {
    emitDeclarations(plain.dist);
    cpSync(plain.dist, withPeer.dist, { recursive: true });
    for (const compiler of compilers) {
      const version = versionOf(compiler);
      for (const setting of every ? EVERY : some(version)) {
        const gpu = hasGpuTypes(version, setting) ? ['gpu-consumer.ts'] : [];
        const { library, host, types } = setting;
        const name = `TypeScript ${version}, ${[library, ...(host ? [host] : [])].join(' + ')}, types ${types ?? 'none'}`;
        const all = compile(compiler, withPeer.folder, setting, ['consumer.ts', 'testing-consumer.ts', ...gpu]);
        // Without fast-check all but one entry point has to compile too, which one compiler can say.
        const without = compiler === compilers.at(-1) ? compile(compiler, plain.folder, setting, ['consumer.ts']) : '';
        let errors = (await Promise.all([all, without])).join('');
        if (errors !== '' && (await compile(compiler, plain.folder, setting, ['nothing.ts'])) !== '') errors = undefined;
        yield { name, errors };
      }
    }
  } finally {
    for (const { folder } of [plain, withPeer]) rmSync(folder, { recursive: true });
  }
}

let projects = 0;
let failed = 0;
for await (const { name, errors } of typeTable(process.argv.includes('--all'))) {
  projects++;
  if (errors) failed++;
  console.log(
    `${name}: ${errors === undefined ? 'those types do not compile by themselves' : errors === '' ? 'compiles' : `\n${errors}`}`,
  );
}
console.log(`${projects} projects, ${failed} with errors`);
if (failed > 0) process.exitCode = 1;
