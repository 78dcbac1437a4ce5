/** @file loadRun: a run's network, data and state again, so that what it recorded can be computed again from its folder. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hostRows, withBatchStatistics } from '../../src/snas/index.ts';
import { cpu, crossEntropy, DataFileError, grad, OptionError } from '../../src/index.ts';
import { recordCredits } from '../../src/credit/index.ts';
import { channelStatistics, disposeBatch } from '../../src/data/index.ts';
import { loadData } from '../../src/data/files.node.ts';
import { loadRun } from '../../src/runs/index.ts';
import { writeIdxFolder } from '../support/idx-folder.ts';
import { runReparam } from '../support/run-reparam.ts';
import { tinyArgs } from '../support/tiny-run.ts';

const scratch = mkdtempSync(path.join(os.tmpdir(), 'reparam-runs-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const data = writeIdxFolder(path.join(scratch, 'data'), 96, 32);
const folder = path.join(scratch, 'run');
beforeAll(async () => {
  const { code, err } = await runReparam(...tinyArgs(data, folder), '--credits', '1', '--keep-weights', 'every=1');
  if (code !== 0) throw new Error(err);
}, 60_000);

const float32 = (): ReturnType<typeof cpu> => cpu({ dtype: 'float32' });

it('recomputes every recorded credit from the folder, in mid-run too, to the same bits on the kernels of the run', async () => {
  using run = await loadRun(folder, { device: float32() });
  expect(run.records.map(({ step }) => step)).toEqual([1, 2, 3, 4]);
  expect(run.steps).toEqual([0, 1, 2, 3, 4]);
  for (const record of run.records) {
    await run.load(record.step);
    const batch = run.recordedBatch(record);
    const { step, key, temperature } = record;
    const draw = { key: key!, temperature: temperature!, batch: record.batch! };
    const again = await recordCredits(run.space, run.recordedZ(record), batch, { step, draw });
    // As JSON, which has no -0.
    expect(JSON.parse(JSON.stringify(again))).toEqual(record);
    // Z is what the key and the temperature of that very step give under the log alpha of that step.
    expect(temperature).toBe(run.temperature);
    expect(await hostRows(run.space.layout, run.draw(key!))).toEqual(record.z);
    disposeBatch(batch);
  }
  // The state of another step gives other credits: what was compared above is not the same whatever is loaded.
  await run.load(1);
  const last = run.records.at(-1)!;
  const other = await recordCredits(run.space, run.recordedZ(last), run.recordedBatch(last), { step: 4 });
  expect(other.places[0]!.credit).not.toBe(last.places[0]!.credit);
});

it('in float64 a recorded R is that of the run to 1e-4 of the largest, as -Z . dL/dZ by a backward pass of its own', async () => {
  using run = await loadRun(folder);
  const record = run.records[1]!;
  await run.load(2);
  const { space } = run;
  const { images, labels } = run.recordedBatch(record);
  const z = run.recordedZ(record);
  const slopes = await withBatchStatistics(space.network, async () =>
    hostRows(space.layout, grad(crossEntropy(space.forward(images, z), labels), z)),
  );
  const largest = Math.max(...record.places.map(({ credit }) => Math.abs(credit)));
  for (const [c, { name }] of space.layout.choices.entries()) {
    // Tied places share Z, so its derivative has the sum of their credits.
    const recorded = record.places.filter(({ choice }) => choice === name).reduce((sum, { credit }) => sum + credit, 0);
    const computed = -record.z![c]!.reduce((sum, v, k) => sum + v * slopes[c]![k]!, 0);
    expect(Math.abs(recorded - computed)).toBeLessThan(1e-4 * largest);
  }
});

it("standardises by the statistics of the run's own training images, which its config holds", async () => {
  using run = await loadRun(folder);
  const { train } = run.search.data as { train: Parameters<typeof channelStatistics>[0] };
  expect(run.config.standardise).toEqual({ ...channelStatistics(train) });
  const all = channelStatistics((await loadData(data)).train);
  expect(run.statistics.mean[0]).not.toBe(all.mean[0]);
  const copy = path.join(scratch, 'older');
  cpSync(folder, copy, { recursive: true });
  // A run of before there were such statistics: they follow from its images.
  const edit = (change: (config: Record<string, unknown>) => void): void => {
    const config = JSON.parse(readFileSync(path.join(folder, 'config.json'), 'utf8')) as Record<string, unknown>;
    change(config);
    writeFileSync(path.join(copy, 'config.json'), JSON.stringify(config));
  };
  edit((config) => delete config['standardise']);
  using older = await loadRun(copy);
  expect(older.statistics).toEqual(run.statistics);
  edit((config) => (config['standardise'] = { mean: [0.5], std: [0.5] }));
  await expect(loadRun(copy)).rejects.toThrow(/standardise is not what the training images/);
});

it('says in one line what a folder has not', async () => {
  using run = await loadRun(folder);
  await expect(run.load(7)).rejects.toThrow(/no weights of step 7: the folder has 0, 1, 2, 3, 4; search --keep-weights/);
  expect(() => run.recordedZ({ ...run.records[0]!, z: [[1]] })).toThrow(OptionError);
  const { z: _z, batch: _batch, ...old } = run.records[0]!;
  expect(() => run.recordedZ(old)).toThrow(/an earlier version made it/);
  expect(() => run.recordedBatch(old)).toThrow(/an earlier version made it/);
  await expect(loadRun(scratch)).rejects.toThrow(DataFileError);
  const copy = path.join(scratch, 'damaged');
  cpSync(folder, copy, { recursive: true });
  const file = path.join(copy, 'weights-1.safetensors');
  const bytes = readFileSync(file);
  bytes[bytes.length - 5]! ^= 1;
  writeFileSync(file, bytes);
  using damaged = await loadRun(copy);
  await expect(damaged.load(1)).rejects.toThrow(/weights-1.safetensors/);
  await damaged.load(2);
});
