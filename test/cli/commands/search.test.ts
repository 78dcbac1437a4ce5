/** @file `reparam search` as a process: a complete run folder, the same figures for a seed, an interrupted run that can be continued. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import type { RunConfig } from '../../../src/cli/settings/search.ts';
import { readWeights } from '../../../src/files/weights.ts';
import { decided } from '../../support/tiny-run.ts';
import { parseGenotype } from '../../../src/snas/index.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const scratch = mkdtempSync(path.join(tmpdir(), 'reparam-search-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const FILES = [
  'config.json',
  'metrics.jsonl',
  'genotype.json',
  'normal.svg',
  'reduction.svg',
  'curves.svg',
  'weights.safetensors',
  'child.safetensors',
  'files.json',
];
const TINY = [
  '--preset',
  'smoke',
  '--device',
  'cpu',
  '--nodes',
  '1',
  '--train-images',
  '64',
  '--validation-images',
  '32',
  '--seed',
  '5',
];

/** Runs the command; `interruptAfter` sends the signal when stdout has this text. */
function search(
  args: readonly string[],
  interruptAfter?: string,
  signal: NodeJS.Signals = 'SIGINT',
): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', 'search', ...args], { cwd: root });
    let out = '';
    let err = '';
    let interrupted = false;
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      if (interruptAfter !== undefined && !interrupted && out.includes(interruptAfter)) {
        interrupted = true;
        child.kill(signal);
      }
    });
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.on('close', (code) => resolve({ code, out, err }));
  });
}

function metrics(folder: string): Record<string, unknown>[] {
  return readFileSync(path.join(folder, 'metrics.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => {
      const { times: _, ...seeded } = JSON.parse(line) as Record<string, unknown>;
      return seeded;
    });
}

/** config.json of a run that ended well. */
function configOf(folder: string, code: number | null): RunConfig {
  expect(code).toBe(0);
  return JSON.parse(readFileSync(path.join(folder, 'config.json'), 'utf8')) as RunConfig;
}

describe('reparam search', () => {
  const whole = path.join(scratch, 'whole');

  it('leaves a complete run folder and prints the literal that it holds', async () => {
    const { code, out } = await search([...TINY, '--epochs', '3', '--out', whole]);
    expect(code).toBe(0);
    for (const file of FILES) expect(existsSync(path.join(whole, file)), file).toBe(true);
    const found = JSON.parse(readFileSync(path.join(whole, 'genotype.json'), 'utf8')) as { literal: string; complete: boolean };
    expect(found.complete).toBe(true);
    expect(out).toContain(found.literal);
    expect(parseGenotype(found.literal).normal).toHaveLength(2);
    expect(metrics(whole)).toHaveLength(3);
  }, 120_000);

  it('does not overwrite a run, and says how to go on', async () => {
    const { code, err } = await search([...TINY, '--epochs', '1', '--out', whole]);
    expect(code).toBe(1);
    expect(err).toMatch(/holds a run already.*--resume/);
  }, 60_000);

  it('ends after the step on SIGTERM and Ctrl-C with the folder complete, and continues to the files of the unbroken run', async () => {
    const folder = path.join(scratch, 'interrupted');
    // The header is followed by the first epoch; the signal lands in the first or second.
    const ended = await search([...TINY, '--epochs', '3', '--out', folder], 'images/s\n', 'SIGTERM');
    expect([ended.code, ended.err]).toEqual([143, expect.stringMatching(/stopping after this step \(SIGTERM\); once more/)]);
    expect(ended.out).toContain(`continue with --resume ${folder}`);
    const names = readdirSync(folder);
    for (const file of FILES) expect(names, file).toContain(file);
    expect(names).not.toContain('run.lock');
    const { complete } = JSON.parse(readFileSync(path.join(folder, 'genotype.json'), 'utf8')) as { complete: boolean };
    expect(complete).toBe(false);
    expect((await search(['--resume', folder], 'images/s\n')).code).toBe(130);
    expect((await search(['--resume', folder])).code).toBe(0);
    expect(decided(folder)).toEqual(decided(whole));
  }, 180_000);

  it('runs a rival with its own settings, and continues it as what it was', async () => {
    const folder = path.join(scratch, 'enas');
    const args = [...TINY, '--strategy', 'enas', '--cost', 'params', '--eta', 'mild', '--epochs', '1', '--out', folder];
    const { strategy, cost, search: settings } = configOf(folder, (await search(args)).code);
    expect([strategy, cost, settings.eta]).toEqual(['enas', 'parameters', 0.3]);
    // The rate that the experiments give a controller in a short run.
    expect(settings.architecture.lr).toBe(0.01);
    const { code, out } = await search(['--resume', folder]);
    expect(code).toBe(0);
    expect(out).toContain('strategy   enas');
    // The saved state of a controller fits no other strategy.
    const other = await search(['--resume', folder, '--strategy', 'snas']);
    expect([other.code, other.err]).toEqual([2, expect.stringContaining('--strategy snas cannot hold')]);
  }, 120_000);

  it('prices by measured latency, says in what unit, and keeps the unit for a continued run', async () => {
    const folder = path.join(scratch, 'latency');
    const args = [...TINY, '--cost', 'latency', '--latency-every', '1', '--eta', 'moderate', '--epochs', '1', '--out', folder];
    const { code, out } = await search(args);
    const { cost, latency, search: settings } = configOf(folder, code);
    expect([cost, latency, settings.eta]).toEqual(['latency', { every: 1 }, 3]);
    expect(out).toMatch(/by wall time: [\d.]+ ms .* \(cost 0\), [\d.]+ ms where every choice takes \w+ \(cost 1\).* every step\n/);
    expect(out).toContain('does not give the same run to the bit');
    const resumed = await search(['--resume', folder]);
    expect(resumed.code).toBe(0);
    expect(resumed.out).not.toContain('(cost 1)');
    const { tensors } = await readWeights(path.join(folder, 'checkpoint-2.safetensors'));
    expect(tensors['black_box.latency_unit']!.data).toHaveLength(2);
  }, 120_000);

  it('refuses flags that make no sense, by name', async () => {
    for (const [flag, value] of [
      ['--epochs', '0'],
      ['--drop-path', '1'],
      ['--train-images', '70000'],
      ['--temperature-end', '3'],
    ] as const) {
      const { code, err } = await search([...TINY.filter((a, i) => a !== flag && TINY[i - 1] !== flag), flag, value]);
      expect(code).toBe(2);
      expect(err).toContain(flag);
    }
  }, 120_000);
});
