/** @file `reparam search`: a search on real images, from flags to a run folder. */
/// <reference lib="esnext.disposable" preserve="true" />
import { DataFileError, NonFiniteError, ReparamError } from '../../contract/errors.ts';
import { largestOf } from '../../contract/extremes.ts';
import path from 'node:path';
import type { Command } from 'commander';
import { RandomSearch } from '../../baselines/index.ts';
import { checkData } from '../../data/files.node.ts';
import { channelStatistics, type Dataset } from '../../data/index.ts';
import type { StopSignal } from '../../contract/stop-signal.ts';
import type { Device } from '../../core/tensor.ts';
import { key } from '../../core/random.ts';
import { networkContext } from '../../snas/child/context.ts';
import type { Architecture } from '../../snas/space/architecture.ts';
import { SearchSpace, type SpaceDefinition } from '../../snas/space/search-space.ts';
import { Search } from '../../snas/search/search.ts';
import type { EpochMetrics } from '../../snas/search/config.ts';
import { type CreditRecording, creditRecording } from '../shared/credit-recording.ts';
import { chooseDevice, type DeviceChoice } from '../../command/device.ts';
import type { FolderLock } from '../../command/folder-lock.ts';
import { inFolder } from '../../command/in-folder.ts';
import { StopRequest } from '../../command/stop.ts';
import { onDevices } from '../shared/lost-devices.ts';
import { checkFinite, nonFiniteStep } from '../shared/non-finite.ts';
import { note, Progress } from '../shared/progress.ts';
import { checkMemory } from '../shared/memory.ts';
import { type MetricsLine, metricsLine } from '../shared/metrics-file.ts';
import { raised, resume } from '../shared/resume.ts';
import { checkResumeFlags, givenFlags } from '../shared/resume-flags.ts';
import { curves, RunFolder } from '../shared/run-folder.ts';
import { digestOf, environmentOf, type RunIdentity, settingsOf } from '../shared/run-identity.ts';
import { loadShown } from '../shared/load-shown.ts';
import { readingOf } from '../settings/reading.ts';
import { type RunConfig, type SearchFlags, searchSettings } from '../settings/search.ts';
import { addOptions } from '../settings/setting.ts';
import {
  checkStoredSizes,
  defaultFolder,
  newConfig,
  newSpace,
  runSplit,
  type RunSpace,
  searchOptions,
  storedSpace,
} from '../shared/search-setup.ts';
import { CANDIDATES, chooseCandidate } from '../../jobs/strategies.ts';

export function registerSearch(program: Command): void {
  const command = program.command('search').description('search an architecture with SNAS or a rival and write a run folder');
  addOptions(command, searchSettings).action((flags: SearchFlags) => runSearch(flags, givenFlags(command)));
}

/** What a command line has besides its run. */
interface Seat {
  readonly flags: SearchFlags;
  /** The names of the flags that were typed. */
  readonly given: ReadonlySet<string>;
  readonly progress: Progress;
  readonly say: (line: string) => void;
  readonly stop: StopSignal;
  /** When the command began. */
  readonly started: number;
}

/** A run in its folder, on whatever device. */
interface Run extends Seat {
  readonly lock: FolderLock;
  readonly folder: RunFolder;
  readonly config: RunConfig;
  readonly space: RunSpace;
  readonly train: Dataset;
  readonly validation: Dataset;
  readonly test: Dataset;
  /** What was decided in reading the data. */
  readonly about: string | undefined;
  readonly dataDigest: string;
}

/** The same on one device. */
interface Session extends Run {
  readonly search: Search;
  readonly identity: RunIdentity;
  /** Those of the epochs so far; the new ones are added. */
  readonly lines: MetricsLine[];
  readonly credits: CreditRecording | undefined;
  /** Writes a checkpoint. */
  readonly save: () => Promise<void>;
}

async function runSearch(flags: SearchFlags, given: ReadonlySet<string>): Promise<void> {
  const progress = new Progress();
  const say = (line: string): void => {
    progress.clear();
    if (flags.quiet !== true) process.stdout.write(`${line}\n`);
  };
  using stop = StopRequest.listen((reason) => {
    process.stderr.write(`\nstopping after this step (${reason}); once more to stop at once\n`);
  });
  const seat: Seat = { flags, given, progress, say, stop: stop.signal, started: performance.now() };
  // A folder without a run is told to be one before anything is put there.
  if (flags.resume !== undefined) await (await RunFolder.open(flags.resume)).readConfig();
  // First what may fail at once: a folder that cannot be made, or in which another process is at work.
  const complete = await inFolder(flags.resume ?? flags.out ?? defaultFolder(flags), (lock) => searchIn(lock, seat));
  // A signal that came after the last step has stopped nothing.
  if (complete) process.exitCode = 0;
}

/** Returns whether the search came to its last step. */
async function searchIn(lock: FolderLock, seat: Seat): Promise<boolean> {
  const { flags, given, say, started } = seat;
  const folder = await RunFolder.open(lock.folder);
  if (flags.resume === undefined) await folder.claim();
  const stored = flags.resume === undefined ? undefined : await folder.readConfig();
  const data = await loadShown(
    stored?.data ?? flags.data,
    stored ? (stored.reading ?? {}) : readingOf(flags),
    flags,
    seat.progress,
  );
  checkData(data, stored?.data ?? flags.data, { cells: false });
  if (stored) {
    checkResumeFlags(flags, given, stored, data.train.labels.length);
    checkStoredSizes(stored, data);
  }
  const space = stored ? await storedSpace(stored) : await newSpace(flags);
  const device = await chooseDevice((stored?.device as DeviceChoice | undefined) ?? flags.device, say, stored?.adapter);
  const chosen = stored ? raised(stored, flags) : newConfig(flags, data, device, space);
  const weights = supernetWeights(space.definition, device, chosen, stored !== undefined);
  checkMemory(weights, `the network of space ${chosen.space.name} (${sizesOf(chosen)})`);
  const [train, validation] = runSplit(chosen, data.train);
  const config = stored ? chosen : { ...chosen, standardise: channelStatistics(train) };
  const { test } = data;
  const dataDigest = digestOf([train, validation, test]);
  const run: Run = { ...seat, lock, folder, config, space, train, validation, test, about: data.about, dataDigest };
  const place: Place = { stored, saved: -1 };
  const complete = await onDevices({
    device,
    open: () => chooseDevice(device.kind, say, device.name),
    run: (on) => searchOn(on, run, place),
    saved: () => place.saved,
  });
  say(`time       ${((performance.now() - started) / 1000).toFixed(0)} s; everything is in ${folder.path}`);
  return complete;
}

/** How far a run is in its folder. */
interface Place {
  /** The config there; undefined before the first checkpoint. */
  stored: RunConfig | undefined;
  /** Steps in the newest checkpoint that this process wrote; -1 before the first. */
  saved: number;
}

/** Begins the run, or goes on from what its folder holds. Returns whether the search came to its last step. */
async function searchOn(device: Device, run: Run, place: Place): Promise<boolean> {
  const { config, folder, lock } = run;
  const options = searchOptions(device, config, run.space.definition, run.say);
  using search = new Search(device, config.search, { train: run.train, validation: run.validation }, options);
  const identity: RunIdentity = {
    settings: settingsOf(config),
    epochs: config.search.epochs,
    data: config.data,
    dataDigest: run.dataDigest,
    environment: environmentOf(device),
  };
  const lines: MetricsLine[] = [];
  if (place.stored) for (const line of await resume({ search, folder, config, stored: place.stored, identity })) lines.push(line);
  else await folder.create(config, identity, await search.state());
  // A device that was lost is no news about the run.
  if (place.saved < 0) describe(run, search);
  place.stored = config;
  place.saved = Math.max(place.saved, search.step);
  const credits = await recording(run, search);
  if (search.step === 0 && run.flags.locateNan !== true) await keepWeights({ ...run, search });
  const save = async (): Promise<void> => {
    const state = await search.state();
    checkFinite(state, search.step);
    const others = {
      ...credits?.files(),
      'curves.svg': curves(
        lines.map(({ metrics }) => metrics),
        optionCounts(search),
      ),
    };
    const moment = { step: search.step, state, lines, others };
    await lock.check();
    await folder.saveCheckpoint(moment, identity);
    place.saved = Math.max(place.saved, search.step);
  };
  const session: Session = { ...run, search, identity, lines, credits, save };
  if (run.flags.locateNan === true) {
    const error = await locate(run, search);
    if (error) throw error;
    run.say(`finite     no step up to ${search.step} makes a NaN or an infinity`);
    return false;
  }
  try {
    await searchEpochs(session);
  } catch (error) {
    if (!(error instanceof NonFiniteError) || run.stop.aborted) throw error;
    note(`${error.message.split(':').slice(0, 2).join(':')}: repeating the steps from the last checkpoint, to find where it arose`);
    using again = new Search(
      device,
      config.search,
      { train: run.train, validation: run.validation },
      searchOptions(device, config, run.space.definition, run.say),
    );
    await resume({ search: again, folder, config, stored: config, identity });
    throw (await locate(run, again)) ?? error;
  }
  await finish(session);
  return search.step >= search.steps;
}

/** Which step of a search, from where it is, makes the first number that is not finite. */
async function locate({ flags, stop, progress, folder }: Run, search: Search): Promise<NonFiniteError | undefined> {
  const onStep = (step: number): void => {
    if (flags.quiet !== true) progress.update(step / search.steps, `step ${step} of ${search.steps} is finite`);
  };
  try {
    return await nonFiniteStep(search, { signal: stop, onStep, folder: folder.path });
  } finally {
    progress.clear();
  }
}

/** Keeps the weights of the steps that were asked for. */
async function keepWeights({
  config,
  folder,
  lock,
  search,
}: Pick<Session, 'config' | 'folder' | 'lock' | 'search'>): Promise<void> {
  const every = config.keepWeights;
  if (every === undefined || (search.step % every !== 0 && search.step < search.steps)) return;
  const state = await search.state();
  checkFinite(state, search.step);
  await lock.check();
  await folder.keepWeights(search.step, state);
}

function recording({ config, folder }: Run, search: Search): Promise<CreditRecording> | undefined {
  return config.credits === undefined ? undefined : creditRecording(search, folder, config.credits, note, search.cost);
}

function describe({ config, train, test, about, folder, say }: Run, search: Search): void {
  const { search: settings } = config;
  say(`device     ${search.device.name}`);
  say(
    `data       ${config.data}: ${train.labels.length} training, ${config.validationImages} validation, ${test.labels.length} test images`,
  );
  if (about !== undefined) say(`           ${about}`);
  say(
    `supernet   ${config.space.name}: ${sizesOf(config)}, ${search.supernet.parameterCount().toLocaleString('en-GB')} parameters`,
  );
  say(`strategy   ${config.strategy}, cost ${config.cost}, eta ${settings.eta}`);
  if (config.cost === 'latency')
    say('           measured times differ from run to run, so the same seed does not give the same run to the bit');
  say(`run        ${folder.path}, seed ${settings.seed}, ${settings.epochs} epochs of ${search.stepsPerEpoch} steps`);
}

async function searchEpochs(session: Session): Promise<void> {
  const { search, flags, lines, started, progress, credits, stop, say, save } = session;
  const quiet = flags.quiet ?? false;
  say(HEADER);
  if (!quiet) progress.update(0, 'warming up: capturing a step');
  let saved = performance.now();
  try {
    const onWarmUp = (compiled: number, of: number): void => {
      if (!quiet) progress.update(0, `warming up: ${compiled} of ${of} kernels compiled`);
    };
    const onStep = ({ epoch, step, steps, loss }: { epoch: number; step: number; steps: number; loss: number }): void => {
      if (!quiet) progress.update(step / steps, `epoch ${epoch + 1}, step ${step} of ${steps}, loss ${loss.toFixed(3)}`);
    };
    const afterStep = async (step: number): Promise<void> => {
      await credits?.afterStep(step);
      await keepWeights(session);
      if (performance.now() - saved < flags.checkpointMinutes * 60_000) return;
      await save();
      saved = performance.now();
    };
    for await (const epoch of search.run({ onWarmUp, onStep, afterStep, signal: stop })) {
      lines.push(metricsLine(epoch, (performance.now() - started) / 1000));
      say(row(epoch));
      await save();
      saved = performance.now();
    }
  } catch (error) {
    if (!stop.aborted || error !== stop.reason) throw error;
    await save();
  } finally {
    progress.clear();
  }
}

async function finish({ search, config, lock, folder, lines, credits, train, test: images, say }: Session): Promise<void> {
  if (search.strategy instanceof RandomSearch) {
    const accuracies = await chooseCandidate(search, CANDIDATES);
    say(`chosen     the best of ${CANDIDATES} drawn children on the validation images (${percent(largestOf(accuracies))})`);
  }
  const budget = await search.budgetReport();
  const architecture = budget?.architecture ?? (await search.strategy.derive());
  const validation = await search.childScore(search.data.validation, architecture);
  // The test set is touched here, once, and nothing is chosen by it.
  const test = await search.childScores(images, architecture);
  const child = await search.child(architecture);
  const found = {
    architecture,
    validationAccuracy: validation.accuracy,
    testAccuracy: test.accuracy,
    testAccuracyWithRunningStatistics: test.accuracyWithRunningStatistics,
    complete: search.step >= search.steps,
    ...(search.statistics && { standardise: search.statistics }),
    ...(train.classNames && { classNames: train.classNames }),
    ...(train.classes === 0 && { targets: 'numbers' as const }),
  };
  const others = {
    ...credits?.finish(),
    'curves.svg': curves(
      lines.map(({ metrics }) => metrics),
      optionCounts(search),
    ),
  };
  await lock.check();
  await folder.saveResult(found, config, search.space, await search.state(), await child.stateDict(), others);
  say('');
  say(search.space.definition.literal?.print(architecture) ?? listed(architecture));
  say('');
  say(
    `child      ${child.parameterCount().toLocaleString('en-GB')} parameters, no retraining, batch-norm statistics recomputed by forward passes`,
  );
  for (const line of budget ? budgetLines(budget) : []) say(line);
  const [figure, show]: [string, (x: number) => string] =
    images.classes === 0 ? ['sq. error ', (x) => x.toPrecision(4)] : ['accuracy  ', percent];
  say(`${figure} validation ${show(validation.accuracy)}, test ${show(test.accuracy)}`);
  say(`           test with the supernet's running statistics instead: ${show(test.accuracyWithRunningStatistics)}`);
  if (search.step < search.steps)
    say(`stopped    after step ${search.step} of ${search.steps}; continue with --resume ${folder.path}`);
  child.dispose();
}

/** A line for each limit: what was reached, and how. */
function budgetLines({ limits, changed }: NonNullable<Awaited<ReturnType<Search['budgetReport']>>>): string[] {
  const number = (n: number): string => Math.round(n).toLocaleString('en-GB');
  return limits.map(({ resource, limit, reached, derived, expected, multiplier }) => {
    const unit = resource === 'parameters' ? 'parameters' : 'multiply-adds';
    const changes = changed.map(({ choice, from, to }) => `${choice} from ${from} to ${to}`).join(', ');
    const how =
      derived > limit ? `; the most probable child has ${number(derived)}, so these choices were changed: ${changes}` : '';
    return `budget     ${number(reached)} ${unit} of at most ${number(limit)} (${number(expected)} expected, price ${multiplier.toFixed(2)} nats)${how}`;
  });
}

/** 'block1 k3, block2 skip' of an architecture. */
function listed(architecture: Architecture): string {
  return Object.entries(architecture)
    .map(([choice, option]) => `${choice} ${option}`)
    .join(', ');
}

/** 'channels 4, cells 3' of a run's space. */
function sizesOf({ space }: RunConfig): string {
  const sizes = Object.entries(space.settings).map(([name, size]) => `${name} ${size}`);
  return sizes.length > 0 ? sizes.join(', ') : 'its own network';
}

function optionCounts(search: Search): number[] {
  return search.space.layout.choices.map(({ options }) => options.length);
}

/** Trainable numbers of a space's network, made without memory for them. DataFileError where the sizes of a stored run make none. */
function supernetWeights(definition: SpaceDefinition, device: Device, { space }: RunConfig, stored: boolean): number {
  try {
    return device.dryRun(
      () => {
        const context = networkContext(device, key(0), { shape: space.item, classes: space.classes });
        return new SearchSpace(definition, context).network.parameterCount();
      },
      { hollow: true },
    );
  } catch (cause) {
    if (!(cause instanceof ReparamError) || (!stored && space.file === undefined)) throw cause;
    // What a file makes is told with its name, once.
    if (space.file !== undefined && cause.message.includes(path.basename(space.file))) throw cause;
    throw new DataFileError(`${space.file ?? 'config.json'}: ${cause.message}`, { cause });
  }
}

const COLUMNS: readonly (readonly [string, number, (m: EpochMetrics) => string])[] = [
  ['epoch', 5, (m) => String(m.epoch + 1)],
  ['loss', 7, (m) => m.loss.toFixed(4)],
  ['train', 6, (m) => m.trainAccuracy.toFixed(3)],
  ['parent', 6, (m) => m.parentAccuracy.toFixed(3)],
  ['child', 6, (m) => m.childAccuracy.toFixed(3)],
  ['entropy', 7, (m) => m.entropy.toFixed(3)],
  ['cost', 6, (m) => m.expectedCost.toFixed(3)],
  ['temp', 5, (m) => m.temperature.toFixed(2)],
  ['lr', 7, (m) => m.lr.toFixed(4)],
  ['images/s', 8, (m) => m.imagesPerSecond.toFixed(0)],
];
const HEADER = COLUMNS.map(([name, width]) => name.padStart(width)).join('  ');

function row(m: EpochMetrics): string {
  return COLUMNS.map(([, width, show]) => show(m).padStart(width)).join('  ');
}

function percent(x: number): string {
  return `${(100 * x).toFixed(2)} %`;
}
