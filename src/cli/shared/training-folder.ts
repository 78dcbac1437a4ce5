/** @file The folder of a training: what was asked, what each cell came to, and checkpoints within the one that is being trained. */
import * as v from 'valibot';
import { DataFileError, ReparamError } from '../../contract/errors.ts';
import type { Reading } from '../../data/reading.ts';
import { readSafetensors } from '../../export/safetensors.ts';
import { ListedFolder, nodeSha256 } from '../../files/listed-folder.ts';
import { weightBytes } from '../../files/weights.ts';
import type { StateDict } from '../../nn/module.ts';
import type { TrainedEpoch } from '../../snas/child/training.ts';
import type { NetworkConfig } from '../../snas/spaces/darts/network-config.ts';
import { genotype } from '../../snas/spaces/darts/published.ts';
import type { Genotype } from '../../snas/spaces/darts/genotype.ts';
import { schemaOf } from '../settings/setting.ts';
import { trainSettings } from '../settings/train.ts';
import type { TrainingSettings } from '../settings/train.ts';
import { findCheckpoints, isCheckpoint, newCheckpoint } from './checkpoints.ts';
import { jsonIn } from './json-file.ts';
import type { NamedGenotype } from './genotype-source.ts';
import { note } from './progress.ts';
import { type SavedChild, savedSchema } from './run-child.ts';
import type { RunIdentity } from './run-identity.ts';

const ASKED = 'training.json';
const RESULT = 'result.json';
const START = 'start.safetensors';
const FORMAT = 1;

/** training.json: all that decides the result. */
export interface AskedTraining {
  readonly format: typeof FORMAT;
  readonly cells: readonly NamedGenotype[];
  /** 'mnist', or the absolute path of a folder or a file. */
  readonly data: string;
  /** How the data are read, where anything was said of it. */
  readonly reading?: Reading;
  readonly trainImages: number;
  readonly testImages: number;
  readonly seed: number;
  /** webgpu or cpu. */
  readonly kind: 'webgpu' | 'cpu';
  /** The device's name. */
  readonly device: string;
  readonly versions: Readonly<Record<string, string>>;
  /** Of cells. */
  readonly network?: NetworkConfig;
  readonly auxiliary: boolean;
  readonly training: TrainingSettings;
  /** Where the child of a search is trained, and no cells. */
  readonly child?: AskedChild;
}

/** What is asked of a child. */
export interface AskedChild {
  readonly name: string;
  /** Whether it begins with new weights. */
  readonly scratch: boolean;
  readonly saved: SavedChild;
}

/** What stands in result.json for one cell. */
export interface TrainedResult {
  readonly name: string;
  /** Of cells. */
  readonly genotype?: Genotype;
  readonly parameters: number;
  readonly multiplyAdds: number;
  readonly testError: number;
  readonly epochs: readonly TrainedEpoch[];
  readonly seconds: number;
}

/** Where a training is within one cell. */
export interface CellPlace {
  /** Which of the cells. */
  readonly cell: number;
  /** Figures of the epochs that were told. */
  readonly epochs: readonly TrainedEpoch[];
  /** Spent on the cell. */
  readonly seconds: number;
  /** Of `trainChild`. */
  readonly state: StateDict;
}

const settingsSchema = schemaOf(trainSettings);
const askedSchema = v.looseObject({
  format: v.literal(FORMAT),
  cells: v.pipe(v.array(v.object({ name: v.pipe(v.string(), v.regex(/^[^/\\]+$/)), genotype: v.unknown() }))),
  data: v.string(),
  trainImages: v.pipe(v.number(), v.integer(), v.minValue(1)),
  testImages: v.pipe(v.number(), v.integer(), v.minValue(0)),
  seed: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  kind: v.picklist(['webgpu', 'cpu']),
  device: v.string(),
  versions: v.record(v.string(), v.string()),
  network: v.exactOptional(
    v.looseObject({ classes: v.pipe(v.number(), v.integer()), inChannels: v.pipe(v.number(), v.integer()) }),
  ),
  child: v.exactOptional(v.object({ name: v.pipe(v.string(), v.regex(/^[^/\\]+$/)), scratch: v.boolean(), saved: savedSchema })),
});
const resultSchema = v.looseObject({
  cells: v.array(v.looseObject({ name: v.string(), parameters: v.number(), multiplyAdds: v.number(), testError: v.number() })),
});

export class TrainingFolder {
  readonly files: ListedFolder;

  private constructor(files: ListedFolder) {
    this.files = files;
  }

  static async open(folder: string): Promise<TrainingFolder> {
    return new TrainingFolder(await ListedFolder.open(folder));
  }

  get path(): string {
    return this.files.path;
  }

  /** Makes the folder ready. DataFileError if a training is there already. */
  async claim(): Promise<void> {
    await this.files.prepare();
    const names = await this.files.names();
    if (names.includes(ASKED))
      throw new DataFileError(
        `${this.path} holds a training already: choose another --out, or continue it with --resume ${this.path}`,
      );
    if (names.includes(RESULT)) throw new DataFileError(`${this.path} holds a result already: choose another --out`);
  }

  /** Writes what is asked, and the weights that a child begins with. */
  async create(asked: AskedTraining, weights?: StateDict): Promise<void> {
    await this.files.write({
      ...(weights && { [START]: weightBytes(weights) }),
      [ASKED]: `${JSON.stringify(asked, undefined, 2)}\n`,
    });
  }

  /** What was asked of a training that is there. DataFileError naming the file and the place that is wrong. */
  async readAsked(): Promise<AskedTraining> {
    if (!(await this.files.names()).includes(ASKED))
      throw new DataFileError(`${this.path} holds no training that can be continued: there is no ${ASKED}`);
    const file = this.files.file(ASKED);
    const value = jsonIn(file, (await this.files.readWhole(ASKED)).toString());
    for (const schema of [askedSchema, settingsSchema]) {
      const parsed = v.safeParse(schema, value);
      if (parsed.success) continue;
      const [issue] = parsed.issues;
      throw new DataFileError(`${file}: ${v.getDotPath(issue) ?? 'the file'}: ${issue.message}`);
    }
    const asked = value as AskedTraining;
    if (asked.cells.length > 0 === (asked.child !== undefined) || (asked.child === undefined) !== (asked.network !== undefined))
      throw new DataFileError(`${file}: it must ask for cells with a network, or for one child`);
    for (const cell of asked.cells) {
      try {
        genotype(JSON.stringify(cell.genotype));
      } catch (error) {
        if (!(error instanceof ReparamError)) throw error;
        throw new DataFileError(`${file}: cell ${cell.name}: ${error.message}`, { cause: error });
      }
    }
    return asked;
  }

  /** The weights that a child begins with; none of one that begins with new ones. */
  async readStart({ child }: AskedTraining): Promise<StateDict> {
    if (!child || child.scratch) return {};
    const bytes = await this.files.readWhole(START);
    return readSafetensors({ name: this.files.file(START), bytes }, { sha256: nodeSha256 }).tensors;
  }

  /** The cells that are done. */
  async readResults(): Promise<TrainedResult[]> {
    if (!(await this.files.names()).includes(RESULT)) return [];
    const file = this.files.file(RESULT);
    const value = jsonIn(file, (await this.files.readWhole(RESULT)).toString());
    const parsed = v.safeParse(resultSchema, value);
    if (!parsed.success) throw new DataFileError(`${file} is no result of a training: ${parsed.issues[0].message}`);
    // As it stands: the schema would put the names in its own order.
    return (value as { cells: TrainedResult[] }).cells;
  }

  /** Keeps what a cell came to, with its files; checkpoints within it are of no more use. */
  async saveResults(
    asked: AskedTraining,
    cells: readonly TrainedResult[],
    others: Record<string, string | Uint8Array>,
  ): Promise<void> {
    const { format: _format, cells: _cells, kind: _kind, seed, training, ...made } = asked;
    const result = { ...made, training: { ...training, seed }, cells };
    const checkpoints = (await this.files.names()).filter(isCheckpoint);
    await this.files.write({ ...others, [RESULT]: `${JSON.stringify(result, undefined, 2)}\n` }, checkpoints);
    await this.files.settle();
  }

  /** A checkpoint within a cell; the two newest are kept. `step` counts the steps of all cells. */
  async saveCheckpoint(step: number, { cell, epochs, seconds, state }: CellPlace, identity: RunIdentity): Promise<void> {
    const told = Float64Array.from(epochs.flatMap(({ loss, accuracy }) => [loss, accuracy]));
    const saved: StateDict = {
      step: { shape: [1], data: Float64Array.of(step) },
      cell: { shape: [1], data: Float64Array.of(cell) },
      seconds: { shape: [1], data: Float64Array.of(seconds) },
      told: { shape: [epochs.length, 2], data: told },
      ...state,
    };
    const { name, bytes, superfluous } = await newCheckpoint(this.files, step, saved, identity);
    await this.files.write({ [name]: bytes }, superfluous);
  }

  /**
   * The newest whole checkpoint within a cell; undefined if there is none, and the cell is begun anew. What is damaged is said. DataFileError if
   * it is of other settings or images.
   */
  async readCheckpoint(cell: number, identity: RunIdentity): Promise<CellPlace | undefined> {
    const { whole, refused } = await findCheckpoints(this.files, identity);
    const found = whole.find(({ state }) => state['cell']?.data[0] === cell);
    for (const line of refused) note(`${line}; ${found ? `going on from ${found.name}` : 'the cell is trained anew'}`);
    if (!found) return undefined;
    const { state } = found;
    const told = state['told']?.data ?? [];
    return {
      cell,
      epochs: Array.from({ length: told.length / 2 }, (_, epoch) => ({
        epoch,
        loss: told[2 * epoch]!,
        accuracy: told[2 * epoch + 1]!,
      })),
      seconds: state['seconds']?.data[0] ?? 0,
      state,
    };
  }
}
