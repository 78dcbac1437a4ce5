/**
 * @file `reparam train`: cells from scratch, or the child of a search from its weights, on any data set, with parameters, multiply-adds and test error
 * as a table.
 */
/// <reference lib="esnext.disposable" preserve="true" />
import path from 'node:path';
import type { Command } from 'commander';
import type { Reading } from '../../data/reading.ts';
import { absoluteDataName, checkData } from '../../data/files.node.ts';
import { type Dataset, itemShape, splitDataset } from '../../data/index.ts';
import { DataFileError } from '../../contract/errors.ts';
import type { StopSignal } from '../../contract/stop-signal.ts';
import type { Device } from '../../core/tensor.ts';
import { foldIn, key } from '../../core/random.ts';
import { weightBytes } from '../../files/weights.ts';
import { RUN_KEYS } from '../../snas/keys.ts';
import type { ChildPreset } from '../../snas/child/presets.ts';
import { type CopyState, scoreChild, trainChild, type TrainedEpoch } from '../../snas/child/training.ts';
import { textTable } from '../../command/table.ts';
import { chooseDevice } from '../../command/device.ts';
import type { FolderLock } from '../../command/folder-lock.ts';
import { inFolder } from '../../command/in-folder.ts';
import { StopRequest } from '../../command/stop.ts';
import { checkSource, genotypeFromSource, type NamedGenotype } from '../shared/genotype-source.ts';
import { RunChild } from '../shared/run-child.ts';
import { cellTrainees, childTrainee, storedChild, type Trainee, withoutScores } from '../shared/trainee.ts';
import { onDevices } from '../shared/lost-devices.ts';
import { checkMemory } from '../shared/memory.ts';
import { Progress } from '../shared/progress.ts';
import { givenFlags } from '../shared/resume-flags.ts';
import { digestOf, environmentOf, flatSettings, type RunIdentity } from '../shared/run-identity.ts';
import { type AskedTraining, type CellPlace, type TrainedResult, TrainingFolder } from '../shared/training-folder.ts';
import { loadShown } from '../shared/load-shown.ts';
import { readingOf } from '../settings/reading.ts';
import { addOptions } from '../settings/setting.ts';
import { resolveTraining, type TrainFlags, trainSettings } from '../settings/train.ts';
import { UsageError } from '../../command/usage-error.ts';
import { version } from '../../command/version.ts';

export function registerTrain(program: Command): void {
  const command = program
    .command('train')
    .description('train cells from scratch and compare their size and test error, or go on with the child of a search');
  addOptions(command, trainSettings).action((flags: TrainFlags) => runTrain(flags, givenFlags(command)));
}

/** A training in its folder, on whatever device. */
interface Task {
  readonly flags: TrainFlags;
  readonly lock: FolderLock;
  readonly folder: TrainingFolder;
  readonly asked: AskedTraining;
  readonly dataDigest: string;
  readonly trainImages: number;
  readonly trainees: readonly Trainee[];
  readonly say: (line: string) => void;
  readonly progress: Progress;
  readonly stop: StopSignal;
  /** Of the cells that are done; new ones are added. */
  readonly results: TrainedResult[];
  /** Steps of all cells in the newest checkpoint or result of this process. */
  saved: number;
}

/** Flags that say what cells are and how large their network is. */
const OF_CELLS = new Set(['genotype', 'nodes', 'channels', 'cells', 'stemStride', 'auxiliary', 'auxiliaryWeight']);

/** '--batch-size' of batchSize. */
function flagNamed(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Flags that may stand beside --resume. */
const BESIDE_RESUME = new Set(['resume', 'quiet', 'checkpointMinutes']);

async function runTrain(flags: TrainFlags, given: ReadonlySet<string>): Promise<void> {
  const { resume: resumed, genotype: sources, from } = flags;
  if (resumed === undefined && from === undefined && (sources ?? []).length === 0)
    throw new UsageError(
      "--genotype says which cells are trained, such as --genotype SNAS_mild; or --from the folder of a search; or --resume a training's folder",
    );
  if (flags.scratch === true && from === undefined)
    throw new UsageError('--scratch is for --from: cells of --genotype always begin with new weights');
  for (const name of given) {
    if (resumed !== undefined && !BESIDE_RESUME.has(name)) {
      throw new UsageError(
        `${flagNamed(name)} cannot hold with --resume: the training in ${resumed} has its own settings; leave the flag out`,
      );
    }
  }
  for (const name of given) {
    if (from === undefined || !OF_CELLS.has(name)) continue;
    throw new UsageError(`${flagNamed(name)} is for cells of --genotype, not for --from: the child has its own network`);
  }
  const child = from === undefined || resumed !== undefined ? undefined : await RunChild.read(from);
  for (const source of sources ?? []) await checkSource(source);
  const cells = resumed === undefined ? cellsOf(flags, sources ?? []) : [];
  // A folder without a training is told to be one before anything is put there.
  if (resumed !== undefined) await (await TrainingFolder.open(resumed)).readAsked();
  using stop = StopRequest.listen((reason) => {
    process.stderr.write(`\nstopping after this step (${reason}); once more to stop at once\n`);
  });
  await inFolder(resumed ?? flags.out ?? defaultFolder(flags.seed), async (lock) => {
    try {
      await trainIn(lock, flags, { cells, child, given }, stop.signal);
      // A signal that came after the last step has stopped nothing.
      process.exitCode = 0;
    } catch (error) {
      if (!stop.signal.aborted || error !== stop.signal.reason) throw error;
      if (flags.quiet !== true) process.stdout.write(`stopped    continue with --resume ${lock.folder}\n`);
    }
  });
}

/** What the command line asks to be trained: nothing where a training is continued. */
interface Subjects {
  readonly cells: readonly NamedGenotype[];
  readonly child: RunChild | undefined;
  /** The names of the flags that were typed. */
  readonly given: ReadonlySet<string>;
}

async function trainIn(lock: FolderLock, flags: TrainFlags, subjects: Subjects, stop: StopSignal): Promise<void> {
  const progress = new Progress();
  const say = (line: string): void => {
    progress.clear();
    if (flags.quiet !== true) process.stdout.write(`${line}\n`);
  };
  const folder = await TrainingFolder.open(lock.folder);
  if (flags.resume === undefined) await folder.claim();
  else await folder.files.prepare();
  const stored = flags.resume === undefined ? undefined : await folder.readAsked();
  const child = stored ? await storedChild(stored, folder.path, await folder.readStart(stored)) : subjects.child;
  // The child's own images, where no others are named.
  const name = stored?.data ?? (subjects.given.has('data') ? flags.data : (child?.saved.data ?? flags.data));
  const asked = readingOf(flags);
  const reading = stored ? (stored.reading ?? {}) : (child?.readingOf(name, asked) ?? asked);
  const data = await loadShown(name, reading, flags, progress);
  checkData(data, name);
  const [all, test] = [data.train, data.test].map((part) => child?.named(part, name) ?? part) as [Dataset, Dataset];
  const device = await chooseDevice(stored?.kind ?? flags.device, say, stored?.device);
  const training = stored ?? newTraining(flags, { ...subjects, name, reading }, all, test, device);
  if (training.trainImages > all.labels.length || test.labels.length !== training.testImages)
    throw new DataFileError(`${name} does not hold the images that the training in ${folder.path} was begun with`);
  const [train] = splitDataset(all, [training.trainImages], foldIn(key(training.seed), RUN_KEYS.split));
  const trainees = child ? [childTrainee(training, device, child, train, test)] : cellTrainees(training, train, test);
  const { network, auxiliary } = training;
  for (const { parameters } of trainees)
    checkMemory(
      parameters,
      network ? `${network.cells} cells at ${network.channels} channels` : `the child of space ${child!.saved.space}`,
    );
  const results = stored ? await folder.readResults() : [];
  if (!stored) await folder.create(training, training.child?.scratch === false ? child?.state : undefined);
  say(`device     ${device.name}`);
  say(`data       ${name}: ${training.trainImages} training and ${test.labels.length} test images of ${all.height} x ${all.width}`);
  if (data.about !== undefined) say(`           ${data.about}`);
  const { epochs } = training.training;
  const what = network
    ? `${network.cells} cells at ${network.channels} channels, ${auxiliary ? 'with' : 'without'} auxiliary classifier`
    : `the child of ${child!.path}, space ${child!.saved.space}, from ${training.child!.scratch ? 'new' : 'its'} weights`;
  say(`network    ${what}; ${epochs} ${epochs === 1 ? 'epoch' : 'epochs'}, seed ${training.seed}`);
  const dataDigest = digestOf([train, test]);
  const { trainImages } = training;
  const task: Task = {
    flags,
    lock,
    folder,
    asked: training,
    dataDigest,
    trainImages,
    trainees,
    say,
    progress,
    stop,
    results,
    saved: 0,
  };
  await onDevices({
    device,
    open: () => chooseDevice(device.kind, say, device.name),
    run: (on) => trainRest(task, on),
    saved: () => task.saved,
  });
  say('');
  process.stdout.write(`${table(results)}\n`);
  say(`\neverything is in ${folder.path}`);
}

function newTraining(
  flags: TrainFlags,
  { cells, child, name, reading, given }: Subjects & { readonly name: string; readonly reading: Reading },
  all: Dataset,
  test: Dataset,
  device: Device,
): AskedTraining {
  const { network, auxiliary, training: resolved, trainImages: part } = resolveTraining(flags);
  // Vectors are neither cropped nor mirrored; who asks for it is told so.
  const still = itemShape(all).length !== 3 && !['crop', 'flip', 'cutout'].some((flag) => given.has(flag));
  const training = still ? { ...resolved, augment: { crop: 0, flip: false, cutout: 0 } } : resolved;
  return {
    format: 1,
    cells,
    data: absoluteDataName(name),
    ...(Object.keys(reading).length > 0 && { reading }),
    trainImages: imageCount({ trainImages: part, training }, all, name),
    testImages: test.labels.length,
    seed: flags.seed,
    kind: device.kind,
    device: device.name,
    versions: { reparam: version, node: process.version },
    ...(!child && { network: { ...network, classes: all.classes, inChannels: all.channels } }),
    auxiliary: auxiliary && !child,
    training,
    ...(child && { child: { name: child.name, scratch: flags.scratch ?? false, saved: withoutScores(child.saved) } }),
  };
}

/** Trains the cells that are left, on one device. */
async function trainRest(task: Task, device: Device): Promise<void> {
  const { results, flags, progress } = task;
  if (flags.quiet !== true) progress.update(0, 'warming up: the first steps compile the kernels');
  while (results.length < task.trainees.length) await trainOne(task, device);
}

/** Trains the next cell, from its checkpoint if there is one. */
async function trainOne(task: Task, device: Device): Promise<void> {
  const { flags, lock, folder, asked, trainImages, trainees, say, progress, stop, results } = task;
  const index = results.length;
  const trainee = trainees[index]!;
  const { name, genotype, parameters, multiplyAdds } = trainee;
  const identity = identityOf(task, device);
  const found = await folder.readCheckpoint(index, identity);
  const started = performance.now() - 1000 * (found?.seconds ?? 0);
  const seconds = (): number => (performance.now() - started) / 1000;
  const steps = asked.training.epochs * Math.floor(trainImages / asked.training.batchSize);
  say('');
  say(`${name}: ${parameters.toLocaleString('en-GB')} parameters, ${multiplyAdds.toLocaleString('en-GB')} multiply-adds an image`);
  say('epoch     loss   train  images/s');
  const epochs: TrainedEpoch[] = [...(found?.epochs ?? [])];
  for (const epoch of epochs) say(row(epoch, ''));
  const child = trainee.network(device);
  let last: { readonly done: number; readonly state: CopyState } | undefined;
  let savedAt = performance.now();
  const save = async (): Promise<void> => {
    if (!last) return;
    const place: CellPlace = { cell: index, epochs, seconds: seconds(), state: await last.state() };
    await lock.check();
    await folder.saveCheckpoint(index * steps + last.done, place, identity);
    task.saved = index * steps + last.done;
    savedAt = performance.now();
  };
  try {
    const onStep = ({ epoch, step }: { epoch: number; step: number }): void => {
      if (flags.quiet !== true) progress.update(step / steps, `${name}, epoch ${epoch + 1}, step ${step} of ${steps}`);
    };
    const afterStep = async (done: number, state: CopyState): Promise<void> => {
      last = { done, state };
      if (stop.aborted || performance.now() - savedAt >= flags.checkpointMinutes * 60_000) await save();
    };
    let since = performance.now();
    const options = { onStep, afterStep, signal: stop, ...(found && { from: found.state }) };
    for await (const epoch of trainChild(device, child, trainee.train, { ...asked.training, seed: asked.seed }, options)) {
      epochs.push(epoch);
      say(row(epoch, ((trainImages * 1000) / (performance.now() - since)).toFixed(0)));
      await save();
      since = performance.now();
    }
    // The test set is touched here, once, and nothing is chosen by it.
    const { accuracy } = await scoreChild(device, child, trainee.train, trainee.test, { signal: stop });
    const result: TrainedResult = {
      name,
      ...(genotype && { genotype }),
      parameters,
      multiplyAdds,
      testError: 1 - accuracy,
      epochs,
      seconds: seconds(),
    };
    const weights = weightBytes(await child.stateDict());
    await lock.check();
    // After every cell: what is done is not lost if a later one fails.
    await folder.saveResults(asked, [...results, result], trainee.files(weights, accuracy));
    results.push(result);
    task.saved = results.length * steps;
  } finally {
    progress.clear();
    child.dispose();
  }
}

function row({ epoch, loss, accuracy }: TrainedEpoch, speed: string): string {
  return `${String(epoch + 1).padStart(5)}  ${loss.toFixed(4).padStart(7)}  ${accuracy.toFixed(3).padStart(6)}  ${speed.padStart(8)}`;
}

/** What a checkpoint within a cell belongs to. */
function identityOf({ asked, dataDigest }: Task, device: Device): RunIdentity {
  const { network, auxiliary, training, seed, trainImages, child } = asked;
  const { epochs, ...rest } = training;
  return {
    settings: flatSettings({
      ...(network && { network }),
      auxiliary,
      ...(asked.reading && { reading: asked.reading }),
      training: rest,
      seed,
      trainImages,
      cells: JSON.stringify(asked.cells),
      ...(child && { child: JSON.stringify(child) }),
    }),
    epochs,
    data: asked.data,
    dataDigest,
    environment: environmentOf(device),
  };
}

function imageCount({ trainImages, training }: Pick<ChildPreset, 'trainImages' | 'training'>, all: Dataset, data: string): number {
  const available = all.labels.length;
  const images = trainImages <= 1 ? Math.floor(trainImages * available) : trainImages;
  if (images > available) throw new UsageError(`--train-images ${images} is more than the ${available} training images of ${data}`);
  if (images < training.batchSize)
    throw new UsageError(`--train-images ${images} is less than one batch (--batch-size ${training.batchSize})`);
  return images;
}

/** The cells asked for. Files are named after them, so a name that comes again gets a number. */
function cellsOf({ seed, nodes }: TrainFlags, sources: readonly string[]): NamedGenotype[] {
  const cells: NamedGenotype[] = [];
  const times = new Map<string, number>();
  for (const source of sources) {
    const cell = genotypeFromSource(source, { seed, nodes, draw: times.get('random') ?? 0 });
    const n = (times.get(cell.name) ?? 0) + 1;
    times.set(cell.name, n);
    cells.push(n === 1 ? cell : { ...cell, name: `${cell.name}-${n}` });
  }
  return cells;
}

function table(results: readonly TrainedResult[]): string {
  return textTable([
    ['cell', 'parameters', 'multiply-adds', 'test error, %'],
    ...results.map((r) => [
      r.name,
      r.parameters.toLocaleString('en-GB'),
      r.multiplyAdds.toLocaleString('en-GB'),
      (100 * r.testError).toFixed(2),
    ]),
  ]);
}

function defaultFolder(seed: number): string {
  const time = new Date().toISOString().slice(0, 19).replaceAll(':', '').replace('T', '-');
  return path.join('runs', `train-seed${seed}-${time}`);
}
