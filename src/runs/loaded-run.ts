/** @file The folder of a search, loaded: its network and choices, its data as they were divided, the state of a step, its records. */
/// <reference lib="esnext.disposable" preserve="true" />
import { checkStoredSizes, runSplit, searchOptions, storedSpace } from '../cli/shared/search-setup.ts';
import { findCheckpoints } from '../cli/shared/checkpoints.ts';
import { CREDITS_FILE, readCreditRecords } from '../cli/shared/credit-records.ts';
import { keptStep, LAST_WEIGHTS, RunFolder } from '../cli/shared/run-folder.ts';
import { digestOf, environmentOf, type RunIdentity, settingsOf } from '../cli/shared/run-identity.ts';
import { DataFileError, OptionError } from '../contract/errors.ts';
import { noGrad } from '../core/grad-mode.ts';
import { assign } from '../core/ops.ts';
import type { Key } from '../core/random.ts';
import { scope } from '../core/scope.ts';
import type { Device } from '../core/tensor.ts';
import type { CreditRecord } from '../credit/recorder.ts';
import { checkData, loadData } from '../data/files.node.ts';
import {
  type ChannelStatistics,
  channelStatistics,
  type Dataset,
  type LabelledImages,
  sourceOf,
  subset,
  uploadExamples,
} from '../data/index.ts';
import { cpu } from '../devices/cpu.ts';
import { readSafetensors } from '../export/safetensors.ts';
import { nodeSha256 } from '../files/listed-folder.ts';
import type { StateDict } from '../nn/module.ts';
import type { ChoiceWeights } from '../snas/space/layout.ts';
import type { SearchSpace } from '../snas/space/search-space.ts';
import type { SearchConfig } from '../snas/search/config.ts';
import { Search } from '../snas/search/search.ts';
import type { ArchitectureStrategy } from '../snas/strategies/strategy.ts';

export interface LoadRunOptions {
  /** Where the network is made. Default: the CPU in float64. The run's own device and kernels give the run's own bits. */
  readonly device?: Device;
}

/** Which images of a run: those that it trained on, those that it validated on, or the test set. */
export type RunPart = 'train' | 'validation' | 'test';

/**
 * The folder of a search that has begun, loaded as it was; nothing in it is changed. The network has the weights of the last step that the folder
 * has. DataFileError naming the file and what is wrong: no run, an earlier format, damaged weights, a space file or images that have changed.
 */
export async function loadRun(folder: string, { device = cpu() }: LoadRunOptions = {}): Promise<LoadedRun> {
  const files = await RunFolder.open(folder);
  const config = await files.readConfig();
  const data = await loadData(config.data, config.reading ?? {});
  checkData(data, config.data, { cells: false });
  checkStoredSizes(config, data);
  const [train, validation] = runSplit(config, data.train);
  const statistics = channelStatistics(train);
  checkStatistics(files, config, statistics);
  const { definition } = await storedSpace(config);
  // A black box would be measured anew, and a record has no part of its price.
  const { blackBox: _measured, ...options } = searchOptions(device, config, definition, () => undefined);
  const search = new Search(device, config.search, { train, validation }, options);
  try {
    const identity: RunIdentity = {
      settings: settingsOf(config),
      epochs: config.search.epochs,
      data: config.data,
      dataDigest: digestOf([train, validation, data.test]),
      environment: environmentOf(device),
    };
    const run = new LoadedRun(
      folder,
      config,
      search,
      data.test,
      await statesOf(files, identity, search.steps),
      await recordsOf(files),
    );
    await run.load();
    return run;
  } catch (error) {
    search.dispose();
    throw error;
  }
}

/** config.json of a run: what made it. The file may say more. */
export interface LoadedConfig {
  readonly strategy: string;
  /** The name of the data, and how they were read. */
  readonly data: string;
  /** The search's own settings. */
  readonly search: SearchConfig;
  /** The space's name and sizes, and what its networks were made for. */
  readonly space: {
    readonly name: string;
    readonly settings: Readonly<Record<string, unknown>>;
    readonly classes: number;
    readonly item: readonly number[];
  };
  /** What the images were standardised by; absent in older folders, and where their source did so itself. */
  readonly standardise?: ChannelStatistics;
}

/** The state of each step that a folder has, read when it is asked for. */
type States = ReadonlyMap<number, () => Promise<StateDict>>;

/** A run whose network has the state of a step. Dispose it. */
export class LoadedRun {
  readonly folder: string;
  /** config.json. */
  readonly config: LoadedConfig;
  /** The search, with the weights of the step that was loaded; its optimisers are new. */
  readonly search: Search;
  readonly test: Dataset;
  /** credits.jsonl, in order of step; empty where none were recorded. */
  readonly records: readonly CreditRecord[];
  readonly #states: States;

  /** @internal */
  constructor(
    folder: string,
    config: LoadedConfig,
    search: Search,
    test: Dataset,
    states: States,
    records: readonly CreditRecord[],
  ) {
    this.folder = folder;
    this.config = config;
    this.search = search;
    this.test = test;
    this.#states = states;
    this.records = records;
  }

  get device(): Device {
    return this.search.device;
  }

  /** The network with its choices. */
  get space(): SearchSpace {
    return this.search.space;
  }

  get strategy(): ArchitectureStrategy {
    return this.search.strategy;
  }

  /** By what the run standardised all its images: the statistics of its own training images. */
  get statistics(): ChannelStatistics {
    return this.search.statistics!;
  }

  /** Steps (done) whose state the folder has, ascending: kept ones, the checkpoints, the end. */
  get steps(): readonly number[] {
    return [...this.#states.keys()].sort((a, b) => a - b);
  }

  /** The step whose state the network has. */
  get step(): number {
    return this.search.step;
  }

  /** lambda of the step that has just been done; of the first, before it. */
  get temperature(): number {
    return this.search.temperatureOf(Math.max(0, this.step - 1));
  }

  /** Gives network and architecture the state after so many steps; default the last one there is. OptionError naming those there are. */
  async load(step: number | undefined = this.steps.at(-1)): Promise<void> {
    const state = step === undefined ? undefined : this.#states.get(step);
    if (step === undefined || !state) {
      const kept = this.steps.length > 0 ? `the folder has ${this.steps.join(', ')}` : 'the folder has none';
      throw new OptionError(
        `loadRun: ${this.folder} has no weights of step ${step ?? 'any'}: ${kept}; search --keep-weights every=N keeps more`,
      );
    }
    const found = await state();
    const under = (prefix: string): StateDict =>
      Object.fromEntries(
        Object.entries(found)
          .filter(([name]) => name.startsWith(prefix))
          .map(([name, entry]) => [name.slice(prefix.length), entry]),
      );
    scope(() => {
      this.space.network.loadStateDict(under('supernet.'));
      const architecture = under('architecture.');
      for (const [name, tensor] of this.strategy.stateDict()) {
        const entry = architecture[name];
        if (!entry) throw new DataFileError(`${this.folder}: the weights of step ${step} have no architecture.${name}`);
        assign(tensor, this.device.tensor(entry.data, entry.shape));
      }
    });
    this.search.step = step;
  }

  /** The examples at these positions of a part, standardised as the run did and not augmented. The caller disposes them. */
  batch(part: RunPart, positions: ArrayLike<number>): LabelledImages {
    const source = sourceOf(subset(this.#part(part), positions), { standardise: this.statistics });
    const [batch] = source.batches({ batchSize: positions.length });
    if (!batch) throw new OptionError('loadRun: a batch needs at least one position');
    return uploadExamples(this.device, batch, source);
  }

  /** How many examples a part has. */
  count(part: RunPart): number {
    return this.#part(part).labels.length;
  }

  /** Z as the run's strategy draws it by this key from the architecture that is loaded. */
  draw(key: Key, temperature: number = this.temperature): ChoiceWeights {
    return noGrad(() => scope(() => this.strategy.propose(this.strategy.inputs({ key, temperature }))));
  }

  /** The Z of a record on the device. OptionError for a record of an earlier version, which has none. */
  recordedZ(record: CreditRecord): ChoiceWeights {
    const { z } = record;
    if (!z) throw new OptionError(`loadRun: the record of step ${record.step} has no Z: an earlier version made it`);
    const { choices } = this.space.layout;
    if (z.length !== choices.length || z.some((row, c) => row.length !== choices[c]!.options.length))
      throw new OptionError(`loadRun: the Z of the record of step ${record.step} is not of space ${this.space.definition.name}`);
    return this.space.layout.upload(this.device, this.space.layout.toMatrices(z));
  }

  /** The batch of a record. OptionError for a record of an earlier version, which does not say it. */
  recordedBatch({ step, batch }: CreditRecord): LabelledImages {
    if (!batch) throw new OptionError(`loadRun: the record of step ${step} has no batch: an earlier version made it`);
    return this.batch('validation', batch);
  }

  dispose(): void {
    this.search.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #part(part: RunPart): Dataset {
    const { train, validation } = this.search.data as { readonly train: Dataset; readonly validation: Dataset };
    return { train, validation, test: this.test }[part];
  }
}

/** DataFileError where a run says other statistics than its images have: they are not those that it was of. */
function checkStatistics(files: RunFolder, { standardise, data }: LoadedConfig, now: ChannelStatistics): void {
  if (!standardise || JSON.stringify(standardise) === JSON.stringify({ mean: now.mean, std: now.std })) return;
  throw new DataFileError(
    `${files.file('config.json')}: standardise is not what the training images in ${data} have: they are not those of the run`,
  );
}

async function statesOf(files: RunFolder, identity: RunIdentity, steps: number): Promise<States> {
  const states = new Map<number, () => Promise<StateDict>>();
  // Refuses other images than those of the run.
  const { whole, refused } = await findCheckpoints(files.files, identity);
  const names = await files.files.names();
  for (const { step, state } of whole) states.set(step, async () => state);
  if (names.includes(LAST_WEIGHTS)) {
    const { tensors, step } = await weightsIn(files, LAST_WEIGHTS);
    // Of an earlier version, which did not say the step: that of the newest checkpoint, or all steps where there is none.
    states.set(step ?? whole[0]?.step ?? steps, async () => tensors);
  }
  for (const name of names) {
    const step = keptStep(name);
    if (step !== undefined) states.set(step, async () => (await weightsIn(files, name)).tensors);
  }
  if (states.size === 0 && refused.length > 0) throw new DataFileError(refused.join('; '));
  return new Map([...states].filter(([step]) => step <= steps));
}

async function weightsIn(
  files: RunFolder,
  name: string,
): Promise<{ readonly tensors: StateDict; readonly step: number | undefined }> {
  const bytes = await files.files.readWhole(name);
  const { tensors, metadata } = readSafetensors({ name: files.file(name), bytes }, { sha256: nodeSha256 });
  const step = keptStep(name);
  const held = metadata['step'];
  if (step !== undefined && held !== String(step))
    throw new DataFileError(`${files.file(name)} is damaged: it holds step ${held ?? 'none'}`);
  return { tensors, step: held === undefined ? undefined : Number(held) };
}

async function recordsOf(files: RunFolder): Promise<readonly CreditRecord[]> {
  if (!(await files.files.names()).includes(CREDITS_FILE)) return [];
  return readCreditRecords(files.file(CREDITS_FILE), (await files.files.read(CREDITS_FILE)).bytes.toString()).records;
}
