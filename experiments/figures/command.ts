/** @file `npm run experiment -- NAME`: regenerates the article's figures at a size that fits, with data, pictures and an honest account. */
import os from 'node:os';
import path from 'node:path';
import { Command, Option } from 'commander';
import { cpu, type Device } from 'reparam';
import {
  chooseDevice,
  count,
  DEVICE_CHOICES,
  type DeviceChoice,
  makeFolder,
  numbers,
  removeLeftovers,
  UsageError,
  version,
} from 'reparam/command';
import { absoluteDataName } from 'reparam/data/node';
import { type Experiment, type ExperimentContext, type Measured, SCALE_NAMES, type ScaleName } from './experiment.ts';
import { EXPERIMENTS } from './experiments.ts';
import { JobClock } from './job-clock.ts';
import { type Provenance, publish, resultFile } from './published.ts';

interface Flags {
  readonly device: DeviceChoice;
  readonly data: string;
  readonly transfer: string;
  readonly seeds: readonly number[];
  readonly scale: ScaleName;
  readonly out: string;
  readonly jobs: number;
}

const seedList = numbers(
  'different integers of 0 or more',
  (seeds) => seeds.every((s) => Number.isSafeInteger(s) && s >= 0) && new Set(seeds).size === seeds.length,
);

/** The command line, with its one command. */
export function experimentCommand(): Command {
  return new Command('npm run experiment --')
    .exitOverride()
    .showHelpAfterError('(add --help for the options)')
    .description("regenerate a figure of the SNAS article: 'list' names them")
    .argument('<name>', "'list', or the name of an experiment")
    .addOption(
      new Option('--device <name>', 'cpu runs several searches and trainings at once').choices(DEVICE_CHOICES).default('cpu'),
    )
    .option('--data <name>', "'mnist', or a folder with IDX files or CIFAR-10's binary batches", 'mnist')
    .option('--transfer <folder>', 'the second data set of fig17, a folder of either kind', '')
    .option('--seeds <list>', 'seeds, with commas', seedList, [0, 1, 2])
    .addOption(
      new Option('--scale <name>', "'smoke' runs in seconds, 'default' fits two cores, 'paper' needs a GPU")
        .choices(SCALE_NAMES)
        .default('default'),
    )
    .option('--out <folder>', 'where data, pictures and text are written', path.join('runs', 'experiments'))
    .option('--jobs <n>', 'searches or trainings at once on the CPU device', count, os.availableParallelism())
    .action((name: string, flags: Flags) => dispatch(name, flags));
}

async function dispatch(name: string, flags: Flags): Promise<void> {
  if (name === 'list') {
    const width = Math.max(...EXPERIMENTS.map((e) => e.name.length));
    for (const e of EXPERIMENTS) process.stdout.write(`${e.name.padEnd(width)}  ${e.figure}: ${e.summary}\n`);
    return;
  }
  const experiment = EXPERIMENTS.find((e) => e.name === name);
  if (!experiment) throw new UsageError(`no experiment '${name}'; there are list, ${EXPERIMENTS.map((e) => e.name).join(', ')}`);
  await runExperiment(experiment, flags);
}

async function runExperiment(experiment: Experiment, flags: Flags): Promise<void> {
  const started = performance.now();
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  // Where nothing can be written is found out before the hours of work, not after.
  await makeFolder(flags.out);
  await removeLeftovers(flags.out);
  const device =
    experiment.float64 === true && flags.device === 'cpu' ? cpu({ dtype: 'float64' }) : await chooseDevice(flags.device, say);
  const clock = new JobClock({ device, processes: device.kind === 'cpu' ? flags.jobs : 1, say });
  const measured = await measureOrStop(experiment, {
    device,
    scale: flags.scale,
    seeds: flags.seeds,
    data: absoluteDataName(flags.data),
    transfer: flags.transfer === '' ? '' : path.resolve(flags.transfer),
    say,
    search: (jobs) => clock.search(jobs),
    train: (jobs) => clock.train(jobs),
  });
  if (!measured) return;
  const seconds = (performance.now() - started) / 1000;
  const file = resultFile(experiment, provenance(experiment, flags, device, seconds, clock), measured);
  say(`\n${await publish(experiment, file, flags.out)}`);
  say(`written to ${flags.out} in ${seconds.toFixed(0)} s`);
}

/** What was measured, or undefined where a signal stopped its searches or trainings: the exit code is the signal's. */
async function measureOrStop(experiment: Experiment, context: ExperimentContext): Promise<Measured | undefined> {
  try {
    return await experiment.measure(context);
  } catch (error) {
    if (error === 'SIGINT' || error === 'SIGTERM' || error === 'SIGHUP' || error === 'SIGPIPE') return undefined;
    throw error;
  }
}

function provenance(experiment: Experiment, flags: Flags, device: Device, seconds: number, clock: JobClock): Provenance {
  return {
    command: `npm run experiment -- ${experiment.name} --seeds ${flags.seeds.join(',')} --scale ${flags.scale} --device ${flags.device}${flags.data === 'mnist' ? '' : ` --data ${path.basename(flags.data)}`}${flags.transfer === '' ? '' : ` --transfer ${path.basename(flags.transfer)}`}`,
    date: new Date().toISOString().slice(0, 10),
    reparam: version,
    node: process.version,
    device: `${device.name} (${device.dtype})`,
    seconds: Math.round(seconds),
    ...(clock.searches.count > 0 && { searches: clock.searches }),
    ...(clock.trainings.count > 0 && { trainings: clock.trainings }),
  };
}
