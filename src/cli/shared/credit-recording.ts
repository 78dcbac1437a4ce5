/** @file `reparam search --credits every`: credits.jsonl beside the metrics, and a heat map of every cell over time. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { creditHeatMap, type CreditRecord, recordCredits } from '../../credit/recorder.ts';
import { batches, disposeBatch, type LabelledImages, uploadBatch } from '../../data/index.ts';
import { foldIn, key } from '../../core/random.ts';
import { RUN_KEYS } from '../../snas/keys.ts';
import { writeFileWhole } from '../../files/write.ts';
import { scope } from '../../core/scope.ts';
import type { Search } from '../../snas/search/search.ts';
import type { CellWeights } from '../../snas/space/cell-weights.ts';
import type { RunFolder } from './run-folder.ts';

export interface CreditRecording {
  /** For `RunOptions.afterStep`. */
  readonly afterStep: (step: number) => Promise<void>;
  /** Draws credits-cellN.svg from all records, those of a resumed run included. */
  finish(): Promise<void>;
}

/**
 * Records the credits of every edge each `every` steps, on one fixed batch of validation images and a Z drawn at the step's temperature. A
 * resumed run keeps the records up to its checkpoint.
 */
export async function creditRecording(
  search: Search,
  folder: RunFolder,
  every: number,
  cost?: CellWeights,
): Promise<CreditRecording> {
  const file = folder.file('credits.jsonl');
  const lines = existsSync(file) ? (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '') : [];
  const records = lines.map((line) => JSON.parse(line) as CreditRecord).filter((r) => r.step <= search.step);
  const save = (): Promise<void> => writeFileWhole(file, records.map((r) => `${JSON.stringify(r)}\n`).join(''));
  await save();
  const batch = validationBatch(search);
  const k = foldIn(key(search.config.seed), RUN_KEYS.credits);
  const { eta } = search.config;
  return {
    afterStep: async (step) => {
      if (step % every !== 0) return;
      const z = scope(() =>
        search.strategy.propose(search.strategy.inputs({ key: foldIn(k, step), temperature: search.temperature })),
      );
      const record = await recordCredits(search.supernet, z, batch, { step, eta, ...(cost && { cost }) });
      z.normal.dispose();
      z.reduce.dispose();
      records.push(record);
      await save();
    },
    finish: async () => {
      disposeBatch(batch);
      if (records.length === 0) return;
      for (let cell = 0; cell < search.supernet.cells.length; cell++) {
        await writeFileWhole(folder.file(`credits-cell${cell}.svg`), creditHeatMap(records, cell));
      }
    },
  };
}

function validationBatch({ device, data, config, statistics }: Search): LabelledImages {
  const { validation } = data;
  const options = { batchSize: Math.min(config.batchSize, validation.labels.length), standardise: statistics };
  const batch = batches(validation, options).next().value!;
  return uploadBatch(device, batch, validation);
}
