/**
 * @file The structure of the code: what stands where, who imports whom, and which test mirrors which source.
 *
 * `node scripts/structure.mjs [ROOT]` prints counts for a checkout, so that two can be compared; `--unmirrored` adds the list of source
 * files without a test of their own, and `--layers` prints the table of layers alone. `--check` prints only what breaks a rule, and then
 * exits with 1: an import that climbs or goes to a room that may not be imported (scripts/layers.mjs), a room that is not listed, an import
 * of Node where none may be, an import circle (imports of types count), a test without a source, a test in another form than the rest, a
 * list spread into a call, a kernel that is run past the checks of its operands.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { layers } from './layers.mjs';

const options = process.argv.slice(2).filter((argument) => argument.startsWith('--'));
const [root = fileURLToPath(new URL('../', import.meta.url))] = process.argv
  .slice(2)
  .filter((argument) => !argument.startsWith('--'));

/** Files under a folder of the checkout, as paths from its root with forward slashes. */
function filesIn(folder, ending) {
  const at = path.join(root, folder);
  if (!existsSync(at)) return [];
  return readdirSync(at, { recursive: true })
    .map((file) => `${folder}/${String(file).replaceAll('\\', '/')}`)
    .filter((file) => file.endsWith(ending))
    .sort();
}

const text = (file) => readFileSync(path.join(root, file), 'utf8');
const isGenerated = (file) => file.includes('.gen.');
const lineCount = (file) => text(file).split('\n').length - 1;

/** `import ... from`, `export ... from` and `import '...'` at the start of a statement, or `import('...')` anywhere but in a comment. */
const IMPORTS =
  /(?:^|;)[ \t]*(?:import|export)\b[^;'"]*?\bfrom\s*['"]([^'"]+)['"]|(?:^|;)[ \t]*import\s*['"]([^'"]+)['"]|^(?!\s*(?:\*|\/\/)).*?\bimport\(\s*['"`]([^'"`]+)['"`]/gm;
/** A comment at the start of a line, behind which an import may stand. */
const COMMENT = /^[ \t]*\/\*.*?\*\//gm;

/** What a file imports, as it is written, types included. */
function specifiersOf(file) {
  return [...text(file).replace(COMMENT, '').matchAll(IMPORTS)].map(([, from, bare, dynamic]) => from ?? bare ?? dynamic);
}

const sources = filesIn('src', '.ts');
const specifiers = new Map(sources.map((file) => [file, specifiersOf(file)]));
const imports = new Map(
  sources.map((file) => [
    file,
    [...new Set(specifiers.get(file).filter((s) => s.startsWith('.')))].map((s) =>
      path.posix.join(path.posix.dirname(file), s).replace(/\.js$/, '.ts'),
    ),
  ]),
);

/** Sets of files each of which imports all others of its set, perhaps through further ones (Tarjan's algorithm); importers come last. */
function components() {
  const index = new Map();
  const low = new Map();
  const stack = [];
  const found = [];
  const visit = (file) => {
    index.set(file, index.size);
    low.set(file, index.get(file));
    stack.push(file);
    for (const next of imports.get(file)) {
      if (!imports.has(next)) continue;
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(file, Math.min(low.get(file), low.get(next)));
    }
    if (low.get(file) === index.get(file)) found.push(stack.splice(stack.indexOf(file)));
  };
  for (const file of imports.keys()) if (!index.has(file)) visit(file);
  return found;
}

/** A shortest way from a file back to itself. */
function circleThrough(file) {
  const paths = [[file]];
  const seen = new Set();
  for (const way of paths) {
    for (const next of imports.get(way.at(-1)) ?? []) {
      if (next === file) return [...way, file];
      if (!seen.has(next)) paths.push([...way, next]);
      seen.add(next);
    }
  }
  return [];
}

const sets = components();
const circles = sets.filter((set) => set.length > 1 || imports.get(set[0]).includes(set[0]));

/** Length of the longest chain of imports, a circle counted once. */
function longestChain() {
  const level = new Map();
  for (const set of sets) {
    const below = set.flatMap((file) => imports.get(file)).filter((file) => !set.includes(file));
    const here = 1 + Math.max(0, ...below.map((file) => level.get(file) ?? 0));
    for (const file of set) level.set(file, here);
  }
  return Math.max(0, ...level.values());
}

function layerOf(file) {
  const inside = file.replace(/^src\//, '');
  const fits = layers.filter(({ room }) => inside === room || inside.startsWith(`${room}/`));
  return fits.sort((a, b) => b.room.length - a.room.length)[0];
}

function layerProblems() {
  const problems = [];
  for (const [file, targets] of imports) {
    const layer = layerOf(file);
    if (!layer) {
      problems.push(`${file}: its room is not in scripts/layers.mjs; place the file in a room, or give the room a row there`);
      continue;
    }
    for (const target of targets) {
      const to = layerOf(target)?.room;
      if (to === undefined || to === layer.room || layer.imports.includes(to)) continue;
      const climbs = layers.findIndex(({ room }) => room === to) > layers.indexOf(layer);
      problems.push(
        `${file} imports ${target}: ${climbs ? `that climbs, for ${to} stands above ${layer.room}` : `${layer.room} may not import ${to}`} (scripts/layers.mjs)`,
      );
    }
    const node = specifiers.get(file).find((s) => s.startsWith('node:'));
    if (node && !layer.node && !file.endsWith('.node.ts'))
      problems.push(`${file} imports ${node}: only rooms of scripts/layers.mjs with \`node: true\` and files named *.node.ts may`);
    const foreign = specifiers.get(file).find((s) => !s.startsWith('.') && !s.startsWith('node:') && !layer.packages?.includes(s));
    if (foreign && !layer.node)
      problems.push(`${file} imports ${foreign}: ${layer.room} may import no such package (scripts/layers.mjs)`);
  }
  for (const file of filesIn('experiments', '.ts')) {
    const deep = specifiersOf(file).find((s) => /(^|\/)(src|dist)\//.test(s));
    if (deep) problems.push(`${file} imports ${deep}: experiments/ uses the public names of the package`);
  }
  return problems;
}

/** Tests at the top of test/ for what stands beside src/. */
const BESIDE_SOURCES = ['bench', 'fuzz', 'reliability', 'examples', 'experiments', 'scripts'];
const tests = filesIn('test', '.test.ts');

/** `test/core/ops.devices.test.ts` is about `src/core/ops`. */
function subjectOf(test) {
  const subject = test.replace(/^test\//, '').replace(/(?:\.devices|\.webgpu)?\.test\.ts$/, '');
  return BESIDE_SOURCES.includes(subject.split('/')[0]) ? subject : `src/${subject}`;
}

/** The source of a test: a file or folder at the same path; for a topic of its own, the file that its folder is named after. */
function sourceOf(test) {
  const subject = subjectOf(test);
  if (['src/tiny', 'src/package'].includes(subject)) return 'package.json';
  const files = (name) => ['.ts', '.mjs', '.mts'].map((ending) => name + ending);
  return [...files(subject), subject, ...files(path.posix.dirname(subject))].find((name) => existsSync(path.join(root, name)));
}

/** Source files without a test at their own path; with `folders`, without one at a folder above them either. */
function unmirrored(folders) {
  const mirrored = new Set(tests.map(sourceOf));
  const above = (file) => (file === 'src' ? [] : [file, ...above(path.posix.dirname(file))]);
  return sources
    .filter((file) => !isGenerated(file) && path.posix.basename(file) !== 'index.ts')
    .filter((file) => (folders ? above(file).every((name) => !mirrored.has(name)) : !mirrored.has(file)));
}

function testProblems() {
  const problems = [];
  for (const test of tests)
    if (!sourceOf(test))
      problems.push(`${test}: no source at ${subjectOf(test)}.ts or ${subjectOf(test)}/; a test stands where its source does`);
  for (const file of filesIn('test', '.ts')) {
    const code = text(file);
    if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.node)?((\.devices|\.webgpu)?\.test)?\.ts$/.test(path.posix.basename(file)))
      problems.push(`${file}: a test file is named in kebab-case, then .test.ts, .devices.test.ts or .webgpu.test.ts`);
    if (/^\s*test(\.\w+)*\(/m.test(code)) problems.push(`${file}: say it(...), as the other tests do, not test(...)`);
    if (code.includes('import * as fc ')) problems.push(`${file}: say import fc from 'fast-check'`);
  }
  for (const file of [...filesIn('test', '.ts'), ...sources]) {
    const code = text(file);
    if (isGenerated(file)) continue;
    if (!/^(?:#!.*\n)?\/\*\*(?:\n \*)? @file /.test(code))
      problems.push(`${file}: starts without a sentence of what it is: /** @file ... */`);
    // F32 and F64 are dtypes of safetensors.
    const [label] = /\b(?:[SE]\d{1,2}|F(?!32\b|64\b)\d{1,2})\b/.exec(code) ?? [];
    if (label) problems.push(`${file}: says ${label}, which nothing here defines; say it in words`);
  }
  return problems;
}

/** A call whose arguments are as many as a list has elements: beyond some hundred thousand the stack overflows. */
const SPREAD = /\b(?:Math\.\w+|String\.\w+|[\w.\])]+\.(?:push|unshift|splice|concat|of))\((?:[^(){}]|\([^()]*\))*\.\.\./;
/** Who may run kernels of a backend in the core and above: what they are given has been checked there. */
const DOORS = ['src/core/device.ts', 'src/core/fused-rows.ts'];
const BEHIND_DOORS = /\bbackend\.(?:run|launch|fused)\b|\brow\w*\.(?:forward|backward)!?\(/;

function codeProblems() {
  const problems = [];
  for (const file of sources.filter((f) => !isGenerated(f))) {
    for (const [i, line] of text(file).split('\n').entries()) {
      const at = `${file}:${i + 1}`;
      if (/^\s*(?:\*|\/\/|\/\*)/.test(line)) continue;
      if (SPREAD.test(line))
        problems.push(
          `${at}: spreads a list into a call, which long ones overflow; use a loop, or largestOf of contract/extremes.ts`,
        );
      if (BEHIND_DOORS.test(line) && !DOORS.includes(file) && !file.startsWith('src/backends/'))
        problems.push(`${at}: runs a kernel past the checks of its operands; go through apply, Device.run or fused-rows.ts`);
    }
  }
  return problems;
}

function check() {
  const circular = circles.map((set) => `import circle: ${circleThrough(set.toSorted()[0]).join(' -> ')}`);
  const problems = [...layerProblems(), ...circular, ...testProblems(), ...codeProblems()];
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
}

function print() {
  const written = sources.filter((file) => !isGenerated(file));
  const shaders = filesIn('shaders', '.wgsl');
  const total = (files) => files.reduce((sum, file) => sum + lineCount(file), 0);
  const longest = written.toSorted((a, b) => lineCount(b) - lineCount(a))[0];
  const depth = Math.max(...written.map((file) => file.split('/').length - 2));
  const rows = [
    ['src/, lines', `${total(written)} in ${written.length} files`],
    ['shaders/, lines', `${total(shaders)} in ${shaders.length} files`],
    ['files at the top of src/', written.filter((file) => file.split('/').length === 2).length],
    [
      'import circles',
      `${circles.length}${circles.length > 0 ? ` (of ${circles.map((set) => set.length).join(', ')} files)` : ''}`,
    ],
    ['longest chain of imports', `${longestChain()} files`],
    ['levels of folders in src/', depth],
    ['longest file', `${longest}, ${lineCount(longest)} lines`],
    ['test files', tests.length],
    ['tests without a source', tests.filter((test) => !sourceOf(test)).length],
    [
      'sources without a test at their path',
      `${unmirrored(false).length}, of which ${unmirrored(true).length} without one at a folder above`,
    ],
  ];
  for (const [name, value] of rows) console.log(`${name.padEnd(38)}${value}`);
  if (options.includes('--unmirrored'))
    for (const file of unmirrored(false)) console.log(`  ${file}${unmirrored(true).includes(file) ? ' (nor a folder above)' : ''}`);
}

if (options.includes('--check')) check();
else if (options.includes('--layers'))
  console.log(layers.map(({ room, imports }) => [room.padEnd(20), ...imports].join(' ').trimEnd()).join('\n'));
else print();
