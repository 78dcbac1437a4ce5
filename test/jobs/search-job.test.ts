/** @file What a search and a training may be asked beside their figures: both children of one alpha, a budget, a curve of errors. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { cpu } from '../../src/index.ts';
import { runSearchJob, runTrainingJob, type SearchJob } from '../../src/jobs/index.ts';
import { activeEdges, CELL_TYPES, CHILD_PRESETS, type Genotype } from '../../src/snas/index.ts';
import { writeIdxFolder } from '../support/idx-folder.ts';
import { TINY } from '../support/tiny-search.ts';

const scratch = mkdtempSync(path.join(os.tmpdir(), 'reparam-jobs-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const data = writeIdxFolder(path.join(scratch, 'data'), 64, 16);
const network = { ...TINY.network, nodes: 2, cells: 1, classes: 10 };
const job: SearchJob = {
  strategy: 'snas',
  config: { ...TINY, epochs: 1, network },
  data,
  trainImages: 16,
  validationImages: 8,
  frameEvery: 0,
};
const device = cpu({ dtype: 'float32' });

it('one alpha gives two children: by argmax that of the search, by the top-2 rule two live edges a node and never none', async () => {
  const { genotype, childAccuracy, decodings } = await runSearchJob(device, { ...job, decodings: true });
  expect(decodings!.argmax).toEqual({ genotype, accuracy: childAccuracy });
  const inputs = (g: Genotype): number[] =>
    CELL_TYPES.flatMap((type) => [2, 3].map((node) => activeEdges(g, type).filter((e) => e.to === node).length));
  expect(inputs(decodings!.strongest.genotype)).toEqual([2, 2, 2, 2]);
  expect((await runSearchJob(device, job)).decodings).toBeUndefined();
});

it('a child within a budget has no more than it allows, and the report counts it', async () => {
  const free = await runSearchJob(device, { ...job, budget: { parameters: 1e6 } });
  const { derived } = free.budget!.limits[0]!;
  const { budget } = await runSearchJob(device, { ...job, budget: { parameters: derived - 1 } });
  expect(budget!.limits[0]).toMatchObject({ resource: 'parameters', limit: derived - 1 });
  expect(budget!.limits[0]!.reached).toBeLessThan(derived);
});

it('a training that is scored after each epoch ends with the same weights as one that is not', async () => {
  const { genotype } = await runSearchJob(device, job);
  const { network: size, auxiliary, training } = CHILD_PRESETS.smoke;
  const asked = {
    genotype,
    network: { ...size, cells: 1, nodes: 2, classes: 10, inChannels: 1 },
    auxiliary,
    data,
    images: 32,
    training: { ...training, batchSize: 16, epochs: 2, seed: 3 },
  };
  const [plain, scored] = [await runTrainingJob(device, asked), await runTrainingJob(device, { ...asked, scoreEpochs: 16 })];
  expect(plain.epochErrors).toBeUndefined();
  expect(scored.epochErrors).toHaveLength(2);
  expect(scored.error).toBe(plain.error);
  expect(scored.epochErrors!.at(-1)).toBe(scored.error);
});
