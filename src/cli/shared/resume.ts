/** @file How a stored run goes on: which of its checkpoints, which lines of its metrics, and what has to be said. */
import { DataFileError, ReparamError } from '../../contract/errors.ts';
import type { Search } from '../../snas/search/search.ts';
import type { RunConfig, SearchFlags } from '../settings/search.ts';
import { type Checkpoint, findCheckpoints, isCheckpoint } from './checkpoints.ts';
import type { MetricsLine } from './metrics-file.ts';
import { note } from './progress.ts';
import type { RunFolder } from './run-folder.ts';
import { environmentDifferences, environmentIn, type RunIdentity } from './run-identity.ts';

/** A run's config with the flags that may change it. */
export function raised(stored: RunConfig, flags: SearchFlags): RunConfig {
  const { epochs = stored.search.epochs, credits = stored.credits, keepWeights = stored.keepWeights } = flags;
  return {
    ...stored,
    ...(credits !== undefined && { credits }),
    ...(keepWeights !== undefined && { keepWeights }),
    search: { ...stored.search, epochs },
  };
}

export interface Resumed {
  readonly search: Search;
  readonly folder: RunFolder;
  /** With the flags' changes, and as it was stored. */
  readonly config: RunConfig;
  readonly stored: RunConfig;
  readonly identity: RunIdentity;
}

/**
 * Loads the newest whole checkpoint for which metrics.jsonl has the line of every epoch before it, and returns the lines up to there; without any
 * checkpoint the run begins at step 0. DataFileError, with nothing changed, if all checkpoints are damaged or one is of another run.
 */
export async function resume({ search, folder, config, stored, identity }: Resumed): Promise<readonly MetricsLine[]> {
  if (folder.files.damage !== undefined) note(`${folder.files.damage}; checkpoints are judged by their own checksums`);
  const { whole, refused: damaged } = await findCheckpoints(folder.files, identity);
  const refused = [...damaged];
  const { lines, cut, changed } = await folder.readMetrics();
  const file = folder.file('metrics.jsonl');
  if (cut !== undefined) note(`${file}: line ${cut} is cut and was dropped; its epoch is computed again`);
  else if (changed) note(`${file} is not what this run wrote: its figures are kept as they stand`);
  const usable = await loadFirst(search, folder, inOrderOfUse(whole, lines, search.stepsPerEpoch), refused);
  if (!usable) await refuseToBegin(folder, refused, lines);
  for (const line of refused) note(`${line}; ${usable ? `going on from ${usable.name}` : 'beginning at step 0'}`);
  if (!usable) note(`${folder.path} has no checkpoint yet: beginning at step 0`);
  const kept = linesBefore(search, lines, usable);
  sayMissing(file, kept, search.stepsPerEpoch, usable);
  const begun = { reparam: stored.versions['reparam'], node: stored.versions['node'], device: stored.adapter };
  const elsewhere = new Set([
    ...environmentDifferences(identity.environment, withoutAbsent(begun)),
    ...environmentDifferences(identity.environment, environmentIn(usable?.metadata ?? {})),
  ]);
  if (elsewhere.size > 0)
    note(`the run was begun elsewhere (${[...elsewhere].join('; ')}): its figures may differ from the unbroken run's from here on`);
  if (config.search.epochs > stored.search.epochs) sayRaised(search, stored, config);
  await folder.saveStart(config, kept);
  // What was never saved is saved first.
  if (!usable) await folder.saveCheckpoint({ step: search.step, state: await search.state(), lines: kept }, identity);
  return kept;
}

function withoutAbsent(values: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** Epochs whose figures were told before a checkpoint. */
function epochsBefore({ step, state }: Checkpoint, stepsPerEpoch: number): number {
  const counted = state['epoch']?.data[2] ?? 0;
  const done = Math.floor(step / stepsPerEpoch);
  // Saved after the last step of an epoch and before its figures.
  return step % stepsPerEpoch === 0 && counted > 0 ? done - 1 : done;
}

function lackingLines(checkpoint: Checkpoint, lines: readonly MetricsLine[], stepsPerEpoch: number): number[] {
  const told = new Set(lines.map(({ metrics }) => metrics.epoch));
  return Array.from({ length: epochsBefore(checkpoint, stepsPerEpoch) }, (_, epoch) => epoch).filter((epoch) => !told.has(epoch));
}

/** Newest first, but those for which lines are missing last: an earlier one computes these epochs again. */
function inOrderOfUse(whole: readonly Checkpoint[], lines: readonly MetricsLine[], stepsPerEpoch: number): Checkpoint[] {
  const complete = (c: Checkpoint): boolean => lackingLines(c, lines, stepsPerEpoch).length === 0;
  return [...whole.filter(complete), ...whole.filter((c) => !complete(c))];
}

/** Loads the first that fits the search, and adds to `refused` why others do not. */
async function loadFirst(
  search: Search,
  folder: RunFolder,
  checkpoints: readonly Checkpoint[],
  refused: string[],
): Promise<Checkpoint | undefined> {
  for (const checkpoint of checkpoints) {
    try {
      search.loadState(checkpoint.state);
      return checkpoint;
    } catch (error) {
      if (!(error instanceof ReparamError)) throw error;
      refused.push(`${folder.file(checkpoint.name)} does not fit this run: ${error.message}`);
    }
  }
  return undefined;
}

/** A run without a checkpoint begins at step 0 only if it never had one. */
async function refuseToBegin(folder: RunFolder, refused: readonly string[], lines: readonly MetricsLine[]): Promise<void> {
  const names = [...(await folder.files.names()), ...folder.files.listed].filter(isCheckpoint);
  if (names.length === 0 && lines.length <= 1) return;
  const why = refused.length > 0 ? refused.join('; ') : 'there is none';
  throw new DataFileError(
    `${folder.path} has no checkpoint that can be used: ${why}. Nothing was changed; put a whole one back, or begin again with another --out`,
  );
}

/** The lines of whole epochs before a checkpoint. */
function linesBefore(search: Search, lines: readonly MetricsLine[], checkpoint: Checkpoint | undefined): MetricsLine[] {
  if (!checkpoint) return [];
  const epochs = epochsBefore(checkpoint, search.stepsPerEpoch);
  // Format 1 has a line of an epoch that was interrupted: the epoch is finished now and gets a line of its own.
  return lines.filter(({ metrics }) => metrics.epoch < epochs && metrics.step % search.stepsPerEpoch === 0);
}

function sayMissing(file: string, kept: readonly MetricsLine[], stepsPerEpoch: number, checkpoint: Checkpoint | undefined): void {
  const lacking = checkpoint ? lackingLines(checkpoint, kept, stepsPerEpoch) : [];
  if (lacking.length === 0 || !checkpoint) return;
  const which = lacking.map((epoch) => epoch + 1).join(', ');
  note(`${file} lacks the figures of epoch ${which}, and no earlier checkpoint is left to compute them from: going on without`);
}

function sayRaised(search: Search, stored: RunConfig, config: RunConfig): void {
  note(
    `epochs ${stored.search.epochs} -> ${config.search.epochs}: temperature and learning rate are from here on those of a run of ` +
      `${config.search.epochs} epochs (at step ${search.step}: temperature ${search.temperature.toPrecision(3)}, learning rate ${search.lr.toPrecision(3)}); ` +
      'the steps before were those of the shorter run, so the result is not that of one begun with as many',
  );
}
