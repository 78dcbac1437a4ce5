/** @file The child in the folder of a search: what makes it, its weights, and how it was given its images. */
import * as v from 'valibot';
import path from 'node:path';
import { DataFileError, ReparamError } from '../../contract/errors.ts';
import { quote } from '../../contract/quote.ts';
import { sameShape } from '../../contract/shape.ts';
import { type Key, key } from '../../core/random.ts';
import type { Device } from '../../core/tensor.ts';
import type { Reading } from '../../data/reading.ts';
import { type BatchSource, type ChannelStatistics, type Dataset, sourceOf } from '../../data/index.ts';
import { readSafetensors } from '../../export/safetensors.ts';
import { absoluteDataName } from '../../data/files.node.ts';
import { ListedFolder, nodeSha256 } from '../../files/listed-folder.ts';
import type { Layer, StateDict } from '../../nn/module.ts';
import { networkContext } from '../../snas/child/context.ts';
import type { Architecture } from '../../snas/space/architecture.ts';
import { loadChild, makeChild, type NetworkContext, type SpaceDefinition } from '../../snas/space/search-space.ts';
import { shippedSpace, SPACES } from '../../snas/spaces/index.ts';
import { jsonIn } from './json-file.ts';
import { loadSpaceFile } from './space-file.ts';

/** The files of a child. */
export const CHILD_FILE = 'genotype.json';
export const CHILD_WEIGHTS = 'child.safetensors';

/** What makes a child again, and what it has to be told of images: part of genotype.json. */
export interface SavedChild {
  /** The space's name, or the file that was named; its sizes, and what it was made for. */
  readonly space: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly item: readonly number[];
  readonly classes: number;
  /** Path and SHA-256 of a space that a file makes. */
  readonly file?: string;
  readonly digest?: string;
  /** Each choice's option, by name; `none` where one is left out. */
  readonly choices: Architecture;
  /** What its images were standardised by; absent where their source did so itself. */
  readonly standardise?: ChannelStatistics;
  readonly classNames?: readonly string[];
  /** Its outputs are numbers and not classes. */
  readonly targets?: 'numbers';
  /** Which images it was found on, and how they were read. */
  readonly data?: string;
  readonly reading?: Reading;
}

const numbers = v.array(v.pipe(v.number(), v.finite()));
const positive = v.pipe(v.number(), v.integer(), v.minValue(1));
/** What a file must hold of it; more may be there. */
export const savedSchema: v.GenericSchema<unknown, SavedChild> = v.looseObject({
  space: v.string(),
  settings: v.record(v.string(), v.unknown()),
  item: v.pipe(v.array(positive), v.minLength(1)),
  classes: positive,
  file: v.exactOptional(v.string()),
  digest: v.exactOptional(v.string()),
  choices: v.record(v.string(), v.string()),
  standardise: v.exactOptional(v.object({ mean: numbers, std: v.array(v.pipe(v.number(), v.finite(), v.gtValue(0))) })),
  classNames: v.exactOptional(v.array(v.string())),
  targets: v.exactOptional(v.literal('numbers')),
  data: v.exactOptional(v.string()),
  reading: v.exactOptional(v.record(v.string(), v.union([v.string(), v.number()]))),
});

/** Names of classes in one line. */
const MOST_NAMES = 12;

/** A child that can be made on any device. */
export class RunChild {
  /** The folder. */
  readonly path: string;
  readonly saved: SavedChild;
  readonly definition: SpaceDefinition;
  /** Its weights and batch-norm statistics. */
  readonly state: StateDict;

  constructor(folder: string, saved: SavedChild, definition: SpaceDefinition, state: StateDict) {
    this.path = folder;
    this.saved = saved;
    this.definition = definition;
    this.state = state;
  }

  /**
   * Reads the child of a folder; no supernet is made. DataFileError naming the file and what is wrong: a search that has not ended, an earlier
   * version's file, a damaged one, another space's choices, a space file that has changed.
   */
  static async read(folder: string): Promise<RunChild> {
    const files = await ListedFolder.open(folder);
    const names = await files.names();
    for (const name of [CHILD_FILE, CHILD_WEIGHTS]) {
      if (names.includes(name)) continue;
      throw new DataFileError(`${folder} holds no child: there is no ${name}; it is written when a search has ended`);
    }
    const saved = readSavedChild(files.file(CHILD_FILE), (await files.readWhole(CHILD_FILE)).toString());
    const definition = await savedSpace(files.file(CHILD_FILE), saved);
    const bytes = await files.readWhole(CHILD_WEIGHTS);
    const { tensors } = readSafetensors({ name: files.file(CHILD_WEIGHTS), bytes }, { sha256: nodeSha256 });
    return new RunChild(folder, saved, definition, tensors);
  }

  /** 'run1' of runs/run1. */
  get name(): string {
    return path.basename(path.resolve(this.path));
  }

  context(device: Device, initial: Key = key(0)): NetworkContext {
    return networkContext(device, initial, { shape: this.saved.item, classes: this.saved.classes });
  }

  /** The network with its weights, in evaluation. DataFileError where choices or weights are of another space. The caller disposes it. */
  load(device: Device): Layer {
    const child = this.#fitting(() => loadChild(this.definition, this.context(device), this.saved.choices, this.state));
    child.eval();
    return child;
  }

  /** The same network with new weights. */
  renew(device: Device, initial: Key = key(0)): Layer {
    return this.#fitting(() => makeChild(this.definition, this.context(device, initial), this.saved.choices));
  }

  /** Data as the child was given its own, standardised by the same numbers. DataFileError for items of another shape or more classes. */
  source(data: Dataset, name: string): BatchSource {
    const { item, classes, standardise } = this.saved;
    const source = sourceOf(data, { standardise });
    this.checkItem(source.shape, name);
    if (data.classes > classes)
      throw new DataFileError(`${name} has ${data.classes} classes, and the child in ${this.path} tells ${classes} apart`);
    if (standardise && standardise.mean.length !== (item.length === 3 ? item[0] : data.channels))
      throw new DataFileError(
        `${this.path}/${CHILD_FILE}: standardise has ${standardise.mean.length} channels for items of [${item.join(', ')}]`,
      );
    return source;
  }

  /** How data are read: as the search read its own, where `given` does not say otherwise. */
  readingOf(name: string, given: Reading): Reading {
    const { data, reading = {} } = this.saved;
    if (data === absoluteDataName(name)) return { ...reading, ...given };
    // Of other data, only what is about pictures.
    const { size, fit, colour } = { ...reading, ...given };
    const kept = { ...given, size, fit, colour };
    return Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== undefined));
  }

  /** The data with the child's numbers for classes, where both have names. DataFileError for a class that the child does not know. */
  named(data: Dataset, name: string): Dataset {
    const known = this.saved.classNames;
    const { classNames } = data;
    if (!known || !classNames || JSON.stringify(known) === JSON.stringify(classNames)) return data;
    const unknown = classNames.find((className) => !known.includes(className));
    if (unknown !== undefined) {
      const list =
        known.length <= MOST_NAMES
          ? known.join(', ')
          : `${known.slice(0, MOST_NAMES).join(', ')} and ${known.length - MOST_NAMES} more`;
      throw new DataFileError(
        `${name} has the class ${quote(unknown)}, which the child in ${this.path} does not know: it knows ${list}`,
      );
    }
    const numbersOf = classNames.map((className) => known.indexOf(className));
    return {
      ...data,
      labels: Uint16Array.from(data.labels, (label) => numbersOf[label]!),
      classes: known.length,
      classNames: known,
    };
  }

  /** DataFileError for items of another shape than the child takes. */
  checkItem(shape: readonly number[], name: string): void {
    const { item } = this.saved;
    if (sameShape(shape, item)) return;
    const [, side, width] = item;
    const cure =
      item.length === 3 && shape.length === 3 && side === width
        ? `: say --size ${side}${item[0] === 1 ? ' --colour grey' : item[0] === 3 ? ' --colour rgb' : ''}`
        : '';
    throw new DataFileError(
      `${name} has items of [${shape.join(', ')}], and the child in ${this.path} takes [${item.join(', ')}]${cure}`,
    );
  }

  #fitting(make: () => Layer): Layer {
    try {
      return make();
    } catch (cause) {
      if (!(cause instanceof ReparamError)) throw cause;
      throw new DataFileError(`${path.join(this.path, CHILD_FILE)} does not fit the space ${this.saved.space}: ${cause.message}`, {
        cause,
      });
    }
  }
}

/** What makes a child again, from the text of a file. DataFileError naming the place that is wrong. */
export function readSavedChild(file: string, text: string): SavedChild {
  const value = jsonIn(file, text);
  const parsed = v.safeParse(savedSchema, value);
  if (parsed.success) return parsed.output;
  const issue = parsed.issues[0];
  const place = v.getDotPath(issue) ?? 'the file';
  const earlier =
    typeof value === 'object' && value !== null && 'genotype' in value && !('space' in value)
      ? ': it was written by an earlier version, which did not say what its weights are of; train --genotype still reads its cell'
      : '';
  throw new DataFileError(`${file}: ${place}: ${issue.message}${earlier}`);
}

/** The space that a file or a run names. DataFileError for one that this version has not, and for a file that is another by now. */
export async function savedSpace(
  where: string,
  { space, settings, file, digest }: Pick<SavedChild, 'space' | 'settings' | 'file' | 'digest'>,
): Promise<SpaceDefinition> {
  if (file === undefined) {
    const shipped = shippedSpace(space);
    if (!shipped) throw new DataFileError(`${where}: the space ${quote(space)} is none of ${Object.keys(SPACES).join(', ')}`);
    try {
      return shipped.make(settings as Record<string, number>);
    } catch (cause) {
      if (!(cause instanceof ReparamError)) throw cause;
      throw new DataFileError(`${where}: the settings of space ${space}: ${cause.message}`, { cause });
    }
  }
  const { definition, digest: now } = await loadSpaceFile(file);
  if (now === digest) return definition;
  throw new DataFileError(
    `${file} has changed since the run was begun: its space may be another. Put the file back as it was, or begin another run with --out`,
  );
}
