/** @file The settings of `reparam search`, a row each, and what they mean together. */
import { STRATEGY_NAMES } from '../../baselines/index.ts';
import { UsageError } from '../../command/usage-error.ts';
import { architectureSettings, learns, samples } from '../../jobs/strategies.ts';
import { ETA_PRESETS } from '../../snas/cost/eta-presets.ts';
import { PRESETS } from '../../snas/search/presets.ts';
import { DATA_HELP, readingSettings } from './reading.ts';
import { shippedSpace, SPACES, type SpaceSettings } from '../../snas/spaces/index.ts';
import { isSpaceFile } from '../shared/space-file.ts';
import { type FlagsOf, settle, type StoredOf } from './setting.ts';
import { COST_CHOICES } from './values.ts';

/** Steps between measurements of latency. */
const LATENCY_EVERY = 4;

/** The format of run folders that this version writes; docs/reliability.md says what each is. */
export const RUN_FORMAT = 3;

const upToData = [
  { flag: '--preset <name>', value: 'preset', at: 'preset', default: 'small', help: 'where unnamed values come from' },
  { flag: '--device <name>', value: 'device', at: 'device', default: 'auto', help: 'webgpu, cpu, or what is there' },
  {
    flag: '--data <name>',
    value: 'text',
    at: 'data',
    default: 'mnist',
    help: (): string => DATA_HELP,
  },
] as const;

const afterData = [
  { flag: '--seed <n>', value: 'seed', at: 'search.seed', default: 0, help: 'decides weights, noise and order of images' },
  { flag: '--out <folder>', value: 'text', help: 'where the run is written (default: runs/PRESET-seedN-TIME)' },
  { flag: '--resume <folder>', value: 'text', help: 'continue the run in this folder; its own settings hold' },
  {
    flag: '--space <name>',
    value: 'text',
    at: 'space.name',
    default: 'darts',
    help: (): string =>
      `what is searched: ${Object.entries(SPACES)
        .map(([name, { help }]) => `${name} (${help})`)
        .join('; ')}; or a JavaScript or TypeScript file that makes a network with choices`,
  },
  {
    flag: '--strategy <name>',
    value: 'strategy',
    at: 'strategy',
    default: 'snas',
    help: 'how architectures are proposed and learned',
  },
  {
    flag: '--cost <name>',
    value: 'cost',
    at: 'cost',
    default: 'weighted',
    help: (): string =>
      `what is reported and, with --eta, penalised: ${COST_CHOICES.join(', ')} (the time of sampled children on this device)`,
  },
  {
    flag: '--eta <x>',
    value: 'price',
    at: 'search.eta',
    help: (): string =>
      `price of the cost in nats, for a network in which every choice takes its dearest option, or ${Object.entries(ETA_PRESETS)
        .map(([name, eta]) => `${name} (${eta})`)
        .join(', ')}`,
  },
  {
    flag: '--latency-every <n>',
    value: 'count',
    at: 'latency?.every',
    help: (): string => `steps from one measurement of latency to the next (default: ${LATENCY_EVERY})`,
  },
  {
    flag: '--max-params <n>',
    value: 'count',
    at: 'budget?.parameters?',
    help: 'the whole child has at most so many parameters: their price is adapted in every step',
  },
  {
    flag: '--max-madds <n>',
    value: 'count',
    at: 'budget?.flops?',
    help: 'the whole child does at most so many multiply-adds an image',
  },
  { flag: '--epochs <n>', value: 'count', at: 'search.epochs', help: 'passes over the training images' },
  { flag: '--batch-size <n>', value: 'count', at: 'search.batchSize', help: 'images a step' },
  { flag: '--channels <n>', value: 'count', at: 'space.settings.channels?', help: 'channels of the first cells or layers' },
  { flag: '--cells <n>', value: 'count', at: 'space.settings.cells?', help: 'cells; those at 1/3 and 2/3 reduce' },
  { flag: '--nodes <n>', value: 'count', at: 'space.settings.nodes?', help: 'intermediate nodes of a cell' },
  { flag: '--stem-stride <n>', value: 'stride', at: 'space.settings.stemStride?', help: '2 halves the image first' },
  { flag: '--layers <n>', value: 'count', at: 'space.settings.layers?', help: 'layers that are chosen' },
  { flag: '--width <n>', value: 'count', at: 'space.settings.width?', help: 'widest layer of an mlp' },
  { flag: '--train-images <n>', value: 'images', at: 'trainImages', help: 'images to search on, taken from the training set' },
  {
    flag: '--validation-images <n>',
    value: 'images',
    at: 'validationImages',
    help: 'images to validate on, taken from the rest of the training set',
  },
  { flag: '--lr <x>', value: 'positive', at: 'search.weights.lr', help: 'learning rate of the weights at the start' },
  { flag: '--lr-end <x>', value: 'notNegative', at: 'search.weights.lrEnd', help: 'the same at the end of the cosine' },
  { flag: '--momentum <x>', value: 'probability', at: 'search.weights.momentum', help: 'momentum of the weights' },
  { flag: '--weight-decay <x>', value: 'notNegative', at: 'search.weights.weightDecay', help: 'weight decay of the weights' },
  { flag: '--clip <x>', value: 'positive', at: 'search.weights.clip', help: "largest norm of the weights' gradient" },
  { flag: '--alpha-lr <x>', value: 'positive', at: 'search.architecture.lr', help: 'learning rate of log alpha' },
  {
    flag: '--alpha-weight-decay <x>',
    value: 'notNegative',
    at: 'search.architecture.weightDecay',
    help: 'weight decay of log alpha',
  },
  {
    flag: '--temperature <x>',
    value: 'positive',
    at: 'search.temperature.start',
    help: 'temperature of the relaxation at the start',
  },
  { flag: '--temperature-end <x>', value: 'positive', at: 'search.temperature.end', help: 'temperature at the end' },
  {
    flag: '--drop-path <p>',
    value: 'probability',
    at: 'search.dropPath',
    help: "probability that a sample loses an operation's output",
  },
  { flag: '--crop <n>', value: 'natural', at: 'search.augment?.crop?', help: 'pad by n pixels and crop at random' },
  {
    flag: '--flip',
    value: 'yes',
    at: 'search.augment?.flip?',
    help: 'mirror images at random',
    negated: 'do not mirror images',
  },
  { flag: '--cutout <n>', value: 'natural', at: 'search.augment?.cutout?', help: 'erase a square of n pixels' },
  {
    flag: '--calibration-batches <n>',
    value: 'count',
    at: 'search.calibrationBatches',
    help: "batches for a child's batch-norm statistics",
  },
  {
    flag: '--credits <every=n>',
    value: 'every',
    at: 'credits?',
    help: 'record the credit of every choice each n steps, in credits.jsonl and as heat maps',
  },
  {
    flag: '--keep-weights <every=n>',
    value: 'every',
    at: 'keepWeights?',
    help: 'keep the weights of the start, of each n steps and of the end, as weights-STEP.safetensors: credits of any of them can be computed again',
  },
  {
    flag: '--checkpoint-minutes <x>',
    value: 'positive',
    default: 10,
    help: 'minutes from one checkpoint to the next within an epoch; there is one at the start and after each epoch too',
  },
  {
    flag: '--locate-nan',
    value: 'yes',
    help: 'write nothing: repeat the steps from the last checkpoint (from the start without --resume) until one makes a NaN, and name the operation',
  },
  { flag: '--quiet', value: 'yes', help: 'print only the result' },
  // What the preset, the data, the device and this version decide.
  { value: 'format', at: 'format?' },
  { value: 'text', at: 'adapter' },
  { value: 'versions', at: 'versions' },
  { value: 'betas', at: 'search.architecture.betas' },
  { value: 'count', at: 'space.classes' },
  { value: 'counts', at: 'space.item' },
  { value: 'text', at: 'space.file?' },
  { value: 'text', at: 'space.digest?' },
  { value: 'numbers', at: 'standardise?.mean' },
  { value: 'numbers', at: 'standardise?.std' },
] as const;

/** In the order of --help. */
export const searchSettings: readonly [...typeof upToData, ...typeof readingSettings, ...typeof afterData] = [
  ...upToData,
  ...readingSettings,
  ...afterData,
];

/** What commander hands over. */
export type SearchFlags = FlagsOf<typeof searchSettings>;

/** config.json: everything that a run needs to be repeated. */
export type RunConfig = StoredOf<typeof searchSettings>;

/** A run's settings before its data are read and its device is open; numbers of images may be parts of the training set. */
export interface Resolved extends Omit<RunConfig, 'format' | 'adapter' | 'versions' | 'space' | 'standardise'> {
  readonly space: Omit<RunConfig['space'], 'classes' | 'item' | 'file' | 'digest'>;
}

/** Flags that are settings of a space. */
const SIZES = {
  channels: '--channels',
  cells: '--cells',
  nodes: '--nodes',
  stemStride: '--stem-stride',
  layers: '--layers',
  width: '--width',
};

/** The sizes of a space in a preset: none of a file's. UsageError for a flag that the space has no setting for. */
function spaceSettings(flags: SearchFlags): SpaceSettings {
  const shipped = shippedSpace(flags.space);
  if (!shipped && !isSpaceFile(flags.space)) {
    throw new UsageError(
      `--space '${flags.space}' is none of ${Object.keys(SPACES).join(', ')}, and no file that ends in .js, .mjs, .ts or .mts`,
    );
  }
  const settings = shipped?.presets[flags.preset] ?? {};
  for (const [name, flag] of Object.entries(SIZES)) {
    if (Reflect.get(flags, name) === undefined || name in settings) continue;
    const has = Object.keys(settings).map((size) => Reflect.get(SIZES, size) as string);
    throw new UsageError(`${flag} is no setting of --space ${flags.space}${has.length > 0 ? `, which has ${has.join(', ')}` : ''}`);
  }
  return settings;
}

/** How latency is measured, if it is the cost; refuses what does not go together. */
export function latencyOf(flags: SearchFlags): RunConfig['latency'] {
  const { strategy, cost, latencyEvery } = flags;
  if ((flags.eta ?? PRESETS[flags.preset].eta) > 0 && !learns(strategy)) {
    throw new UsageError(
      `--eta has nothing to act on: --strategy ${strategy} learns no architecture. Leave out --eta, or take snas`,
    );
  }
  if ((flags.maxParams ?? flags.maxMadds) !== undefined && !learns(strategy)) {
    const flag = flags.maxParams === undefined ? '--max-madds' : '--max-params';
    throw new UsageError(
      `${flag} has nothing to act on: --strategy ${strategy} learns no architecture. Leave it out, or take snas`,
    );
  }
  if (cost === 'latency' && !samples(strategy)) {
    throw new UsageError(
      `--cost latency needs a strategy that samples each choice from softmax(log alpha): ${STRATEGY_NAMES.filter(samples).join(', ')}; ` +
        `--strategy ${strategy} does not. Take one of them, or another --cost`,
    );
  }
  if (cost === 'latency') return { every: latencyEvery ?? LATENCY_EVERY };
  if (latencyEvery !== undefined) throw new UsageError(`--latency-every is for --cost latency, not for --cost ${cost}`);
  return undefined;
}

/** The preset with the flags' values in place of its own, as config.json has them; what the data and the device decide is still to come. */
export function resolveSearch(flags: SearchFlags): Resolved {
  const { trainImages, validationImages, augment, ...training } = PRESETS[flags.preset];
  const latency = latencyOf(flags);
  const { search, ...run } = settle(searchSettings, flags, {
    preset: flags.preset,
    data: flags.data,
    device: flags.device,
    strategy: flags.strategy,
    cost: flags.cost,
    ...(latency && { latency }),
    trainImages,
    validationImages,
    space: { name: flags.space, settings: spaceSettings(flags) },
    search: {
      ...training,
      architecture: architectureSettings(flags.strategy, flags.preset),
      augment: { crop: 0, flip: false, cutout: 0, ...augment },
      seed: flags.seed,
    },
  });
  const { start, end } = search.temperature;
  if (end > start) throw new UsageError(`--temperature-end ${end} is above --temperature ${start}: the temperature goes down`);
  const { lr } = search.weights;
  const lrEnd = flags.lrEnd ?? Math.min(lr, search.weights.lrEnd);
  if (lrEnd > lr) throw new UsageError(`--lr-end ${lrEnd} is above --lr ${lr}: the learning rate goes down`);
  const { augment: settled, seed, ...rest } = search;
  const augmented = settled.crop > 0 || settled.flip || settled.cutout > 0;
  const weights = { ...rest.weights, lrEnd };
  return { ...run, search: { ...rest, weights, ...(augmented && { augment: settled }), seed } };
}
