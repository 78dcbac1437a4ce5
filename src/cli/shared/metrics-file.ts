/** @file metrics.jsonl: a line an epoch, read with what a kill or a damaged disk may have left of it. */
import * as v from 'valibot';
import { DataFileError } from '../../contract/errors.ts';
import type { EpochMetrics } from '../../snas/search/config.ts';

const finite = v.pipe(v.number(), v.finite());
const natural = v.pipe(v.number(), v.integer(), v.minValue(0));
const lineSchema = v.object({
  epoch: natural,
  step: natural,
  loss: finite,
  trainAccuracy: finite,
  parentAccuracy: finite,
  childAccuracy: finite,
  entropy: finite,
  expectedCost: finite,
  budget: v.exactOptional(
    v.array(v.object({ resource: v.picklist(['parameters', 'flops']), expected: finite, multiplier: finite })),
  ),
  temperature: finite,
  lr: finite,
  times: v.object({ imagesPerSecond: v.number(), seconds: v.number() }),
});

/** A line as it stands in the file, and what it says. */
export interface MetricsLine {
  readonly text: string;
  readonly metrics: EpochMetrics;
}

export interface MetricsFound {
  readonly lines: readonly MetricsLine[];
  /** The number of a last line that is cut, from 1. */
  readonly cut: number | undefined;
}

/** What depends on the clock stands in `times`, apart from what the seed decides. */
export function metricsLine(metrics: EpochMetrics, seconds: number): MetricsLine {
  const { imagesPerSecond, ...seeded } = metrics;
  return { text: JSON.stringify({ ...seeded, times: { imagesPerSecond, seconds } }), metrics };
}

/** The lines of a file's text. A last line that is cut is left out; DataFileError with the number of any other line that is not one of ours. */
export function readMetrics(file: string, text: string): MetricsFound {
  const texts = text.split('\n');
  // What follows the last newline: nothing, or a cut line.
  const rest = texts.pop();
  const lines: MetricsLine[] = [];
  for (const [i, line] of texts.entries()) {
    const found = parseLine(line);
    const wrong = typeof found === 'string' ? found : outOfOrder(found, lines.at(-1));
    if (typeof found !== 'string' && wrong === undefined) lines.push({ text: line, metrics: found });
    else if (i === texts.length - 1 && rest === '' && typeof found === 'string' && isCut(line)) return { lines, cut: i + 1 };
    else throw new DataFileError(`${file}: line ${i + 1} is ${wrong}: put it right, or begin again with another --out`);
  }
  return { lines, cut: rest === '' ? undefined : texts.length + 1 };
}

/** A line without its end, to which somebody gave a newline. */
function isCut(line: string): boolean {
  try {
    JSON.parse(line);
    return false;
  } catch {
    return !line.endsWith('}}');
  }
}

function parseLine(line: string): EpochMetrics | string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return 'not JSON';
  }
  const parsed = v.safeParse(lineSchema, value);
  if (!parsed.success)
    return `not the figures of an epoch (${v.getDotPath(parsed.issues[0]) ?? 'the line'}: ${parsed.issues[0].message})`;
  const { times, ...seeded } = parsed.output;
  return { ...seeded, imagesPerSecond: times.imagesPerSecond };
}

function outOfOrder(line: EpochMetrics, before: MetricsLine | undefined): string | undefined {
  if (!before || (line.epoch > before.metrics.epoch && line.step > before.metrics.step)) return undefined;
  return `of epoch ${line.epoch} after one of epoch ${before.metrics.epoch}`;
}
