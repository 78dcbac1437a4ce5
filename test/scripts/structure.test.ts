/** @file The check of structure: what is planted in a small tree is refused with both files named, and the whole repository passes. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const folders: string[] = [];
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));

/** A tree that breaks no rule. */
const SOUND: Readonly<Record<string, string>> = {
  'src/index.ts': "/** @file The index. */\nexport { tensor } from './core/tensor.ts';\n",
  'src/contract/shape.ts': '/** @file Shapes. */\nexport type Shape = readonly number[];\n',
  'src/core/tensor.ts':
    "/** @file Tensors. */\nimport type { Shape } from '../contract/shape.ts';\nexport const tensor = (s: Shape) => s;\n",
  'src/core/ops.ts': "/** @file Operations. */\nimport { tensor } from './tensor.ts';\nexport const ops = [tensor];\n",
  'src/nn/layers.ts': "/** @file Layers. */\nimport { ops } from '../core/ops.ts';\nexport const layers = ops;\n",
  'test/core/ops.devices.test.ts': "/** @file Operations. */\nimport { it } from 'vitest';\nit('works', () => {});\n",
};

function structure(root: string, ...options: string[]): { code: number | null; out: string; problems: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [path.join(repository, 'scripts/structure.mjs'), root, ...options],
    {
      encoding: 'utf8',
    },
  );
  return { code: status, out: stdout, problems: stderr };
}

/** What the check says of the sound tree with some files changed or added. */
function checked(changes: Readonly<Record<string, string>>): ReturnType<typeof structure> {
  const root = mkdtempSync(path.join(tmpdir(), 'structure-'));
  folders.push(root);
  for (const [file, text] of Object.entries({ ...SOUND, ...changes })) {
    mkdirSync(path.join(root, path.dirname(file)), { recursive: true });
    writeFileSync(path.join(root, file), text);
  }
  return structure(root, '--check');
}

describe('the check of a small tree', () => {
  it('says nothing where every rule holds', () => {
    expect(checked({})).toEqual({ code: 0, out: '', problems: '' });
  });

  it.each([
    {
      planted: 'a circle',
      changes: {
        'src/core/tensor.ts': "/** @file Tensors. */\nimport { ops } from './ops.ts';\nexport const tensor = () => ops;\n",
      },
      names: ['import circle', 'src/core/ops.ts', 'src/core/tensor.ts'],
    },
    {
      planted: 'a circle of types alone, over several lines',
      changes: {
        'src/core/tensor.ts':
          "/** @file Tensors. */\nimport type {\n  Ops,\n} from './ops.ts';\nexport const tensor = (o: Ops) => o;\n",
      },
      names: ['import circle', 'src/core/ops.ts', 'src/core/tensor.ts'],
    },
    {
      planted: 'a circle through the type of an import expression',
      changes: {
        'src/core/tensor.ts': "/** @file Tensors. */\nexport const tensor = (o: import('./ops.ts').Ops) => o;\n",
      },
      names: ['import circle', 'src/core/ops.ts', 'src/core/tensor.ts'],
    },
    {
      planted: 'an import that climbs',
      changes: {
        'src/contract/errors.ts':
          "/** @file Errors. */\nimport { layers } from '../nn/layers.ts';\nexport const errors = layers;\n",
      },
      names: ['climbs', 'src/contract/errors.ts', 'src/nn/layers.ts'],
    },
    {
      planted: 'a re-export of types that climbs',
      changes: { 'src/contract/errors.ts': "/** @file Errors. */\nexport type { Layers } from '../nn/layers.ts';\n" },
      names: ['climbs', 'src/contract/errors.ts', 'src/nn/layers.ts'],
    },
    {
      planted: 'an import expression that climbs',
      changes: { 'src/core/late.ts': "/** @file Later. */\nexport const late = () => import('../nn/layers.ts');\n" },
      names: ['climbs', 'src/core/late.ts', 'src/nn/layers.ts'],
    },
    {
      planted: 'an import of a lower room that the table does not list',
      changes: { 'src/plot/svg.ts': "/** @file Pictures. */\nimport { ops } from '../core/ops.ts';\nexport const svg = ops;\n" },
      names: ['plot may not import core', 'src/plot/svg.ts', 'src/core/ops.ts'],
    },
    {
      planted: 'a file outside all rooms',
      changes: { 'src/crumbs.ts': '/** @file Crumbs. */\nexport const crumbs = 1;\n' },
      names: ['src/crumbs.ts', 'scripts/layers.mjs'],
    },
    {
      planted: 'Node in the core',
      changes: { 'src/core/files.ts': "/** @file Files. */\nexport { readFileSync } from 'node:fs';\n" },
      names: ['src/core/files.ts', 'node:fs'],
    },
    {
      planted: 'a test without a source',
      changes: { 'test/core/operations.test.ts': '/** @file Operations. */\n' },
      names: ['test/core/operations.test.ts', 'src/core/operations'],
    },
    {
      planted: 'a name in another form',
      changes: { 'test/support/random_images.ts': '/** @file Images. */\n' },
      names: ['test/support/random_images.ts', 'kebab-case'],
    },
    {
      planted: 'a file without a sentence of what it is',
      changes: { 'src/core/ops.ts': 'export const ops = [];\n' },
      names: ['src/core/ops.ts', '@file'],
    },
    ...[
      'Math.min(...xs)',
      'Math.max(0, ...xs)',
      'String.fromCharCode(...xs)',
      'out.push(...xs)',
      'out.push(...xs.map((x) => x + 1))',
      'out[0].concat(1, ...xs)',
      'Array.of(...xs)',
    ].map((call) => ({
      planted: `a list spread into a call: ${call}`,
      changes: { 'src/core/ops.ts': `/** @file Operations. */\nexport const ops = (xs, out) => ${call};\n` },
      names: ['src/core/ops.ts:2', 'spreads a list into a call'],
    })),
    ...[
      'device.backend.run(op, [])',
      'backend.launch(kernel)',
      'x.device.backend.fused.softmax',
      'row.forward({}, [])',
      'row.backward!({})',
      'rows.backward({})',
    ].map((call) => ({
      planted: `a kernel run past the checks of its operands: ${call}`,
      changes: { 'src/core/ops.ts': `/** @file Operations. */\nexport const ops = () => ${call};\n` },
      names: ['src/core/ops.ts:2', 'past the checks of its operands'],
    })),
  ])('refuses $planted, by name', ({ changes, names }) => {
    const { code, problems } = checked(changes);
    expect(code).toBe(1);
    expect(problems.trim().split('\n')).toHaveLength(1);
    for (const name of names) expect(problems).toContain(name);
  });

  it('does not take an example in a comment for an import', () => {
    const comment =
      "/** @file Errors.\n * @example\n * const { layers } = await import('../nn/layers.ts');\n */\n// import('../nn/layers.ts')\n";
    expect(checked({ 'src/contract/errors.ts': comment }).problems).toBe('');
  });
});

describe('what is like a planted fault and is none', () => {
  it.each([
    { what: 'a list that becomes part of another', line: 'export const ops = (xs) => [0, ...xs];' },
    { what: 'a call of a function of ours with named places', line: 'export const ops = (f, xs) => f(...xs);' },
    { what: 'a spread behind a call that is over', line: 'export const ops = (xs) => [Math.min(1, 2), ...xs];' },
    { what: 'a call in a comment', line: '// Math.min(...xs) overflows; so does backend.run(op).' },
    { what: 'a backend that is asked for its kind', line: 'export const ops = (device) => device.backend.kind;' },
  ])('$what', ({ line }) => {
    expect(checked({ 'src/core/more.ts': `/** @file More. */\n${line}\n` }).problems).toBe('');
  });

  it('a kernel that a backend or one of the two doors runs', () => {
    const runs = '/** @file Runs. */\nexport const run = (backend) => backend.run(0);\n';
    expect(checked({ 'src/core/device.ts': runs, 'src/core/fused-rows.ts': runs }).problems).toBe('');
    expect(checked({ 'src/backends/cpu/run.ts': runs }).problems).not.toContain('past the checks');
  });
});

describe('the repository', () => {
  it('keeps its rules', () => {
    expect(structure(repository, '--check').problems).toBe('');
  });

  it('lists for each room earlier rooms alone, and docs/architecture.md shows the same list', () => {
    const table = structure(repository, '--layers').out;
    const rows = table
      .trim()
      .split('\n')
      .map((line) => line.split(/ +/));
    const rooms = rows.map(([room]) => room!);
    for (const [i, [, ...imports]] of rows.entries()) for (const room of imports) expect(rooms.slice(0, i)).toContain(room);
    const shown = /<!-- layers: .*-->\n```text\n([^]*?)```\n<!-- \/layers -->/.exec(
      readFileSync(path.join(repository, 'docs/architecture.md'), 'utf8'),
    );
    expect(shown?.[1]).toBe(table);
  });

  it('is counted: lines, files at the top of src/, circles, the longest file', () => {
    const { code, out } = structure(repository);
    expect(code).toBe(0);
    expect(out).toMatch(/^src\/, lines +\d+ in \d+ files$/m);
    expect(out).toMatch(/^shaders\/, lines +\d+ in \d+ files$/m);
    expect(out).toMatch(/^files at the top of src\/ +1$/m);
    expect(out).toMatch(/^import circles +0$/m);
    expect(out).toMatch(/^longest file +src\/\S+, \d+ lines$/m);
  });
});
