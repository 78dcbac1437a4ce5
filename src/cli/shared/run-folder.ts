/** @file The folder that a search leaves: config, metrics, checkpoints, genotype, pictures and weights; and reading it again. */
import * as v from 'valibot';
import { DataFileError } from '../../contract/errors.ts';
import { ListedFolder } from '../../files/listed-folder.ts';
import { weightBytes } from '../../files/weights.ts';
import type { StateDict } from '../../nn/module.ts';
import { lineChart } from '../../plot/index.ts';
import type { Architecture } from '../../snas/space/architecture.ts';
import { drawSpace } from '../../snas/space/draw.ts';
import type { SearchSpace } from '../../snas/space/search-space.ts';
import { architectureGenotype } from '../../snas/spaces/darts/choices.ts';
import type { Genotype } from '../../snas/spaces/darts/genotype.ts';
import type { EpochMetrics } from '../../snas/search/config.ts';
import { RUN_FORMAT, type RunConfig, searchSettings } from '../settings/search.ts';
import { schemaOf } from '../settings/setting.ts';
import { newCheckpoint } from './checkpoints.ts';
import { type MetricsFound, type MetricsLine, readMetrics } from './metrics-file.ts';
import { jsonIn } from './json-file.ts';
import { CHILD_FILE, CHILD_WEIGHTS, type SavedChild } from './run-child.ts';
import type { RunIdentity } from './run-identity.ts';

const configSchema = schemaOf(searchSettings);

const CONFIG = 'config.json';
const METRICS = 'metrics.jsonl';
/** The weights that a search ended with. */
export const LAST_WEIGHTS = 'weights.safetensors';

/** The name of the weights that are kept of a step. */
export function keptName(step: number): string {
  return `weights-${step}.safetensors`;
}

/** The step in the name of kept weights; undefined for other names. */
export function keptStep(name: string): number | undefined {
  const digits = /^weights-(\d+)\.safetensors$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

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

/** genotype.json: the child that a search found, with all that makes it again. */
export interface FoundChild extends SavedChild {
  /** As people of the space write it; of a space that has such a form. */
  readonly literal?: string;
  /** Of the DARTS space. */
  readonly genotype?: Genotype;
  readonly validationAccuracy: number;
  readonly testAccuracy: number;
  /** The same child with the supernet's own running batch-norm statistics. */
  readonly testAccuracyWithRunningStatistics: number;
  /** False where the run was stopped before its last step. */
  readonly complete: boolean;
}

/** What a search says of its child. */
export interface FoundScores extends Pick<SavedChild, 'standardise' | 'classNames' | 'targets'> {
  readonly architecture: Architecture;
  readonly validationAccuracy: number;
  readonly testAccuracy: number;
  readonly testAccuracyWithRunningStatistics: number;
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

  /** The format of the folder, by config.json. DataFileError as of `readConfig`, but for a format of an earlier version. */
  async readFormat(): Promise<number> {
    const format = formatOf(await this.#configValue());
    if (format === 1 || format === 2) return format;
    await this.readConfig();
    return RUN_FORMAT;
  }

  /** config.json. DataFileError naming the place that is wrong, or a format that this version does not continue. */
  async readConfig(): Promise<RunConfig> {
    const value = await this.#configValue();
    const file = this.file(CONFIG);
    checkFormat(file, value);
    const parsed = v.safeParse(configSchema, value);
    if (!parsed.success) {
      const issue = parsed.issues[0];
      throw new DataFileError(`${file}: ${v.getDotPath(issue) ?? 'the file'}: ${issue.message}`);
    }
    return parsed.output;
  }

  async #configValue(): Promise<unknown> {
    if (!(await this.files.names()).includes(CONFIG)) throw new DataFileError(`${this.path} holds no run: there is no ${CONFIG}`);
    const { bytes } = await this.files.read(CONFIG);
    return jsonIn(this.file(CONFIG), bytes.toString());
  }

  /** The lines of metrics.jsonl, and what is to be said of the file. */
  async readMetrics(): Promise<MetricsFound & { readonly changed: boolean }> {
    if (!(await this.files.names()).includes(METRICS))
      return { lines: [], cut: undefined, changed: this.files.listed.includes(METRICS) };
    const { bytes, standing } = await this.files.read(METRICS);
    return { ...readMetrics(this.file(METRICS), bytes.toString()), changed: standing === 'changed' };
  }

  /** What a resumed run begins with: the lines up to its checkpoint, and in the config, which is else left as it is, what `config` has anew. */
  async saveStart({ credits, keepWeights, search }: RunConfig, lines: readonly MetricsLine[]): Promise<void> {
    await this.files.prepare();
    const { bytes } = await this.files.read(CONFIG);
    const stored = jsonIn(this.file(CONFIG), bytes.toString()) as RunConfig;
    const changed = {
      ...stored,
      ...(credits !== undefined && { credits }),
      ...(keepWeights !== undefined && { keepWeights }),
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

  /** Network and architecture of one step, to stay. */
  async keepWeights(step: number, state: StateDict): Promise<void> {
    await this.files.write({ [keptName(step)]: weightBytes(networkState(state), { step: String(step) }) });
  }

  /** What a search has found, and its weights without the state of the optimisers. */
  async saveResult(
    { architecture, standardise, classNames, targets, ...scores }: FoundScores,
    { space, data, reading }: RunConfig,
    searched: SearchSpace,
    state: StateDict,
    child: StateDict,
    others: Files,
  ): Promise<void> {
    const { definition } = searched;
    const found: FoundChild = {
      ...(definition.literal && { literal: definition.literal.print(architecture) }),
      ...(space.name === 'darts' && { genotype: architectureGenotype(architecture, space.settings['nodes'] ?? 4) }),
      ...scores,
      space: space.name,
      settings: space.settings,
      item: space.item,
      classes: space.classes,
      ...(space.file !== undefined && { file: space.file, digest: space.digest ?? '' }),
      choices: architecture,
      ...(standardise && { standardise }),
      ...(classNames && { classNames }),
      ...(targets && { targets }),
      data,
      ...(reading && { reading }),
    };
    await this.files.write({
      ...others,
      [LAST_WEIGHTS]: weightBytes(networkState(state), { step: String(state['step']?.data[0] ?? '') }),
      [CHILD_WEIGHTS]: weightBytes(child),
      ...(definition.draw?.(architecture) ?? { 'network.svg': drawSpace(searched, architecture) }),
      [CHILD_FILE]: `${JSON.stringify(found, undefined, 2)}\n`,
    });
    await this.files.settle();
  }
}

/** Network and architecture of a state, without the optimisers. */
function networkState(state: StateDict): StateDict {
  return Object.fromEntries(
    Object.entries(state).filter(([name]) => name.startsWith('supernet.') || name.startsWith('architecture.')),
  );
}

/** curves.svg: accuracies, entropy and cost by epoch. `options`: how many options each choice has. */
export function curves(metrics: readonly EpochMetrics[], options: readonly number[]): string {
  const most = options.reduce((sum, n) => sum + Math.log(n), 0) / options.length;
  const sizes = new Set(options);
  const largest = sizes.size === 1 ? `ln ${options[0]}` : 'its largest';
  const line = (name: string, of: (m: EpochMetrics) => number): { name: string; points: { x: number; y: number }[] } => ({
    name,
    points: metrics.map((m) => ({ x: m.epoch + 1, y: of(m) })),
  });
  const last = metrics.at(-1);
  const description = last
    ? `After ${last.epoch + 1} epochs: training accuracy ${last.trainAccuracy.toFixed(3)}, sampled parent ${last.parentAccuracy.toFixed(3)}, ` +
      `derived child ${last.childAccuracy.toFixed(3)}, entropy of a choice ${last.entropy.toFixed(3)} nats.`
    : 'No epoch was finished.';
  return lineChart({
    title: 'Search',
    description,
    xLabel: 'epoch',
    yLabel: `accuracy; fraction of ${largest}; fraction of the largest cost`,
    yInclude: [0, 1],
    series: [
      line('training (parents)', (m) => m.trainAccuracy),
      line('validation, parent', (m) => m.parentAccuracy),
      line('validation, child', (m) => m.childAccuracy),
      line(`entropy / ${largest}`, (m) => m.entropy / most),
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

/** Folders of the first format do not say it. */
function formatOf(config: unknown): unknown {
  return typeof config === 'object' && config !== null ? (Reflect.get(config, 'format') ?? 1) : 1;
}

/** DataFileError for a folder of another format. Those before 3 say nothing of their space. */
function checkFormat(file: string, config: unknown): void {
  const format = formatOf(config);
  if (format === RUN_FORMAT) return;
  const told = `${file}: run folders of format ${JSON.stringify(format)} are not continued, only those of ${RUN_FORMAT}`;
  if (format === 1 || format === 2) {
    throw new DataFileError(
      `${told}: it was begun before search spaces had names. Continue it with the version that began it, or begin again with --out; ` +
        'its genotype.json is read as ever, by train --genotype',
    );
  }
  const cure = Number(format) > RUN_FORMAT ? 'take the version of reparam that wrote it, or a later one' : 'the file is damaged';
  throw new DataFileError(`${told}: ${cure}`);
}
