/**
 * @file The smoke search is the one that was recorded: figures, genotype and every weight of the child, by plain kernels.
 *
 * test/golden/smoke-search.json has the command that made it, and is of the code that first computed equal operations once (the genotype
 * is that of e63a87e, before search spaces had choices). SHA-256 is of a tensor's little-endian elements. What `Math` rounds otherwise in
 * another V8 is compared to 1e-4, and accuracies to two images.
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readWeights } from '../../../../src/files/weights.ts';
import { withRelaxed } from '../../../support/kernels.ts';
import { runReparam } from '../../../support/run-reparam.ts';

interface Recorded {
  readonly command: string;
  readonly node: string;
  readonly metrics: readonly Readonly<Record<string, number>>[];
  readonly literal: string;
  readonly accuracies: Readonly<Record<string, number>>;
  readonly child: Readonly<Record<string, { readonly shape: readonly number[]; readonly norm: number; readonly sha256: string }>>;
}

const golden = fileURLToPath(new URL('../../../golden/smoke-search.json', import.meta.url));
const recorded = JSON.parse(readFileSync(golden, 'utf8')) as Recorded;
const majorOf = (version: string): string => version.split('.')[0]!;
const exact = majorOf(process.version) === majorOf(recorded.node);
/** Of 256 validation images. */
const TWO_IMAGES = 2 / 256 + 1e-12;

const folder = mkdtempSync(path.join(os.tmpdir(), 'reparam-golden-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const run = path.join(folder, 'run');
beforeAll(async () => {
  const [, ...args] = recorded.command.split(' ');
  const { code, err } = await withRelaxed(false, () => runReparam(...args, '--quiet', '--out', run));
  if (code !== 0) throw new Error(`the search ended with ${code}: ${err}`);
}, 120_000);

/** How far a number may be from the recorded one: not at all in the recorded major version of Node. */
function allowed(name: string, wanted: number): number {
  if (exact) return 0;
  return name.includes('Accuracy') ? TWO_IMAGES : 1e-4 * Math.abs(wanted);
}

function expectSame(name: string, actual: number, wanted: number): void {
  expect(Math.abs(actual - wanted), `${name} ${actual}, recorded ${wanted}`).toBeLessThanOrEqual(allowed(name, wanted));
}

it('the figures of every epoch are the recorded ones', () => {
  const lines = readFileSync(path.join(run, 'metrics.jsonl'), 'utf8').trim().split('\n');
  const metrics = lines.map((line) => {
    const { times: _, ...figures } = JSON.parse(line) as Record<string, number>;
    return figures;
  });
  expect(metrics.map((figures) => Object.keys(figures))).toEqual(recorded.metrics.map((figures) => Object.keys(figures)));
  recorded.metrics.forEach((figures, epoch) => {
    for (const [name, wanted] of Object.entries(figures)) expectSame(name, metrics[epoch]![name]!, wanted);
  });
});

it('the genotype and its accuracies are the recorded ones', () => {
  const found = JSON.parse(readFileSync(path.join(run, 'genotype.json'), 'utf8')) as Record<string, unknown>;
  expect(found['literal']).toBe(recorded.literal);
  for (const [name, wanted] of Object.entries(recorded.accuracies)) expectSame(name, found[name] as number, wanted);
});

it('every weight and statistic of the child is the recorded one', async () => {
  const { tensors } = await readWeights(path.join(run, 'child.safetensors'));
  expect(Object.keys(tensors)).toEqual(Object.keys(recorded.child));
  for (const [name, { shape, norm, sha256 }] of Object.entries(recorded.child)) {
    const { data, shape: found } = tensors[name]!;
    expect([name, found]).toEqual([name, shape]);
    const digest = createHash('sha256')
      .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
      .digest('hex');
    expect([name, digest]).toEqual([name, exact ? sha256 : digest]);
    const squares = Array.from(data).reduce((sum, v) => sum + v * v, 0);
    expect(Math.abs(Math.sqrt(squares) - norm), name).toBeLessThanOrEqual(1e-4 * norm);
  }
});
