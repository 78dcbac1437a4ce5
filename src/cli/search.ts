/** @file `reparam search`: a SNAS search on real images, from flags to a run folder. */
import path from 'node:path';
import { type Command, Option } from 'commander';
import { loadFolder, loadMnist, type TrainTest } from '../data/files.node.ts';
import { splitDataset } from '../data/index.ts';
import type { Device } from '../device.ts';
import { foldIn, key } from '../random.ts';
import { costTable, relativeWeights, RESOURCES, type ResourceWeights } from '../snas/cost.ts';
import { costTensors } from '../snas/expected-cost.ts';
import { printGenotype } from '../snas/genotype-literal.ts';
import { Search } from '../snas/search.ts';
import type { EpochMetrics, SearchConfig } from '../snas/search-config.ts';
import type { CellWeights } from '../snas/strategy.ts';
import { type CreditRecording, creditRecording } from './credit/record.ts';
import { chooseDevice, type DeviceChoice } from './device.ts';
import { Progress } from './progress.ts';
import { type RunConfig, RunFolder } from './run-folder.ts';
import { addSearchOptions, type CostChoice, resolvePreset, type SearchFlags } from './search-options.ts';
import { UsageError } from './usage-error.ts';
import { version } from './version.ts';

/** Split off the seed's other uses: which images are trained on. */
const SPLIT = 100;

export function registerSearch(program: Command): void {
  addSearchOptions(program.command('search').description('search an architecture with SNAS and write a run folder'))
    .addOption(new Option('--quiet', 'print only the result'))
    .action((flags: SearchFlags & { readonly quiet?: boolean }) => runSearch(flags, flags.quiet ?? false));
}

async function runSearch(flags: SearchFlags, quiet: boolean): Promise<void> {
  const say = (line: string): void => {
    if (!quiet) process.stdout.write(`${line}\n`);
  };
  const started = performance.now();
  const resumed = flags.resume === undefined ? undefined : new RunFolder(flags.resume);
  const stored = await resumed?.readConfig();
  const data = await loadData(stored?.data ?? flags.data);
  const device = await chooseDevice((stored?.device as DeviceChoice | undefined) ?? flags.device, say);
  const config = stored ?? newConfig(flags, data, device);
  const folder = resumed ?? new RunFolder(flags.out ?? defaultFolder(config));
  const { search: settings } = config;
  const [train, validation] = splitDataset(
    data.train,
    [config.trainImages, config.validationImages],
    foldIn(key(settings.seed), SPLIT),
  );
  const cost = costOf(device, settings, config.cost as CostChoice, train.height);
  const search = new Search(device, settings, { train, validation }, { cost });
  if (resumed) {
    search.loadState(await resumed.readCheckpoint());
    await resumed.truncateMetrics(search.step);
  } else {
    await folder.create(config);
  }
  say(`device     ${device.name}`);
  say(
    `data       ${config.data}: ${config.trainImages} training, ${config.validationImages} validation, ${data.test.labels.length} test images`,
  );
  say(
    `supernet   ${settings.network.cells} cells, ${settings.network.channels} channels, ${search.supernet.parameterCount().toLocaleString('en-GB')} parameters`,
  );
  say(`run        ${folder.path}, seed ${settings.seed}, ${settings.epochs} epochs of ${search.stepsPerEpoch} steps`);
  const metrics = resumed ? await resumed.readMetrics() : [];
  const credits = flags.credits === undefined ? undefined : await creditRecording(search, folder, flags.credits, cost);
  await searchEpochs(search, folder, metrics, started, quiet, credits);
  await credits?.finish();
  await finish(search, folder, data, metrics, say);
  say(`time       ${((performance.now() - started) / 1000).toFixed(0)} s; everything is in ${folder.path}`);
}

async function searchEpochs(
  search: Search,
  folder: RunFolder,
  metrics: EpochMetrics[],
  started: number,
  quiet: boolean,
  credits: CreditRecording | undefined,
): Promise<void> {
  const stop = new AbortController();
  const interrupt = (): void => {
    if (stop.signal.aborted) process.exit(130);
    process.stderr.write('\nstopping after this step; once more to stop at once\n');
    stop.abort();
  };
  process.on('SIGINT', interrupt);
  const progress = new Progress();
  if (!quiet) {
    process.stdout.write(`${HEADER}\n`);
    progress.update(0, 'warming up: the first steps compile the kernels');
  }
  try {
    const onStep = ({ epoch, step, steps, loss }: { epoch: number; step: number; steps: number; loss: number }): void => {
      if (!quiet) progress.update(step / steps, `epoch ${epoch + 1}, step ${step} of ${steps}, loss ${loss.toFixed(3)}`);
    };
    for await (const epoch of search.run({ onStep, signal: stop.signal, ...(credits && { afterStep: credits.afterStep }) })) {
      metrics.push(epoch);
      progress.clear();
      if (!quiet) process.stdout.write(`${row(epoch)}\n`);
      await folder.addMetrics(epoch, (performance.now() - started) / 1000);
      await folder.saveCheckpoint(await search.state());
      await folder.saveCurves(metrics);
    }
  } finally {
    progress.clear();
    process.off('SIGINT', interrupt);
  }
}

async function finish(
  search: Search,
  folder: RunFolder,
  data: TrainTest,
  metrics: readonly EpochMetrics[],
  say: (line: string) => void,
): Promise<void> {
  const genotype = await search.strategy.derive();
  const validation = await search.childScore(search.data.validation, genotype);
  // The test set is touched here, once, and nothing is chosen by it.
  const test = await search.childScores(data.test, genotype);
  const child = await search.child(genotype);
  await folder.saveGenotype({
    genotype,
    validationAccuracy: validation.accuracy,
    testAccuracy: test.accuracy,
    testAccuracyWithRunningStatistics: test.accuracyWithRunningStatistics,
    complete: search.step >= search.steps,
  });
  await folder.saveCurves(metrics);
  await folder.saveWeights(await search.state(), await child.stateDict());
  const percent = (x: number): string => `${(100 * x).toFixed(2)} %`;
  say('');
  say(printGenotype(genotype));
  say('');
  say(
    `child      ${child.parameterCount().toLocaleString('en-GB')} parameters, no retraining, batch-norm statistics recomputed by forward passes`,
  );
  say(`accuracy   validation ${percent(validation.accuracy)}, test ${percent(test.accuracy)}`);
  say(`           test with the supernet's running statistics instead: ${percent(test.accuracyWithRunningStatistics)}`);
  if (search.step < search.steps)
    say(`stopped    after step ${search.step} of ${search.steps}; continue with --resume ${folder.path}`);
  child.dispose();
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

async function loadData(name: string): Promise<TrainTest> {
  return name === 'mnist' ? loadMnist() : loadFolder(name);
}

/** What the flags and the data make of a preset. */
function newConfig(flags: SearchFlags, data: TrainTest, device: Device): RunConfig {
  const { trainImages, validationImages, network, ...rest } = resolvePreset(flags);
  const available = data.train.labels.length;
  const images = (n: number): number => (n < 1 ? Math.floor(n * available) : n);
  const train = images(trainImages);
  const validation = images(validationImages);
  if (train + validation > available) {
    throw new UsageError(
      `--train-images ${train} and --validation-images ${validation} are more than the ${available} training images of ${flags.data}`,
    );
  }
  if (train < rest.batchSize)
    throw new UsageError(`--train-images ${train} is less than one batch (--batch-size ${rest.batchSize})`);
  if (validation < rest.batchSize) {
    throw new UsageError(`--validation-images ${validation} is less than one batch (--batch-size ${rest.batchSize})`);
  }
  return {
    preset: flags.preset,
    data: flags.data === 'mnist' ? 'mnist' : path.resolve(flags.data),
    device: device.kind,
    adapter: device.name,
    versions: { reparam: version, node: process.version },
    strategy: 'snas',
    cost: flags.cost,
    trainImages: train,
    validationImages: validation,
    search: { ...rest, seed: flags.seed, network: { ...network, classes: data.train.classes, inChannels: data.train.channels } },
  };
}

/** Costs as fractions: 0 where every edge is `none`, 1 where every edge has its dearest operation. */
function costOf(device: Device, settings: SearchConfig, choice: CostChoice, imageSide: number): CellWeights {
  const table = costTable({ ...settings.network, imageSide });
  const shares: ResourceWeights = choice === 'weighted' ? Object.fromEntries(RESOURCES.map((r) => [r, 1])) : { [choice]: 1 };
  return costTensors(device, table, relativeWeights(table, shares));
}

function defaultFolder(config: RunConfig): string {
  const time = new Date().toISOString().slice(0, 19).replaceAll(':', '').replace('T', '-');
  return path.join('runs', `${config.preset}-seed${config.search.seed}-${time}`);
}
