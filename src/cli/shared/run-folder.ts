/** @file The folder that a search leaves: config, metrics, checkpoints, genotype, pictures and weights; and reading it again. */
import * as v from 'valibot';
import { DataFileError, LimitError, OptionError } from '../../contract/errors.ts';
import { ListedFolder } from '../../files/listed-folder.ts';
import { weightBytes } from '../../files/weights.ts';
import type { StateDict } from '../../nn/module.ts';
import { lineChart } from '../../plot/index.ts';
import { drawCell } from '../../snas/space/draw.ts';
import { printGenotype } from '../../snas/space/genotype-literal.ts';
import type { Genotype } from '../../snas/space/genotype.ts';
import { supernetSize } from '../../snas/space/network-config.ts';
import type { EpochMetrics } from '../../snas/search/config.ts';
import { RUN_FORMAT, type RunConfig, searchSettings } from '../settings/search.ts';
import { schemaOf } from '../settings/setting.ts';
import { newCheckpoint } from './checkpoints.ts';
import { type MetricsFound, type MetricsLine, readMetrics } from './metrics-file.ts';
import type { RunIdentity } from './run-identity.ts';

const configSchema = schemaOf(searchSettings);

const CONFIG = 'config.json';
const METRICS = 'metrics.jsonl';

/** Files by name. */
export type Files = Readonly<Record<string, string | Uint8Array>>;

/** What a run's folder holds of one moment. */
export interface Moment {
  readonly step: number;
  readonly state: StateDict;
  readonly lines: readonly MetricsLine[];
  /** Others that belong to the same moment, by name. */
  readonly others?: Files;
}

/** genotype.json. */
export interface FoundGenotype {
  readonly genotype: Genotype;
  /** DARTS's literal. */
  readonly literal: string;
  readonly validationAccuracy: number;
  readonly testAccuracy: number;
  /** The same child with the supernet's own running batch-norm statistics. */
  readonly testAccuracyWithRunningStatistics: number;
  /** False where the run was stopped before its last step. */
  readonly complete: boolean;
}

export class RunFolder {
  readonly files: ListedFolder;

  private constructor(files: ListedFolder) {
    this.files = files;
  }

  /** Reads what is in a folder; nothing is changed, and the folder need not be there. */
  static async open(folder: string): Promise<RunFolder> {
    return new RunFolder(await ListedFolder.open(folder));
  }

  get path(): string {
    return this.files.path;
  }

  file(name: string): string {
    return this.files.file(name);
  }

  /** Makes the folder. DataFileError if a run is there already; what one left that was killed before its config was written is no run. */
  async claim(): Promise<void> {
    await this.files.prepare();
    if ((await this.files.names()).includes(CONFIG)) {
      throw new DataFileError(`${this.path} holds a run already: choose another --out, or continue it with --resume ${this.path}`);
    }
  }

  /** The first files of a run. The config is the last of them, so that a folder with one can be resumed. */
  async create(config: RunConfig, identity: RunIdentity, state: StateDict): Promise<void> {
    const { name, bytes, superfluous } = await newCheckpoint(this.files, 0, state, identity);
    await this.files.write({ [METRICS]: '', [name]: bytes, [CONFIG]: configText(config) }, superfluous);
  }

  /** config.json. DataFileError naming the place that is wrong, a network that fits nowhere, or a format that this version does not read. */
  async readConfig(): Promise<RunConfig> {
    if (!(await this.files.names()).includes(CONFIG)) throw new DataFileError(`${this.path} holds no run: there is no ${CONFIG}`);
    const file = this.file(CONFIG);
    const { bytes } = await this.files.read(CONFIG);
    const value = parseJson(file, bytes.toString());
    checkFormat(file, value);
    const parsed = v.safeParse(configSchema, value);
    if (!parsed.success) {
      const issue = parsed.issues[0];
      throw new DataFileError(`${file}: ${v.getDotPath(issue) ?? 'the file'}: ${issue.message}`);
    }
    try {
      supernetSize(parsed.output.search.network);
    } catch (error) {
      if (!(error instanceof LimitError || error instanceof OptionError)) throw error;
      throw new DataFileError(`${file}: ${error.message}`, { cause: error });
    }
    return parsed.output;
  }

  /** The lines of metrics.jsonl, and what is to be said of the file. */
  async readMetrics(): Promise<MetricsFound & { readonly changed: boolean }> {
    if (!(await this.files.names()).includes(METRICS))
      return { lines: [], cut: undefined, changed: this.files.listed.includes(METRICS) };
    const { bytes, standing } = await this.files.read(METRICS);
    return { ...readMetrics(this.file(METRICS), bytes.toString()), changed: standing === 'changed' };
  }

  /** What a resumed run begins with: the lines up to its checkpoint, and in the config, which is else left as it is, what `config` has anew. */
  async saveStart({ credits, search }: RunConfig, lines: readonly MetricsLine[]): Promise<void> {
    await this.files.prepare();
    const { bytes } = await this.files.read(CONFIG);
    const stored = parseJson(this.file(CONFIG), bytes.toString()) as RunConfig;
    const changed = {
      // First in the file, also where an earlier version had none.
      ...Object.assign({ format: RUN_FORMAT }, stored, { format: RUN_FORMAT }),
      ...(credits !== undefined && { credits }),
      search: { ...stored.search, epochs: search.epochs },
    };
    const same = JSON.stringify(changed) === JSON.stringify(stored);
    await this.files.write({ [METRICS]: metricsText(lines), ...(!same && { [CONFIG]: configText(changed) }) });
  }

  /** A checkpoint with all that belongs to it; the two newest are kept. */
  async saveCheckpoint({ step, state, lines, others }: Moment, identity: RunIdentity): Promise<void> {
    const { name, bytes, superfluous } = await newCheckpoint(this.files, step, state, identity);
    await this.files.write({ ...others, [METRICS]: metricsText(lines), [name]: bytes }, superfluous);
  }

  /** What a search has found, and its weights without the state of the optimisers. */
  async saveResult(found: Omit<FoundGenotype, 'literal'>, state: StateDict, child: StateDict, others: Files): Promise<void> {
    const { genotype } = found;
    const kept = Object.entries(state).filter(([name]) => name.startsWith('supernet.') || name.startsWith('architecture.'));
    await this.files.write({
      ...others,
      'weights.safetensors': weightBytes(Object.fromEntries(kept)),
      'child.safetensors': weightBytes(child),
      'normal.svg': drawCell(genotype, 'normal'),
      'reduction.svg': drawCell(genotype, 'reduce'),
      'genotype.json': `${JSON.stringify({ literal: printGenotype(genotype), ...found }, undefined, 2)}\n`,
    });
    await this.files.settle();
  }
}

/** curves.svg: accuracies, entropy and cost by epoch. */
export function curves(metrics: readonly EpochMetrics[]): string {
  const line = (name: string, of: (m: EpochMetrics) => number): { name: string; points: { x: number; y: number }[] } => ({
    name,
    points: metrics.map((m) => ({ x: m.epoch + 1, y: of(m) })),
  });
  const last = metrics.at(-1);
  const description = last
    ? `After ${last.epoch + 1} epochs: training accuracy ${last.trainAccuracy.toFixed(3)}, sampled parent ${last.parentAccuracy.toFixed(3)}, ` +
      `derived child ${last.childAccuracy.toFixed(3)}, entropy of an edge ${last.entropy.toFixed(3)} nats.`
    : 'No epoch was finished.';
  return lineChart({
    title: 'Search',
    description,
    xLabel: 'epoch',
    yLabel: 'accuracy; fraction of ln 8; fraction of the largest cost',
    yInclude: [0, 1],
    series: [
      line('training (parents)', (m) => m.trainAccuracy),
      line('validation, parent', (m) => m.parentAccuracy),
      line('validation, child', (m) => m.childAccuracy),
      line('entropy / ln 8', (m) => m.entropy / Math.log(8)),
      line('expected cost', (m) => m.expectedCost),
    ],
  });
}

function configText(config: RunConfig): string {
  return `${JSON.stringify(config, undefined, 2)}\n`;
}

function metricsText(lines: readonly MetricsLine[]): string {
  return lines.map(({ text }) => `${text}\n`).join('');
}

/** DataFileError for a folder of a format to come. A config without a format is of format 1, which is read, and converted when the run goes on. */
function checkFormat(file: string, config: unknown): void {
  const format: unknown = typeof config === 'object' && config !== null ? (Reflect.get(config, 'format') ?? 1) : 1;
  if (format === 1 || format === RUN_FORMAT) return;
  const cure = Number(format) > RUN_FORMAT ? 'take the version of reparam that wrote it, or a later one' : 'the file is damaged';
  throw new DataFileError(
    `${file}: run folders of format ${JSON.stringify(format)} are not read, only those of 1 and ${RUN_FORMAT}: ${cure}`,
  );
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DataFileError(`${file} is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
