/** @file `reparam train`: cells trained from scratch on any data set, with parameters, multiply-adds and test error as a table. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { absoluteDataName, checkData, loadData } from '../../data/files.node.ts';
import { type Dataset, splitDataset } from '../../data/index.ts';
import type { Device } from '../../core/tensor.ts';
import { DataFileError } from '../../contract/errors.ts';
import { foldIn, key } from '../../core/random.ts';
import { weightBytes } from '../../files/weights.ts';
import { ListedFolder } from '../../files/listed-folder.ts';
import { RUN_KEYS } from '../../snas/keys.ts';
import type { ChildPreset } from '../../snas/child/presets.ts';
import { childSize } from '../../snas/child/size.ts';
import { scoreChild, trainChild, type TrainedEpoch } from '../../snas/child/training.ts';
import { drawCell } from '../../snas/space/draw.ts';
import { ChildNetwork } from '../../snas/space/network.ts';
import type { NetworkConfig } from '../../snas/space/network-config.ts';
import { textTable } from '../../command/table.ts';
import { chooseDevice } from '../../command/device.ts';
import { checkSource, genotypeFromSource, type NamedGenotype } from '../shared/genotype-source.ts';
import { Progress } from '../shared/progress.ts';
import { addOptions } from '../settings/setting.ts';
import { resolveTraining, type TrainFlags, trainSettings } from '../settings/train.ts';
import { UsageError } from '../../command/usage-error.ts';
import { version } from '../../command/version.ts';

export function registerTrain(program: Command): void {
  const command = program.command('train').description('train cells from scratch and compare their size and test error');
  addOptions(command, trainSettings).action((flags: TrainFlags) => runTrain(flags));
}

/** What stands in result.json for one cell. */
interface TrainedResult {
  readonly name: string;
  readonly genotype: NamedGenotype['genotype'];
  readonly parameters: number;
  readonly multiplyAdds: number;
  readonly testError: number;
  readonly epochs: readonly TrainedEpoch[];
  readonly seconds: number;
}

interface Task {
  readonly device: Device;
  readonly network: NetworkConfig;
  readonly preset: ChildPreset;
  readonly seed: number;
  readonly train: Dataset;
  readonly test: Dataset;
  readonly quiet: boolean;
}

async function runTrain(flags: TrainFlags): Promise<void> {
  const say = (line: string): void => {
    if (flags.quiet !== true) process.stdout.write(`${line}\n`);
  };
  const preset = resolveTraining(flags);
  for (const source of flags.genotype) await checkSource(source);
  const cells = cellsOf(flags);
  const out = flags.out ?? defaultFolder(flags.seed);
  if (existsSync(path.join(out, 'result.json'))) {
    throw new DataFileError(`${out} holds a result already: choose another --out`);
  }
  const data = await loadData(flags.data);
  checkData(data, flags.data);
  const { train: all, test } = data;
  const images = imageCount(preset, all, flags.data);
  const device = await chooseDevice(flags.device, say);
  const network: NetworkConfig = { ...preset.network, classes: all.classes, inChannels: all.channels };
  const [train] = splitDataset(all, [images], foldIn(key(flags.seed), RUN_KEYS.split));
  say(`device     ${device.name}`);
  say(`data       ${flags.data}: ${images} training and ${test.labels.length} test images of ${all.height} x ${all.width}`);
  say(
    `network    ${network.cells} cells at ${network.channels} channels, ${preset.auxiliary ? 'with' : 'without'} auxiliary classifier; ${preset.training.epochs} ${preset.training.epochs === 1 ? 'epoch' : 'epochs'}, seed ${flags.seed}`,
  );
  const task: Task = { device, network, preset, seed: flags.seed, train, test, quiet: flags.quiet ?? false };
  const made = {
    data: absoluteDataName(flags.data),
    trainImages: images,
    testImages: test.labels.length,
    device: device.name,
    versions: { reparam: version, node: process.version },
    network,
    auxiliary: preset.auxiliary,
    training: { ...preset.training, seed: flags.seed },
  };
  const folder = await ListedFolder.open(out);
  const results: TrainedResult[] = [];
  if (flags.quiet !== true) new Progress().update(0, 'warming up: the first steps compile the kernels');
  for (const cell of cells) {
    results.push(await trainOne(task, cell, folder, say));
    // After every cell: what is done is not lost if a later one fails.
    await folder.write({ 'result.json': `${JSON.stringify({ ...made, cells: results }, undefined, 2)}\n` });
  }
  await folder.settle();
  say('');
  process.stdout.write(`${table(results)}\n`);
  say(`\neverything is in ${out}`);
}

async function trainOne(
  task: Task,
  cell: NamedGenotype,
  folder: ListedFolder,
  say: (line: string) => void,
): Promise<TrainedResult> {
  const { device, network, preset, seed, train, test, quiet } = task;
  const started = performance.now();
  const size = childSize(cell.genotype, { ...network, imageSide: train.height });
  say('');
  say(
    `${cell.name}: ${size.parameters.toLocaleString('en-GB')} parameters, ${size.multiplyAdds.toLocaleString('en-GB')} multiply-adds an image`,
  );
  say('epoch     loss   train  images/s');
  const child = new ChildNetwork(device, foldIn(key(seed), RUN_KEYS.childWeights), network, cell.genotype, {
    auxiliary: preset.auxiliary,
  });
  const progress = new Progress();
  const epochs: TrainedEpoch[] = [];
  try {
    const onStep = ({ epoch, step, steps }: { epoch: number; step: number; steps: number }): void => {
      if (!quiet) progress.update(step / steps, `${cell.name}, epoch ${epoch + 1}, step ${step} of ${steps}`);
    };
    let since = performance.now();
    for await (const epoch of trainChild(device, child, train, { ...preset.training, seed }, { onStep })) {
      epochs.push(epoch);
      progress.clear();
      const speed = (train.labels.length * 1000) / (performance.now() - since);
      say(
        `${String(epoch.epoch + 1).padStart(5)}  ${epoch.loss.toFixed(4).padStart(7)}  ${epoch.accuracy.toFixed(3).padStart(6)}  ${speed.toFixed(0).padStart(8)}`,
      );
      since = performance.now();
    }
    // The test set is touched here, once, and nothing is chosen by it.
    const { accuracy } = await scoreChild(device, child, train, test);
    await folder.prepare();
    await folder.write({
      [`${cell.name}.safetensors`]: weightBytes(await child.stateDict()),
      [`${cell.name}-normal.svg`]: drawCell(cell.genotype, 'normal'),
      [`${cell.name}-reduction.svg`]: drawCell(cell.genotype, 'reduce'),
    });
    const seconds = (performance.now() - started) / 1000;
    return { ...cell, ...size, testError: 1 - accuracy, epochs, seconds };
  } finally {
    progress.clear();
    child.dispose();
  }
}

function imageCount({ trainImages, training }: ChildPreset, all: Dataset, data: string): number {
  const available = all.labels.length;
  const images = trainImages <= 1 ? Math.floor(trainImages * available) : trainImages;
  if (images > available) throw new UsageError(`--train-images ${images} is more than the ${available} training images of ${data}`);
  if (images < training.batchSize)
    throw new UsageError(`--train-images ${images} is less than one batch (--batch-size ${training.batchSize})`);
  return images;
}

/** The cells asked for. Files are named after them, so a name that comes again gets a number. */
function cellsOf({ genotype: sources, seed, nodes }: TrainFlags): NamedGenotype[] {
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
