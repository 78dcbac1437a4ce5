/** @file Every command in a bad world: what is missing, damaged, forbidden or something else ends in words and an exit code, never in a trace. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../../src/command/exit-codes.ts';
import { runReparam } from '../../support/run-reparam.ts';
import { writeIdxFolder } from '../../support/idx-folder.ts';
import { tinyArgs } from '../../support/tiny-run.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const scratch = mkdtempSync(path.join(tmpdir(), 'reparam-world-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const at = (...names: string[]): string => path.join(scratch, ...names);
const data = at('data');
const put = (name: string, content: string | Uint8Array): string => {
  mkdirSync(path.dirname(at(name)), { recursive: true });
  writeFileSync(at(name), content);
  return at(name);
};

beforeAll(async () => {
  // Whoever this test becomes must get as far as what it is refused.
  chmodSync(scratch, 0o755);
  writeIdxFolder(data, 96, 32);
  const { code, err } = await runReparam(...tinyArgs(data, at('run')));
  if (code !== EXIT.done) throw new Error(`the whole run ended with ${code}: ${err}`);
  mkdirSync(at('empty'));
  put('a-file', '');
  put(
    'noise',
    Uint8Array.from({ length: 3000 }, (_, i) => (i * 151) % 256),
  );
  mkdirSync(at('folder.safetensors'));
  symlinkSync(at('circle'), at('circle'));
  for (const [name, change] of Object.entries({
    'cut-images': (folder: string) => truncateSync(path.join(folder, 'train-images-idx3-ubyte'), 700),
    'cut-header': (folder: string) => truncateSync(path.join(folder, 't10k-labels-idx1-ubyte'), 3),
    'folder-for-file': (folder: string) => {
      rmSync(path.join(folder, 'train-labels-idx1-ubyte'));
      mkdirSync(path.join(folder, 'train-labels-idx1-ubyte'));
    },
    'noise-for-labels': (folder: string) => writeFileSync(path.join(folder, 'train-labels-idx1-ubyte'), readFileSync(at('noise'))),
    'no-labels': (folder: string) => rmSync(path.join(folder, 'train-labels-idx1-ubyte')),
  })) {
    cpSync(data, at(name), { recursive: true });
    change(at(name));
  }
  for (const [name, file, content] of [
    ['run-no-config', 'config.json', undefined],
    ['run-config-noise', 'config.json', '\u0000{]'],
    ['run-config-list', 'config.json', '[]'],
    ['run-config-null', 'config.json', '{"network": null}'],
    ['run-no-list', 'files.json', undefined],
    ['run-list-noise', 'files.json', '{"files": 3}'],
    ['run-metrics-noise', 'metrics.jsonl', 'nothing\n{"epoch": "x"}\n'],
    ['run-genotype-noise', 'genotype.json', '{"genotype": {"normal": 5}}'],
    ['run-no-weights', 'weights.safetensors', undefined],
    ['run-weights-noise', 'weights.safetensors', 'noise'],
    ['run-no-genotype', 'genotype.json', undefined],
    ['run-genotype-null', 'genotype.json', 'null'],
    ['run-genotype-list', 'genotype.json', '[{}]'],
    ['run-no-child-weights', 'child.safetensors', undefined],
    ['run-child-weights-noise', 'child.safetensors', 'noise'],
  ] as const) {
    cpSync(at('run'), at(name), { recursive: true });
    if (content === undefined) rmSync(at(name, file));
    else writeFileSync(at(name, file), content);
  }
  put('functions/syntax.mjs', 'export const f = (');
  put('functions/throws.mjs', 'throw new TypeError("the module is ill");\n');
  put('functions/missing.mjs', "import './nowhere.mjs';\nexport const f = 1;\n");
  put('functions/number.mjs', 'export const f = 1;\n');
  put(
    'functions/throwing.mjs',
    'export const f = () => { throw new RangeError("ill"); };\nexport const inputs = [[1]];\nexport const g = f;\n',
  );
  put('functions/null.mjs', 'throw null;\n');
}, 120_000);

/** Words, no trace, and none of the codes that mean a success or a fault of ours. */
function expectWords({ code, err }: { readonly code: number; readonly err: string }): void {
  expect(err).not.toMatch(/^ {4}at /m);
  expect(err.trim()).not.toBe('');
  expect([EXIT.failed, EXIT.usage, EXIT.inUse] as number[], err).toContain(code);
}

const train = (...more: string[]): string[] =>
  'train --preset smoke --device cpu --nodes 1 --cells 1 --channels 2 --epochs 1 --quiet'.split(' ').concat(more);
const elsewhere = (...more: string[]): string[] => tinyArgs(data, at('new')).concat(more);

const rows: readonly (readonly [string, () => readonly string[]])[] = [
  ...[
    'nowhere',
    'empty',
    'a-file',
    'circle',
    'noise',
    'cut-images',
    'cut-header',
    'folder-for-file',
    'noise-for-labels',
    'no-labels',
  ].flatMap((name) => [
    [`search with data that are ${name}`, () => elsewhere('--data', at(name))] as const,
    // The same reader reads them.
    ...(['nowhere', 'noise', 'folder-for-file'].includes(name)
      ? ([[`train with data that are ${name}`, () => train('--genotype', 'random', '--data', at(name), '--out', at('t'))]] as const)
      : []),
  ]),
  ...['/proc/x', '/dev/null/x', 'a-file/x', 'a-file', 'circle/x', `${'long'.repeat(80)}/x`].flatMap((name) => {
    const out = name.startsWith('/') ? name : at(name);
    return [
      [`search into ${name.slice(0, 20)}`, () => elsewhere('--out', out)] as const,
      [`train into ${name.slice(0, 20)}`, () => train('--genotype', 'random', '--data', data, '--out', out)] as const,
    ];
  }),
  ...[
    'nowhere',
    'empty',
    'a-file',
    'circle',
    'noise',
    'run-no-config',
    'run-config-noise',
    'run-config-list',
    'run-config-null',

    'run-metrics-noise',
  ].flatMap((name) => [
    [`search --resume ${name}`, () => ['search', '--resume', at(name), '--quiet']] as const,
    [`train --resume ${name}`, () => ['train', '--resume', at(name), '--quiet']] as const,
  ]),
  ...[
    'nowhere',
    'empty',
    'a-file',
    'circle',
    'noise',
    'folder.safetensors',
    'run-no-config',
    'run-config-noise',
    'run-config-list',
    'run-config-null',
    'run-list-noise',
    'run-metrics-noise',
    'run-genotype-noise',
    'run-no-weights',
    'run-weights-noise',
  ].map((name) => [`verify ${name}`, () => ['verify', at(name)]] as const),
  ...['nowhere', 'empty', 'a-file', 'circle', 'noise', 'run-genotype-noise', 'folder.safetensors'].map(
    (name) => [`train --genotype ${name}`, () => train('--genotype', at(name), '--data', data, '--out', at('t2'))] as const,
  ),
  ...['syntax', 'throws', 'null', 'missing', 'number', 'throwing', 'nowhere'].map(
    (name) => [`gradcheck of a module that is ${name}`, () => ['gradcheck', `${at('functions', `${name}.mjs`)}#f`]] as const,
  ),
  ...[
    'nowhere',
    'empty',
    'a-file',
    'circle',
    'noise',
    'folder.safetensors',
    'run-no-genotype',
    'run-genotype-noise',
    'run-genotype-null',
    'run-genotype-list',
    'run-no-child-weights',
    'run-child-weights-noise',
  ].flatMap((name) => [
    [`evaluate ${name}`, () => ['evaluate', at(name), '--data', data, '--device', 'cpu']] as const,
    [`predict ${name}`, () => ['predict', at(name), path.join(data, 't10k-images-idx3-ubyte'), '--device', 'cpu']] as const,
    [`train --from ${name}`, () => train('--from', at(name), '--data', data, '--out', at('t3'))] as const,
  ]),
  ...['nowhere', 'empty', 'a-file', 'circle', 'noise', 'cut-images', 'noise-for-labels'].flatMap((name) => [
    [`evaluate with data that are ${name}`, () => ['evaluate', at('run'), '--data', at(name), '--device', 'cpu']] as const,
    [`predict of ${name}`, () => ['predict', at('run'), at(name), '--device', 'cpu']] as const,
  ]),
  ...['syntax', 'throws', 'null', 'missing', 'number', 'throwing', 'nowhere'].map(
    (name) => [`search --space that is ${name}`, () => elsewhere('--space', at('functions', `${name}.mjs`))] as const,
  ),
  ['gradcheck of an export that is not there', () => ['gradcheck', `${at('functions/number.mjs')}#other`]],
  ['gradcheck of a folder', () => ['gradcheck', `${at('functions')}#f`]],
  ['gradcheck of noise', () => ['gradcheck', `${at('noise')}#f`]],
];

describe('in this process', () => {
  it.each(rows)('%s', async (_name, args) => {
    // verify tells its findings on stdout; what it refuses, on stderr.
    const { code, out, err } = await runReparam(...args());
    expectWords({ code, err: args()[0] === 'verify' ? out + err : err });
  });
});

describe('the other commands, each in its own process', () => {
  const commands: readonly (readonly [string, string, () => readonly string[]])[] = [
    ['experiment that is not there', 'experiments/figures/main.ts', () => ['nothing']],
    ['experiment below a file', 'experiments/figures/main.ts', () => ['fig9', '--scale', 'smoke', '--out', at('a-file', 'x')]],
    [
      'experiment without data',
      'experiments/figures/main.ts',
      () => ['fig9', '--scale', 'smoke', '--data', at('nowhere'), '--out', at('e')],
    ],
    ['credit audit of no run', 'experiments/credit/main.ts', () => ['audit', '--run', at('nowhere')]],
    ['credit audit of a damaged run', 'experiments/credit/main.ts', () => ['audit', '--run', at('run-weights-noise')]],
    ['credit estimators below a file', 'experiments/credit/main.ts', () => ['estimators', '--out', at('a-file', 'x')]],
    [
      'credit identity below a file',
      'experiments/credit/main.ts',
      () => ['identity', '--head', 'softmax', '--samples', '10', '--lambda', '1', '--out', at('a-file', 'x')],
    ],
    ['no such command', 'src/cli/main.ts', () => ['nothing']],
    ['a command that has moved', 'src/cli/main.ts', () => ['experiment', 'fig9']],
  ];
  it.each(commands)('%s', async (_name, script, args) => {
    const child = spawn(process.execPath, ['--import', 'tsx', script, ...args()], {
      cwd: root,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let err = '';
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number];
    expectWords({ code, err });
  });
});

describe('doctor, which tells of a bad world', () => {
  const none = /^adapter +none.*\nproblem .+\nto get one .+$/m;
  it.each([
    ['without a driver', none, { VK_ICD_FILENAMES: at('nowhere'), VK_DRIVER_FILES: at('nowhere') }],
    ['with a driver that is noise', none, { VK_ICD_FILENAMES: at('noise'), VK_DRIVER_FILES: at('noise') }],
    ['without a home', /^adapter /m, { HOME: at('nowhere'), XDG_RUNTIME_DIR: at('nowhere'), TMPDIR: at('nowhere') }],
  ])('%s', async (_name, told, env) => {
    const child = spawn(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', 'doctor'], {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number];
    // Dawn itself may print where in its own sources the loader failed.
    expect(out + err).not.toMatch(/^ {4}at (?!.*\.cpp:)/m);
    expect(code).toBe(EXIT.done);
    expect(out).toMatch(told);
  });
});

describe('what this user may not read or write', () => {
  /** Root may do anything; so it runs as nobody then. */
  async function withoutRights(body: () => Promise<void>): Promise<void> {
    const mine = process.geteuid?.();
    if (mine === 0) process.seteuid!(65534);
    try {
      await body();
    } finally {
      if (mine === 0) process.seteuid!(0);
    }
  }
  const ours = process.platform !== 'win32';

  it.runIf(ours).each([
    ['search', (out: string) => tinyArgs(data, out)],
    ['train', (out: string) => train('--genotype', 'random', '--data', data, '--out', out)],
  ] as const)('%s into a folder of somebody else', async (name, args) => {
    mkdirSync(at(`theirs-${name}`), { mode: 0o555 });
    await withoutRights(async () => {
      const ended = await runReparam(...args(at(`theirs-${name}`, 'run')));
      expectWords(ended);
      expect(ended.code).toBe(EXIT.failed);
      expect(ended.err).toMatch(/permission is denied \(EACCES\); change the owner or the mode of it, or use another path/);
      expect(ended.err.trim().split('\n')).toHaveLength(1);
    });
  });

  it.runIf(ours).each([
    ['search --resume', () => ['search', '--resume', at('closed'), '--quiet']],
    ['verify', () => ['verify', at('closed')]],
    ['evaluate', () => ['evaluate', at('closed'), '--data', data]],
    ['predict', () => ['predict', at('run'), at('closed', 'a.png')]],
    ['search, of data', () => tinyArgs(at('closed'), at('new'))],
    ['gradcheck', () => ['gradcheck', `${at('closed', 'f.mjs')}#f`]],
  ] as const)('%s, of a folder that may not be read', async (_name, args) => {
    mkdirSync(at('closed'), { recursive: true });
    put('closed/config.json', '{}');
    put('closed/f.mjs', 'export const f = 1;\n');
    chmodSync(at('closed'), 0o000);
    try {
      await withoutRights(async () => {
        const { code, out, err } = await runReparam(...args());
        expectWords({ code, err: out + err });
        expect(out + err).toMatch(/permission|EACCES/);
      });
    } finally {
      chmodSync(at('closed'), 0o755);
    }
  });
});
