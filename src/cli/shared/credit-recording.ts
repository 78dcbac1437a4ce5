/** @file `reparam search --credits every`: credits.jsonl beside the metrics, and heat maps over time. */
import * as v from 'valibot';
import { DataFileError } from '../../contract/errors.ts';
import { creditGroups, creditHeatMap, type CreditRecord, recordCredits } from '../../credit/recorder.ts';
import { disposeBatch, type LabelledImages, sourceOf, uploadExamples } from '../../data/index.ts';
import { foldIn, key } from '../../core/random.ts';
import { RUN_KEYS } from '../../snas/keys.ts';
import { scope } from '../../core/scope.ts';
import type { Search } from '../../snas/search/search.ts';
import type { SpaceCost } from '../../snas/cost/space-cost.ts';
import { disposeWeights } from '../../snas/space/layout.ts';
import type { Files, RunFolder } from './run-folder.ts';

const CREDITS = 'credits.jsonl';

export interface CreditRecording {
  /** For `RunOptions.afterStep`. */
  readonly afterStep: (step: number) => Promise<void>;
  /** credits.jsonl as it is now: it is written with each checkpoint, so that both are of one moment. */
  files(): Files;
  /** The same with credits-PART.svg of all records, one a part of the network, those of a resumed run included. */
  finish(): Files;
}

/**
 * Records the credits of every place each `every` steps, on one fixed batch of validation images and a Z drawn at the step's temperature. A
 * resumed run keeps the records up to its checkpoint. `note` is told of a last line that is cut.
 */
export async function creditRecording(
  search: Search,
  folder: RunFolder,
  every: number,
  note: (line: string) => void,
  cost?: SpaceCost,
): Promise<CreditRecording> {
  const records = (await readRecords(folder, note)).filter((r) => r.step <= search.step);
  const batch = validationBatch(search);
  const k = foldIn(key(search.config.seed), RUN_KEYS.credits);
  const { eta } = search.config;
  const files = (): Files => ({ [CREDITS]: records.map((r) => `${JSON.stringify(r)}\n`).join('') });
  return {
    afterStep: async (step) => {
      if (step % every !== 0) return;
      const z = scope(() =>
        search.strategy.propose(search.strategy.inputs({ key: foldIn(k, step), temperature: search.temperature })),
      );
      const record = await recordCredits(search.space, z, batch, { step, eta, ...(cost && { cost }) });
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

const recordSchema = v.looseObject({ step: v.pipe(v.number(), v.integer(), v.minValue(0)) });

/** DataFileError with the number of a line that is no record, unless it is the last and cut. */
async function readRecords(folder: RunFolder, note: (line: string) => void): Promise<CreditRecord[]> {
  if (!(await folder.files.names()).includes(CREDITS)) return [];
  const { bytes } = await folder.files.read(CREDITS);
  const lines = bytes.toString().split('\n');
  const rest = lines.pop();
  if (rest !== '') note(`${folder.file(CREDITS)}: the last line is cut, and was left out`);
  return lines.map((line, i) => {
    try {
      return v.parse(recordSchema, JSON.parse(line)) as unknown as CreditRecord;
    } catch (cause) {
      throw new DataFileError(`${folder.file(CREDITS)}: line ${i + 1} is no record of credits: remove the line or the file`, {
        cause,
      });
    }
  });
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
