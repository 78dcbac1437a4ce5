/** @file `reparam train`: cells trained from scratch on any data set, with parameters, multiply-adds and test error as a table. */
/// <reference lib="esnext.disposable" preserve="true" />
import path from 'node:path';
import type { Command } from 'commander';
import { absoluteDataName, checkData } from '../../data/files.node.ts';
import { type Dataset, splitDataset } from '../../data/index.ts';
import { DataFileError } from '../../contract/errors.ts';
import type { StopSignal } from '../../contract/stop-signal.ts';
import type { Device } from '../../core/tensor.ts';
import { foldIn, key } from '../../core/random.ts';
import { weightBytes } from '../../files/weights.ts';
import { RUN_KEYS } from '../../snas/keys.ts';
import type { ChildPreset } from '../../snas/child/presets.ts';
import { childSize } from '../../snas/spaces/darts/child-size.ts';
import { type CopyState, scoreChild, trainChild, type TrainedEpoch } from '../../snas/child/training.ts';
import { drawCell } from '../../snas/spaces/darts/draw.ts';
import { ChildNetwork } from '../../snas/spaces/darts/network.ts';
import { textTable } from '../../command/table.ts';
import { chooseDevice } from '../../command/device.ts';
import type { FolderLock } from '../../command/folder-lock.ts';
import { inFolder } from '../../command/in-folder.ts';
import { StopRequest } from '../../command/stop.ts';
import { checkSource, genotypeFromSource, type NamedGenotype } from '../shared/genotype-source.ts';
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
  const command = program.command('train').description('train cells from scratch and compare their size and test error');
  addOptions(command, trainSettings).action((flags: TrainFlags) => runTrain(flags, givenFlags(command)));
}

/** A training in its folder, on whatever device. */
interface Task {
  readonly flags: TrainFlags;
  readonly lock: FolderLock;
  readonly folder: TrainingFolder;
  readonly asked: AskedTraining;
  readonly dataDigest: string;
  readonly train: Dataset;
  readonly test: Dataset;
  readonly say: (line: string) => void;
  readonly progress: Progress;
  readonly stop: StopSignal;
  /** Of the cells that are done; new ones are added. */
  readonly results: TrainedResult[];
  /** Steps of all cells in the newest checkpoint or result of this process. */
  saved: number;
}

/** Flags that may stand beside --resume. */
const BESIDE_RESUME = new Set(['resume', 'quiet', 'checkpointMinutes']);

async function runTrain(flags: TrainFlags, given: ReadonlySet<string>): Promise<void> {
  const { resume: resumed, genotype: sources } = flags;
  if (resumed === undefined && (sources ?? []).length === 0)
    throw new UsageError("--genotype says which cells are trained, such as --genotype SNAS_mild; or --resume a training's folder");
  for (const name of given) {
    if (resumed !== undefined && !BESIDE_RESUME.has(name)) {
      const flag = `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
      throw new UsageError(
        `${flag} cannot hold with --resume: the training in ${resumed} has its own settings; leave the flag out`,
      );
    }
  }
  for (const source of sources ?? []) await checkSource(source);
  const cells = resumed === undefined ? cellsOf(flags, sources ?? []) : [];
  // A folder without a training is told to be one before anything is put there.
  if (resumed !== undefined) await (await TrainingFolder.open(resumed)).readAsked();
  using stop = StopRequest.listen((reason) => {
    process.stderr.write(`\nstopping after this step (${reason}); once more to stop at once\n`);
  });
  await inFolder(resumed ?? flags.out ?? defaultFolder(flags.seed), async (lock) => {
    try {
      await trainIn(lock, flags, cells, stop.signal);
      // A signal that came after the last step has stopped nothing.
      process.exitCode = 0;
    } catch (error) {
      if (!stop.signal.aborted || error !== stop.signal.reason) throw error;
      if (flags.quiet !== true) process.stdout.write(`stopped    continue with --resume ${lock.folder}\n`);
    }
  });
}

async function trainIn(lock: FolderLock, flags: TrainFlags, cells: readonly NamedGenotype[], stop: StopSignal): Promise<void> {
  const progress = new Progress();
  const say = (line: string): void => {
    progress.clear();
    if (flags.quiet !== true) process.stdout.write(`${line}\n`);
  };
  const folder = await TrainingFolder.open(lock.folder);
  if (flags.resume === undefined) await folder.claim();
  else await folder.files.prepare();
  const stored = flags.resume === undefined ? undefined : await folder.readAsked();
  const name = stored?.data ?? flags.data;
  const data = await loadShown(name, stored ? (stored.reading ?? {}) : readingOf(flags), flags, progress);
  checkData(data, name);
  const { train: all, test } = data;
  const device = await chooseDevice(stored?.kind ?? flags.device, say);
  const asked = stored ?? newTraining(flags, cells, all, test, device);
  if (asked.trainImages > all.labels.length || test.labels.length !== asked.testImages)
    throw new DataFileError(`${name} does not hold the images that the training in ${folder.path} was begun with`);
  for (const { genotype } of asked.cells) {
    const { parameters } = childSize(genotype, { ...asked.network, imageSide: all.height });
    checkMemory(parameters, `${asked.network.cells} cells at ${asked.network.channels} channels`);
  }
  const [train] = splitDataset(all, [asked.trainImages], foldIn(key(asked.seed), RUN_KEYS.split));
  const results = stored ? await folder.readResults() : [];
  if (!stored) await folder.create(asked);
  const { network, training } = asked;
  say(`device     ${device.name}`);
  say(`data       ${name}: ${asked.trainImages} training and ${test.labels.length} test images of ${all.height} x ${all.width}`);
  if (data.about !== undefined) say(`           ${data.about}`);
  say(
    `network    ${network.cells} cells at ${network.channels} channels, ${asked.auxiliary ? 'with' : 'without'} auxiliary classifier; ${training.epochs} ${training.epochs === 1 ? 'epoch' : 'epochs'}, seed ${asked.seed}`,
  );
  const dataDigest = digestOf([train, test]);
  const task: Task = { flags, lock, folder, asked, dataDigest, train, test, say, progress, stop, results, saved: 0 };
  await onDevices({
    device,
    open: () => chooseDevice(device.kind, say),
    run: (on) => trainRest(task, on),
    saved: () => task.saved,
  });
  say('');
  process.stdout.write(`${table(results)}\n`);
  say(`\neverything is in ${folder.path}`);
}

function newTraining(
  flags: TrainFlags,
  cells: readonly NamedGenotype[],
  all: Dataset,
  test: Dataset,
  device: Device,
): AskedTraining {
  const { network, auxiliary, training, trainImages: part } = resolveTraining(flags);
  const reading = readingOf(flags);
  return {
    format: 1,
    cells,
    data: absoluteDataName(flags.data),
    ...(Object.keys(reading).length > 0 && { reading }),
    trainImages: imageCount({ trainImages: part, training }, all, flags.data),
    testImages: test.labels.length,
    seed: flags.seed,
    kind: device.kind,
    device: device.name,
    versions: { reparam: version, node: process.version },
    network: { ...network, classes: all.classes, inChannels: all.channels },
    auxiliary,
    training,
  };
}

/** Trains the cells that are left, on one device. */
async function trainRest(task: Task, device: Device): Promise<void> {
  const { asked, results, flags, progress } = task;
  if (flags.quiet !== true) progress.update(0, 'warming up: the first steps compile the kernels');
  while (results.length < asked.cells.length) await trainOne(task, device);
}

/** Trains the next cell, from its checkpoint if there is one. */
async function trainOne(task: Task, device: Device): Promise<void> {
  const { flags, lock, folder, asked, train, test, say, progress, stop, results } = task;
  const index = results.length;
  const cell = asked.cells[index]!;
  const identity = identityOf(task, device);
  const found = await folder.readCheckpoint(index, identity);
  const started = performance.now() - 1000 * (found?.seconds ?? 0);
  const seconds = (): number => (performance.now() - started) / 1000;
  const steps = asked.training.epochs * Math.floor(train.labels.length / asked.training.batchSize);
  const size = childSize(cell.genotype, { ...asked.network, imageSide: train.height });
  say('');
  say(
    `${cell.name}: ${size.parameters.toLocaleString('en-GB')} parameters, ${size.multiplyAdds.toLocaleString('en-GB')} multiply-adds an image`,
  );
  say('epoch     loss   train  images/s');
  const epochs: TrainedEpoch[] = [...(found?.epochs ?? [])];
  for (const epoch of epochs) say(row(epoch, ''));
  const child = new ChildNetwork(device, foldIn(key(asked.seed), RUN_KEYS.childWeights), asked.network, cell.genotype, {
    auxiliary: asked.auxiliary,
  });
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
      if (flags.quiet !== true) progress.update(step / steps, `${cell.name}, epoch ${epoch + 1}, step ${step} of ${steps}`);
    };
    const afterStep = async (done: number, state: CopyState): Promise<void> => {
      last = { done, state };
      if (stop.aborted || performance.now() - savedAt >= flags.checkpointMinutes * 60_000) await save();
    };
    let since = performance.now();
    const options = { onStep, afterStep, signal: stop, ...(found && { from: found.state }) };
    for await (const epoch of trainChild(device, child, train, { ...asked.training, seed: asked.seed }, options)) {
      epochs.push(epoch);
      say(row(epoch, ((train.labels.length * 1000) / (performance.now() - since)).toFixed(0)));
      await save();
      since = performance.now();
    }
    // The test set is touched here, once, and nothing is chosen by it.
    const { accuracy } = await scoreChild(device, child, train, test, { signal: stop });
    const result: TrainedResult = { ...cell, ...size, testError: 1 - accuracy, epochs, seconds: seconds() };
    const weights = weightBytes(await child.stateDict());
    await lock.check();
    // After every cell: what is done is not lost if a later one fails.
    await folder.saveResults(asked, [...results, result], {
      [`${cell.name}.safetensors`]: weights,
      [`${cell.name}-normal.svg`]: drawCell(cell.genotype, 'normal'),
      [`${cell.name}-reduction.svg`]: drawCell(cell.genotype, 'reduce'),
    });
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
  const { network, auxiliary, training, seed, trainImages } = asked;
  const { epochs, ...rest } = training;
  return {
    settings: flatSettings({
      network,
      auxiliary,
      ...(asked.reading && { reading: asked.reading }),
      training: rest,
      seed,
      trainImages,
      cells: JSON.stringify(asked.cells),
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
