/** @file The credit laboratory's commands as people run them, at small sizes: what they print, what they write, how they refuse. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { monteCarloIdentity } from '../../../experiments/laboratory/index.ts';
import { dagFixture } from '../../../src/credit/index.ts';
import { cpu, key } from '../../../src/index.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'reparam-credit-'));
});
afterAll(() => rm(folder, { recursive: true }));

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const reparam = (...args: string[]): Ended => run('src/cli/main.ts', args);
const credit = (...args: string[]): Ended => run('experiments/credit/main.ts', args);

function run(main: string, args: readonly string[]): Ended {
  const command = ['node_modules/tsx/dist/cli.mjs', main, ...args];
  return spawnSync(process.execPath, command, { cwd: root, encoding: 'utf8', timeout: 100_000 });
}

it('credit identity prints the table of one head and writes JSON, Markdown and a picture that say what made them', async () => {
  const { status, stdout } = credit('identity', '--head', 'quadratic', '--lambda', '0.5', '--samples', '512', '--out', folder);
  expect(status).toBe(0);
  expect(stdout).toMatch(/quadratic +0\.5 +-0\.44\d+ +-0\.37\d+/);
  const data = JSON.parse(await readFile(path.join(folder, 'credit-identity.json'), 'utf8')) as {
    command: string;
    quadrature: unknown[];
  };
  expect(data.command).toContain('--head quadratic');
  expect(data.quadrature).toHaveLength(1);
  expect(existsSync(path.join(folder, 'credit-identity.md'))).toBe(true);
  expect(await readFile(path.join(folder, 'credit-identity-gap.svg'), 'utf8')).toContain('<title id="title">');
});

it('credit identity --head relu samples the network of the relu head, and not of another', async () => {
  const out = path.join(folder, 'relu');
  const { stdout } = credit('identity', '--head', 'relu', '--lambda', '0.5', '--samples', '256', '--seed', '3', '--out', out);
  expect(stdout).toContain('Six edges, four operations, relu head');
  const { sampled } = JSON.parse(await readFile(path.join(out, 'credit-identity.json'), 'utf8')) as {
    sampled: { path: number[][] };
  };
  const fixture = dagFixture(cpu(), { head: 'relu' });
  const logits = fixture.edges.map((_, e) => [0.2, -0.3, 0.1, 0].map((v, k) => v * Math.cos(e + k)));
  const own = await monteCarloIdentity(fixture, { logits, temperature: 0.5, samples: 256, key: key(3) });
  sampled.path.flat().forEach((v, i) => expect(v).toBeCloseTo(own.path.flat()[i]!, 7));
});

it('estimators prints every estimator with its bias and spread, and draws both', async () => {
  const { status, stdout } = credit('estimators', '--samples', '512', '--temperatures', '0.5', '--out', folder);
  expect(status).toBe(0);
  for (const name of ['concrete pathwise', 'Gumbel-Rao', 'DSNAS', 'REBAR', 'RELAX', 'score x taylor (SNAS)'])
    expect(stdout).toContain(name);
  expect(existsSync(path.join(folder, 'estimators-bias.svg'))).toBe(true);
  expect(existsSync(path.join(folder, 'estimators-spread.svg'))).toBe(true);
});

it('a search records credits without changing its result, and an audit of its folder compares them with the exact ones', async () => {
  const [plain, recorded] = [path.join(folder, 'plain'), path.join(folder, 'recorded')];
  const search = ['search', '--preset', 'smoke', '--device', 'cpu', '--epochs', '1', '--quiet', '--out'];
  expect(reparam(...search, plain).status).toBe(0);
  expect(reparam(...search, recorded, '--credits', '8').status).toBe(0);
  const weights = (run: string): Promise<Buffer> => readFile(path.join(run, 'weights.safetensors'));
  expect((await weights(recorded)).equals(await weights(plain))).toBe(true);
  const lines = (await readFile(path.join(recorded, 'credits.jsonl'), 'utf8')).trim().split('\n');
  for (const line of lines) {
    const record = JSON.parse(line) as { step: number; mismatch: number };
    expect(record.step % 8).toBe(0);
    expect(record.mismatch).toBeLessThan(1e-4);
  }
  expect(existsSync(path.join(recorded, 'credits-cells-0.svg'))).toBe(true);
  const { status, stdout } = credit('audit', '--run', recorded, '--cells', '0', '--images', '8', '--draws', '3');
  expect(status).toBe(0);
  expect(stdout).toContain('cell 0 normal 0-2');
  expect(stdout).toMatch(/place: rank correlation( +-?[01]\.\d{3}){5}/);
  expect(existsSync(path.join(recorded, 'credit-audit.json'))).toBe(true);
  const damaged = await weights(recorded);
  damaged[damaged.length - 1]! ^= 1;
  await writeFile(path.join(recorded, 'weights.safetensors'), damaged);
  const refused = credit('audit', '--run', recorded, '--cells', '0', '--images', '8');
  expect([refused.status, refused.stderr]).toEqual([
    1,
    expect.stringMatching(/^reparam: \S*weights.safetensors [^\n]*damaged[^\n]*\n$/),
  ]);
}, 180_000);

it('what cannot be obeyed is refused with the reason', () => {
  expect(credit('identity', '--head', 'cubic').stderr).toContain('Allowed choices are linear');
  const many = credit('estimators', '--nodes', '3', '--operations', '5', '--samples', '8', '--out', folder);
  expect(many.status).toBe(1);
  expect(many.stderr).toContain('15625 architectures; at most 4096');
  expect(credit('audit', '--run', folder).stderr).toContain('holds no run');
});
