/** @file `reparam search --credits every`: credits.jsonl beside the metrics, and heat maps over time. */
import { creditGroups, creditHeatMap, type CreditRecord, recordCredits } from '../../credit/recorder.ts';
import { disposeBatch, type LabelledImages, sourceOf, uploadExamples } from '../../data/index.ts';
import { foldIn, key } from '../../core/random.ts';
import { RUN_KEYS } from '../../snas/keys.ts';
import { scope } from '../../core/scope.ts';
import type { Search } from '../../snas/search/search.ts';
import type { SpaceCost } from '../../snas/cost/space-cost.ts';
import { disposeWeights } from '../../snas/space/layout.ts';
import { CREDITS_FILE, readCreditRecords } from './credit-records.ts';
import type { Files, RunFolder } from './run-folder.ts';

export interface CreditRecording {
  /** For `RunOptions.afterStep`. */
  readonly afterStep: (step: number) => Promise<void>;
  /** credits.jsonl as it is now: it is written with each checkpoint, so that both are of one moment. */
  files(): Files;
  /** The same with credits-PART.svg of all records, one a part of the network, those of a resumed run included. */
  finish(): Files;
}

/**
 * Records the credits of every place each `every` steps, on the first validation images and a Z drawn at the step's own temperature. A
 * resumed run keeps the records up to its checkpoint. `note` is told of a last line that is cut.
 */
export async function creditRecording(
  search: Search,
  folder: RunFolder,
  every: number,
  note: (line: string) => void,
  cost?: SpaceCost,
): Promise<CreditRecording> {
  const records = (await storedRecords(folder, note)).filter((r) => r.step <= search.step);
  const batch = validationBatch(search);
  const examples = Array.from({ length: batch.images.shape[0]! }, (_, i) => i);
  const k = foldIn(key(search.config.seed), RUN_KEYS.credits);
  const { eta } = search.config;
  const files = (): Files => ({ [CREDITS_FILE]: records.map((r) => `${JSON.stringify(r)}\n`).join('') });
  return {
    afterStep: async (step) => {
      if (step % every !== 0) return;
      // The weights are those that the step left, the temperature is its own.
      const draw = { key: foldIn(k, step), temperature: search.temperatureOf(step - 1), batch: examples };
      const z = scope(() => search.strategy.propose(search.strategy.inputs(draw)));
      const record = await recordCredits(search.space, z, batch, { step, draw, eta, task: search.task, ...(cost && { cost }) });
      disposeWeights(z);
      records.push(record);
    },
    files,
    finish: () => {
      disposeBatch(batch);
      if (records.length === 0) return files();
      const maps = creditGroups(records).map((group) => [pictureName(group), creditHeatMap(records, group)] as const);
      return { ...files(), ...Object.fromEntries(maps) };
    },
  };
}

async function storedRecords(folder: RunFolder, note: (line: string) => void): Promise<CreditRecord[]> {
  if (!(await folder.files.names()).includes(CREDITS_FILE)) return [];
  const file = folder.file(CREDITS_FILE);
  const { records, cut } = readCreditRecords(file, (await folder.files.read(CREDITS_FILE)).bytes.toString());
  if (cut) note(`${file}: the last line is cut, and was left out`);
  return [...records];
}

/** credits-cells-0.svg of the part 'cells.0', credits.svg of the whole. */
function pictureName(group: string): string {
  return group === '' ? 'credits.svg' : `credits-${group.replaceAll('.', '-')}.svg`;
}

function validationBatch({ device, data, config, statistics }: Search): LabelledImages {
  const source = sourceOf(data.validation, { standardise: statistics });
  const [batch] = source.batches({ batchSize: Math.min(config.batchSize, source.length) });
  return uploadExamples(device, batch!, source);
}
