/** @file The audit of a run: whose it refuses, and that it sees the images and the credits that the run saw. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { agreement, auditDraws, loadAuditable, meanOf } from '../../../experiments/credit/runs/draws.ts';
import { quantile } from '../../../experiments/credit/runs/quantiles.ts';
import { auditSpace } from '../../../src/credit/index.ts';
import { cpu, DataFileError } from '../../../src/index.ts';
import { writeIdxFolder } from '../../support/idx-folder.ts';
import { runReparam } from '../../support/run-reparam.ts';
import { tinyArgs } from '../../support/tiny-run.ts';

const scratch = mkdtempSync(path.join(os.tmpdir(), 'reparam-audit-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const data = writeIdxFolder(path.join(scratch, 'data'), 96, 32);
const float32 = (): ReturnType<typeof cpu> => cpu({ dtype: 'float32' });

async function searched(strategy: string, ...more: string[]): Promise<string> {
  const folder = path.join(scratch, strategy);
  const { code, err } = await runReparam(...tinyArgs(data, folder), '--epochs', '1', '--strategy', strategy, ...more);
  if (code !== 0) throw new Error(err);
  return folder;
}

it.each(['snas-autoregressive', 'darts-1', 'enas'])(
  'a run of %s, whose Z is not drawn choice by choice, is refused by name in one line',
  async (strategy) => {
    const error = await loadAuditable(await searched(strategy), float32()).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(DataFileError);
    expect((error as Error).message).toMatch(new RegExp(`^credit: \\S+ was searched by ${strategy}, [^\\n]+$`));
  },
  60_000,
);

it('under the Z and the batch of a record its first-order credits are the R of the run, to 1e-6 of the largest', async () => {
  const folder = await searched('snas', '--credits', '1', '--keep-weights', '1');
  using run = await loadAuditable(folder, float32());
  for (const record of run.records) {
    await run.load(record.step);
    const report = await auditSpace(run.space, run.recordedZ(record), run.recordedBatch(record), { secondOrder: false });
    const largest = Math.max(...record.places.map(({ credit }) => Math.abs(credit)));
    report.places.forEach(({ taylor }, p) => expect(Math.abs(taylor - record.places[p]!.credit)).toBeLessThan(1e-6 * largest));
  }
  // Quantiles are over draws that differ.
  const draws = await auditDraws(run, { draws: 3, images: 8, seed: 1 });
  expect(new Set(draws.map((d) => d.report.loss)).size).toBe(3);
  expect(await auditDraws(run, { draws: 1, images: 8, seed: 1 })).toEqual(draws.slice(0, 1));
}, 60_000);

it('agreement, quantiles and means are those of a worked case', () => {
  const { gap, rank, wrongSigns, topFive } = agreement([3, -1, 2, 5, 4, 6], [3, 1, 2, 5, 4, 6]);
  expect(gap).toBeCloseTo(2 / Math.sqrt(91), 12);
  expect(rank).toBe(1);
  expect(wrongSigns).toBeCloseTo(1 / 6, 12);
  expect(topFive).toBe(1);
  expect(agreement([-1, -2, -3], [1, 2, 3])).toMatchObject({ rank: -1, wrongSigns: 1 });
  expect([0, 0.25, 0.5, 1].map((level) => quantile([4, 1, 3, 2], level))).toEqual([1, 1.75, 2.5, 4]);
  expect(
    meanOf([
      [1, 2],
      [3, 6],
    ]),
  ).toEqual([2, 4]);
});
