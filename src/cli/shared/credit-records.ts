/** @file credits.jsonl: a line for each step whose credits were recorded. */
import * as v from 'valibot';
import { DataFileError } from '../../contract/errors.ts';
import type { CreditRecord } from '../../credit/recorder.ts';

export const CREDITS_FILE = 'credits.jsonl';

export interface CreditRecordsFound {
  readonly records: readonly CreditRecord[];
  /** Whether the last line was cut, and left out. */
  readonly cut: boolean;
}

const natural = v.pipe(v.number(), v.integer(), v.minValue(0));
/** What JSON makes of a NaN. */
const figure = v.nullable(v.number());
const recordSchema = v.looseObject({
  step: natural,
  temperature: v.exactOptional(v.pipe(v.number(), v.gtValue(0))),
  key: v.exactOptional(v.pipe(v.array(v.pipe(natural, v.maxValue(2 ** 32 - 1))), v.length(2))),
  batch: v.exactOptional(v.pipe(v.array(natural), v.minLength(1))),
  z: v.exactOptional(v.array(v.array(figure))),
  places: v.array(v.looseObject({ place: v.string(), choice: v.string(), credit: figure, options: v.array(figure), cost: figure })),
});

/** The records of a file's text. DataFileError with the number of a line that is none, unless it is the last and cut. */
export function readCreditRecords(file: string, text: string): CreditRecordsFound {
  const lines = text.split('\n');
  const rest = lines.pop();
  const records = lines.map((line, i) => {
    try {
      return v.parse(recordSchema, JSON.parse(line)) as unknown as CreditRecord;
    } catch (cause) {
      throw new DataFileError(`${file}: line ${i + 1} is no record of credits: remove the line or the file`, { cause });
    }
  });
  return { records, cut: rest !== '' };
}
