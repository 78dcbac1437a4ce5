/** @file `npm run experiment`: the list, what it refuses, and small runs that leave data, pictures and an account in the agreed words. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { CommanderError } from 'commander';
import { afterAll, describe, expect, it } from 'vitest';
import { experimentCommand } from '../../../experiments/figures/command.ts';
import { runSearchJob } from '../../../src/jobs/index.ts';
import { searchJob } from '../../../experiments/figures/settings.ts';
import { UsageError } from '../../../src/command/usage-error.ts';
import { version } from '../../../src/command/version.ts';
import { cpu } from '../../../src/devices/cpu.ts';
import { parseGenotype } from '../../../src/snas/index.ts';
import { writeIdxFolder } from '../../support/idx-folder.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const scratch = mkdtempSync(path.join(tmpdir(), 'reparam-experiment-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const NAMES = [
  'eq3',
  'eq18-19',
  'eq16',
  'decoding',
  'eq14',
  'eq6-7',
  'darts-2',
  'fig9',
  'fig10',
  'fig11',
  'fig12',
  'fig13-15',
  'fig16',
  'fig17',
];
const VERDICTS = ['held', 'refuted', 'undecided'];

interface Times {
  readonly count: number;
  readonly seconds: number;
  readonly secondsNow: number;
}

interface Result {
  readonly command: string;
  readonly date: string;
  readonly reparam: string;
  readonly seconds: number;
  readonly searches?: Times;
  readonly trainings?: Times;
  readonly findings: readonly { readonly claim: string; readonly seen: string; readonly verdict: string }[];
  readonly data: Readonly<Record<string, readonly { readonly genotype: string; readonly seed: number; readonly error: number }[]>>;
}

/** Runs in the scratch folder, where searches are kept too. */
function experiment(...args: string[]): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  return run('experiments/figures/main.ts', ...args);
}

/** A command in that folder. */
function run(
  main: string,
  ...args: string[]
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const tsx = [path.join(root, 'node_modules/tsx/dist/cli.mjs'), '--tsconfig', path.join(root, 'tsconfig.json')];
  const command = [...tsx, path.join(root, main), ...args];
  return spawnSync(process.execPath, command, { cwd: scratch, encoding: 'utf8', timeout: 110_000 });
}

function read(out: string, name: string): { readonly result: Result; readonly text: string } {
  const file = (suffix: string): string => readFileSync(path.join(scratch, out, name + suffix), 'utf8');
  return { result: JSON.parse(file('.json')) as Result, text: file('.md') };
}

/** What any experiment's files must be. */
function expectAnAccount({ result, text }: ReturnType<typeof read>, name: string): void {
  expect(result.command).toContain(`npm run experiment -- ${name} `);
  expect(result.date).toMatch(/^\d{4}-\d\d-\d\d$/);
  expect(result.reparam).toBe(version);
  expect(result.findings.length).toBeGreaterThan(0);
  for (const { claim, seen, verdict } of result.findings) {
    expect(VERDICTS).toContain(verdict);
    const word = verdict.charAt(0).toUpperCase() + verdict.slice(1);
    expect(text).toContain(`**Claim.** ${claim} **${word}.**${seen === '' ? '' : ` ${seen}`}`);
  }
  expect(text).toContain(result.command);
}

/** The command in this process: what it throws. */
async function refusal(...args: string[]): Promise<unknown> {
  try {
    await experimentCommand()
      .configureOutput({ writeErr: () => {} })
      .parseAsync(args, { from: 'user' });
    return undefined;
  } catch (error) {
    return error;
  }
}

it('list names every figure of the article that is made again, and what it shows', () => {
  const { status, stdout } = experiment('list');
  expect(status).toBe(0);
  expect(
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' ')[0]),
  ).toEqual(NAMES);
  expect(stdout).toMatch(/^fig16 +figure 16: /m);
});

describe('a command line that cannot be obeyed', () => {
  it('an unknown name is answered with the names there are, and code 2', () => {
    const { status, stderr } = experiment('fig99');
    expect([status, stderr]).toEqual([2, expect.stringContaining(`no experiment 'fig99'; there are list, ${NAMES.join(', ')}`)]);
  });

  it.each(['', 'a', '-1', '1.5', '1,,2', '1,', '0,1,0', '9007199254740993'])(
    'seeds %j are refused by name of the flag',
    async (seeds) => {
      const error = await refusal('fig9', '--seeds', seeds);
      expect(error).toBeInstanceOf(CommanderError);
      expect((error as CommanderError).message).toMatch(/--seeds.*different integers of 0 or more/);
    },
  );

  it('figure 17 without a second data set says which flag names one', async () => {
    const error = await refusal('fig17');
    expect(error).toBeInstanceOf(UsageError);
    expect((error as UsageError).message).toMatch(/--transfer FOLDER/);
  });

  it.each([
    ['--scale', 'tiny'],
    ['--jobs', '0'],
    ['--device', 'tpu'],
  ])('%s %s is refused', async (flag, value) => {
    const error = await refusal('fig9', flag, value);
    expect((error as CommanderError).message).toContain(flag);
  });
});

it('equations 18 and 19 over two networks: no gap where all is linear, one where it is not, as data, picture and account', () => {
  const { status, stdout } = experiment('eq18-19', '--seeds', '0,1', '--out', 'eq');
  expect(status).toBe(0);
  const account = read('eq', 'eq18-19');
  expectAnAccount(account, 'eq18-19');
  expect(stdout).toContain(account.text);
  expect(account.result.findings[0]!.verdict).toBe('held');
  expect(account.result.searches).toBeUndefined();
  const picture = readFileSync(path.join(scratch, 'eq', 'eq18-19.svg'), 'utf8');
  expect(picture).toMatch(/^<svg [^]*<title id="title">[^]*<\/svg>\s*$/);
});

it("random search keeps the candidate that is best on the search's validation images, under the shared weights", async () => {
  const data = writeIdxFolder(path.join(scratch, 'candidates'), 128, 32);
  const image = { classes: 10, channels: 1 };
  const job = searchJob({ scale: 'smoke', data }, image, 'random', 4, { candidates: 6 });
  const run = await runSearchJob(cpu({ dtype: 'float32' }), job);
  expect(run.candidates).toHaveLength(6);
  // The child's own score on the validation images, taken anew, is the best candidate's.
  expect(run.childAccuracy).toBe(Math.max(...run.candidates!));
  expect(new Set(run.candidates).size).toBeGreaterThan(1);
  await expect(runSearchJob(cpu({ dtype: 'float32' }), { ...job, strategy: 'snas' })).rejects.toThrow(
    /candidates are for random search/,
  );
});

it('figure 16 in small: rows of found, uniform, random and published cells; a second run keeps the searches and gives the same figures', () => {
  const data = writeIdxFolder(path.join(scratch, 'data'), 128, 32);
  const args = ['fig16', '--scale', 'smoke', '--seeds', '3', '--data', data];
  // All in one process at first, then each training in its own: where a job runs must not matter.
  expect(experiment(...args, '--out', 'first', '--jobs', '1').status).toBe(0);
  rmSync(path.join(scratch, 'runs', 'trainings'), { recursive: true });
  expect(experiment(...args, '--out', 'second', '--jobs', '2').status).toBe(0);
  const [first, second] = [read('first', 'fig16'), read('second', 'fig16')];
  for (const account of [first, second]) expectAnAccount(account, 'fig16');
  expect(Object.keys(first.result.data)).toEqual([
    'SNAS, no penalty',
    'SNAS, moderate penalty (eta 3)',
    'DARTS, first order',
    'uniform alpha',
    'random search, best of 16 on validation',
    'random',
    'published SNAS_moderate',
    'published DARTS_V2',
  ]);
  for (const row of Object.values(first.result.data)) {
    expect(row.map((cell) => cell.seed)).toEqual([3]);
    // A count of 32 test images, and a cell that can be read.
    for (const cell of row) expect(Math.abs(cell.error * 32 - Math.round(cell.error * 32))).toBeLessThan(1e-3);
    for (const cell of row) expect(parseGenotype(cell.genotype).normal.length).toBeGreaterThan(0);
  }
  const figures = (r: Result): unknown =>
    JSON.parse(JSON.stringify(r.data, (name, value: unknown) => (name === 'seconds' ? 0 : value)));
  expect(figures(second.result)).toEqual(figures(first.result));
  expect(second.result.findings).toEqual(first.result.findings);
  expect(first.result.searches).toMatchObject({ count: 5, secondsNow: first.result.searches!.seconds });
  expect(second.result.searches).toEqual({ count: 5, seconds: first.result.searches!.seconds, secondsNow: 0 });
  expect(second.result.trainings!.secondsNow).toBe(second.result.trainings!.seconds);
  // `reparam train` with the same seed is the same training.
  const cells = ['random', 'SNAS_moderate'];
  const train = ['train', '--genotype', ...cells, '--preset', 'smoke', '--device', 'cpu', '--seed', '3', '--nodes', '2'];
  expect(run('src/cli/main.ts', ...train, '--data', data, '--out', 'trained', '--quiet').status).toBe(0);
  const trained = JSON.parse(readFileSync(path.join(scratch, 'trained', 'result.json'), 'utf8')) as {
    cells: { testError: number }[];
  };
  expect(trained.cells.map((c) => c.testError)).toEqual(
    ['random', 'published SNAS_moderate'].map((row) => expect.closeTo(first.result.data[row]![0]!.error, 5) as unknown),
  );
  expect(second.text).toMatch(/5 searches, \d+ s in the sum of their processes, of which 0 s now/);
}, 240_000);
