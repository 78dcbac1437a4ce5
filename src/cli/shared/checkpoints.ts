/**
 * @file The checkpoints of a run folder, checkpoint-STEP.safetensors: the two newest are kept, and a resume takes the newest that is whole and fits
 * the run.
 */
import { DataFileError, ReparamError } from '../../contract/errors.ts';
import { readSafetensors } from '../../export/safetensors.ts';
import { type ListedFolder, nodeSha256 } from '../../files/listed-folder.ts';
import { weightBytes } from '../../files/weights.ts';
import type { StateDict } from '../../nn/module.ts';
import { identityDifferences, identityMetadata, type RunIdentity } from './run-identity.ts';

export interface Checkpoint {
  readonly name: string;
  readonly step: number;
  readonly state: StateDict;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface FoundCheckpoints {
  /** Those whose content is what was written, newest first. */
  readonly whole: readonly Checkpoint[];
  /** Why each of the others cannot be used. */
  readonly refused: readonly string[];
}

/** The name of the checkpoint after some steps. */
export function checkpointName(step: number): string {
  return `checkpoint-${step}.safetensors`;
}

/** The step in the name of a checkpoint; undefined for other names. */
export function stepInName(name: string): number | undefined {
  const digits = /^checkpoint-(\d+)\.safetensors$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

export function isCheckpoint(name: string): boolean {
  return stepInName(name) !== undefined;
}

/** The file of a checkpoint, and which ones it makes superfluous: all but the newest of an earlier step. */
export async function newCheckpoint(
  folder: ListedFolder,
  step: number,
  state: StateDict,
  identity: RunIdentity,
): Promise<{ readonly name: string; readonly bytes: Uint8Array; readonly superfluous: readonly string[] }> {
  const name = checkpointName(step);
  const others = (await folder.names()).filter((n) => isCheckpoint(n) && n !== name);
  const stepOf = (n: string): number => stepInName(n)!;
  const before = others.filter((n) => stepOf(n) < step).sort((a, b) => stepOf(b) - stepOf(a))[0];
  const bytes = weightBytes(state, { step: String(step), ...identityMetadata(identity) });
  return { name, bytes, superfluous: others.filter((n) => n !== before) };
}

/** Reads all checkpoints. DataFileError naming what differs if the newest whole one is of other settings or images than the run. */
export async function findCheckpoints(folder: ListedFolder, identity: RunIdentity): Promise<FoundCheckpoints> {
  const names = new Set([...(await folder.names()), ...folder.listed].filter(isCheckpoint));
  const whole: Checkpoint[] = [];
  const refused: string[] = [];
  for (const name of names) {
    try {
      whole.push(await readCheckpoint(folder, name));
    } catch (error) {
      if (!(error instanceof ReparamError)) throw error;
      refused.push(error.message);
    }
  }
  whole.sort((a, b) => b.step - a.step);
  const [newest] = whole;
  const different = newest ? identityDifferences(identity, newest.metadata) : [];
  if (newest && different.length > 0) {
    throw new DataFileError(
      `${folder.path} cannot be resumed as another run: ${different.join('; ')} (${newest.name}): put it back, or begin another run with --out`,
    );
  }
  return { whole, refused };
}

/** DataFileError or DataFormatError naming the file if it is damaged or is no checkpoint. */
async function readCheckpoint(folder: ListedFolder, name: string): Promise<Checkpoint> {
  const file = folder.file(name);
  const { bytes, standing } = await folder.read(name);
  const { tensors: state, metadata, checksum } = readSafetensors({ name: file, bytes }, { sha256: nodeSha256 });
  if (checksum === undefined) throw new DataFileError(`${file} is damaged: it has lost its checksum`);
  if (standing === 'changed') throw new DataFileError(`${file} is damaged: it is not what was written`);
  const [step, ...more] = state['step']?.data ?? [];
  if (step === undefined || more.length > 0 || !(Number.isSafeInteger(step) && step >= 0))
    throw new DataFileError(`${file} is no checkpoint: its step is ${step ?? 'missing'}, and must be an integer of 0 or more`);
  if (step !== stepInName(name)) throw new DataFileError(`${file} is damaged: it holds step ${step}`);
  return { name, step, state, metadata };
}
