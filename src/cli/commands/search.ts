/** @file `reparam search`: a search on real images, from flags to a run folder. */
import type { Command } from 'commander';
import { RandomSearch } from '../../baselines/index.ts';
import { checkData, loadData, type TrainTest } from '../../data/files.node.ts';
import { splitDataset } from '../../data/index.ts';
import { foldIn, key } from '../../core/random.ts';
import { RUN_KEYS } from '../../snas/keys.ts';
import { printGenotype } from '../../snas/space/genotype-literal.ts';
import { Search } from '../../snas/search/search.ts';
import type { EpochMetrics } from '../../snas/search/config.ts';
import { type CreditRecording, creditRecording } from '../shared/credit-recording.ts';
import { chooseDevice, type DeviceChoice } from '../../command/device.ts';
import { note, Progress } from '../shared/progress.ts';
import { type MetricsLine, metricsLine } from '../shared/metrics-file.ts';
import { raised, resume } from '../shared/resume.ts';
import { checkResumeFlags, givenFlags } from '../shared/resume-flags.ts';
import { curves, RunFolder } from '../shared/run-folder.ts';
import { digestOf, environmentOf, type RunIdentity, settingsOf } from '../shared/run-identity.ts';
import { type SearchFlags, searchSettings } from '../settings/search.ts';
import { addOptions } from '../settings/setting.ts';
import { checkMemory, checkStoredSizes, defaultFolder, newConfig, searchOptions } from '../shared/search-setup.ts';
import { CANDIDATES, chooseCandidate } from '../../jobs/strategies.ts';

export function registerSearch(program: Command): void {
  const command = program.command('search').description('search an architecture with SNAS or a rival and write a run folder');
  addOptions(command, searchSettings).action((flags: SearchFlags) => runSearch(flags, givenFlags(command)));
}

async function runSearch(flags: SearchFlags, given: ReadonlySet<string>): Promise<void> {
  const quiet = flags.quiet ?? false;
  const say = (line: string): void => {
    if (!quiet) process.stdout.write(`${line}\n`);
  };
  const started = performance.now();
  const resumed = flags.resume === undefined ? undefined : await RunFolder.open(flags.resume);
  const stored = await resumed?.readConfig();
  const data = await loadData(stored?.data ?? flags.data);
  checkData(data, stored?.data ?? flags.data);
  if (stored) {
    checkResumeFlags(flags, given, stored, data.train.labels.length);
    checkStoredSizes(stored, data);
  }
  const device = await chooseDevice((stored?.device as DeviceChoice | undefined) ?? flags.device, say);
  const config = stored ? raised(stored, flags) : newConfig(flags, data, device);
  const folder = resumed ?? (await RunFolder.open(flags.out ?? defaultFolder(config)));
  const { search: settings } = config;
  checkMemory(config);
  const [train, validation] = splitDataset(
    data.train,
    [config.trainImages, config.validationImages],
    foldIn(key(settings.seed), RUN_KEYS.split),
  );
  const progress = new Progress();
  const options = searchOptions(device, config, train.height, (line) => {
    progress.clear();
    say(line);
  });
  const search = new Search(device, settings, { train, validation }, options);
  const identity: RunIdentity = {
    settings: settingsOf(config),
    epochs: settings.epochs,
    data: config.data,
    dataDigest: digestOf([train, validation, data.test]),
    environment: environmentOf(device),
  };
  let lines: readonly MetricsLine[] = [];
  if (stored) {
    lines = await resume({ search, folder, config, stored, identity });
  } else {
    await folder.claim();
    await folder.create(config, identity, await search.state());
  }
  say(`device     ${device.name}`);
  say(
    `data       ${config.data}: ${config.trainImages} training, ${config.validationImages} validation, ${data.test.labels.length} test images`,
  );
  say(
    `supernet   ${settings.network.cells} cells, ${settings.network.channels} channels, ${search.supernet.parameterCount().toLocaleString('en-GB')} parameters`,
  );
  say(`strategy   ${config.strategy}, cost ${config.cost}, eta ${settings.eta}`);
  if (config.cost === 'latency')
    say('           measured times differ from run to run, so the same seed does not give the same run to the bit');
  say(`run        ${folder.path}, seed ${settings.seed}, ${settings.epochs} epochs of ${search.stepsPerEpoch} steps`);
  const credits =
    config.credits === undefined ? undefined : await creditRecording(search, folder, config.credits, note, options.cost);
  const run: Run = {
    folder,
    identity,
    lines: [...lines],
    started,
    checkpointEvery: flags.checkpointMinutes * 60_000,
    quiet,
    progress,
    credits,
  };
  await searchEpochs(search, run);
  await finish(search, run, data, say);
  say(`time       ${((performance.now() - started) / 1000).toFixed(0)} s; everything is in ${folder.path}`);
}

interface Run {
  readonly folder: RunFolder;
  readonly identity: RunIdentity;
  /** Those of the epochs so far; the new ones are added. */
  readonly lines: MetricsLine[];
  /** When the command began. */
  readonly started: number;
  /** Milliseconds from one checkpoint to the next within an epoch. */
  readonly checkpointEvery: number;
  readonly quiet: boolean;
  readonly progress: Progress;
  readonly credits: CreditRecording | undefined;
}

async function searchEpochs(search: Search, run: Run): Promise<void> {
  const { folder, lines, started, quiet, progress, credits } = run;
  const stop = new AbortController();
  const interrupt = (): void => {
    if (stop.signal.aborted) process.exit(130);
    process.stderr.write('\nstopping after this step; once more to stop at once\n');
    stop.abort();
  };
  process.on('SIGINT', interrupt);
  if (!quiet) {
    process.stdout.write(`${HEADER}\n`);
    progress.update(0, 'warming up: capturing a step');
  }
  let saved = performance.now();
  const save = async (): Promise<void> => {
    const others = { ...credits?.files(), 'curves.svg': curves(lines.map(({ metrics }) => metrics)) };
    await folder.saveCheckpoint({ step: search.step, state: await search.state(), lines, others }, run.identity);
    saved = performance.now();
  };
  try {
    const onWarmUp = (compiled: number, of: number): void => {
      if (!quiet) progress.update(0, `warming up: ${compiled} of ${of} kernels compiled`);
    };
    const onStep = ({ epoch, step, steps, loss }: { epoch: number; step: number; steps: number; loss: number }): void => {
      if (!quiet) progress.update(step / steps, `epoch ${epoch + 1}, step ${step} of ${steps}, loss ${loss.toFixed(3)}`);
    };
    const afterStep = async (step: number): Promise<void> => {
      await credits?.afterStep(step);
      if (performance.now() - saved >= run.checkpointEvery) await save();
    };
    for await (const epoch of search.run({ onWarmUp, onStep, afterStep, signal: stop.signal })) {
      lines.push(metricsLine(epoch, (performance.now() - started) / 1000));
      progress.clear();
      if (!quiet) process.stdout.write(`${row(epoch)}\n`);
      await save();
    }
  } catch (error) {
    if (!stop.signal.aborted || error !== stop.signal.reason) throw error;
    await save();
  } finally {
    progress.clear();
    process.off('SIGINT', interrupt);
  }
}

async function finish(
  search: Search,
  { folder, lines, credits }: Run,
  data: TrainTest,
  say: (line: string) => void,
): Promise<void> {
  if (search.strategy instanceof RandomSearch) {
    const accuracies = await chooseCandidate(search, CANDIDATES);
    say(`chosen     the best of ${CANDIDATES} drawn children on the validation images (${percent(Math.max(...accuracies))})`);
  }
  const genotype = await search.strategy.derive();
  const validation = await search.childScore(search.data.validation, genotype);
  // The test set is touched here, once, and nothing is chosen by it.
  const test = await search.childScores(data.test, genotype);
  const child = await search.child(genotype);
  const found = {
    genotype,
    validationAccuracy: validation.accuracy,
    testAccuracy: test.accuracy,
    testAccuracyWithRunningStatistics: test.accuracyWithRunningStatistics,
    complete: search.step >= search.steps,
  };
  const others = { ...credits?.finish(), 'curves.svg': curves(lines.map(({ metrics }) => metrics)) };
  await folder.saveResult(found, await search.state(), await child.stateDict(), others);
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

function percent(x: number): string {
  return `${(100 * x).toFixed(2)} %`;
}
