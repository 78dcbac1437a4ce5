/** @file What the flags of `reparam search`, or the config of a stored run, make of a search: data, settings, strategy and price. */
import path from 'node:path';
import { STRATEGY_NAMES } from '../../baselines/index.ts';
import { absoluteDataName, type TrainTest } from '../../data/files.node.ts';
import { type Dataset, sourceOf, splitDataset } from '../../data/index.ts';
import { foldIn, key } from '../../core/random.ts';
import type { Device } from '../../core/tensor.ts';
import { RUN_KEYS } from '../../snas/keys.ts';
import { DataFileError } from '../../contract/errors.ts';
import type { ResourceWeights } from '../../snas/cost/cost.ts';
import { spaceCost } from '../../snas/cost/space-table.ts';
import { measuredLatency } from '../../snas/cost/relative-latency.ts';
import { RESOURCES } from '../../snas/space/resources.ts';
import type { SpaceDefinition } from '../../snas/space/search-space.ts';
import { shippedSpace } from '../../snas/spaces/index.ts';
import type { SearchOptions } from '../../snas/search/config.ts';
import { resolveSearch, RUN_FORMAT, type RunConfig, type SearchFlags } from '../settings/search.ts';
import { strategyFor } from '../../jobs/strategies.ts';
import { UsageError } from '../../command/usage-error.ts';
import { version } from '../../command/version.ts';
import { savedSpace } from './run-child.ts';
import { isSpaceFile, loadSpaceFile, type SpaceFile } from './space-file.ts';

/** The space of a run: one that ships, or what a file makes. */
export interface RunSpace {
  readonly definition: SpaceDefinition;
  readonly file?: Pick<SpaceFile, 'file' | 'digest'>;
}

/** The space that flags ask for, at its sizes. UsageError for a name that is none, OptionError for sizes that make no network. */
export async function newSpace(flags: SearchFlags): Promise<RunSpace> {
  const { space } = resolveSearch(flags);
  if (!isSpaceFile(space.name)) return { definition: shippedSpace(space.name)!.make(space.settings) };
  const { definition, ...file } = await loadSpaceFile(space.name);
  return { definition, file };
}

/** The space of a stored run. DataFileError for one that this version has not, and for a file that is another by now. */
export async function storedSpace({ space: { name: space, ...rest } }: RunConfig): Promise<RunSpace> {
  const definition = await savedSpace('config.json', { space, ...rest });
  return { definition, ...(rest.file !== undefined && { file: { file: rest.file, digest: rest.digest ?? '' } }) };
}

/** What the flags and the data make of a preset. */
export function newConfig(flags: SearchFlags, data: TrainTest, device: Device, { file }: RunSpace): RunConfig {
  const { preset, data: name, device: _choice, search, space, ...run } = resolveSearch(flags);
  const available = data.train.labels.length;
  const images = (n: number): number => (n < 1 ? Math.floor(n * available) : n);
  const train = images(run.trainImages);
  const validation = images(run.validationImages);
  if (train + validation > available) {
    throw new UsageError(
      `--train-images ${train} and --validation-images ${validation} are more than the ${available} training images of ${name}`,
    );
  }
  if (train < search.batchSize)
    throw new UsageError(`--train-images ${train} is less than one batch (--batch-size ${search.batchSize})`);
  if (validation < search.batchSize) {
    throw new UsageError(`--validation-images ${validation} is less than one batch (--batch-size ${search.batchSize})`);
  }
  return {
    format: RUN_FORMAT,
    preset,
    data: absoluteDataName(name),
    device: device.kind,
    adapter: device.name,
    versions: { reparam: version, node: process.version },
    ...run,
    trainImages: train,
    validationImages: validation,
    space: { ...space, ...file, classes: sourceOf(data.train).classes, item: [...itemOf(data.train)] },
    search,
  };
}

/** DataFileError where a stored run is of other images than there are now. */
export function checkStoredSizes(config: RunConfig, { train }: TrainTest): void {
  const { classes, item } = config.space;
  const now = itemOf(train);
  const different = [
    ...(classes === sourceOf(train).classes ? [] : [`space.classes is ${classes}, and the images have ${sourceOf(train).classes}`]),
    ...(item.join(' ') === now.join(' ') ? [] : [`space.item is [${item.join(', ')}], and the images are [${now.join(', ')}]`]),
    ...(config.trainImages + config.validationImages <= train.labels.length
      ? []
      : [
          `trainImages ${config.trainImages} and validationImages ${config.validationImages} are more than the ${train.labels.length} training images`,
        ]),
  ];
  if (different.length > 0) throw new DataFileError(`config.json does not fit ${config.data}: ${different.join('; ')}`);
}

/** The training and the validation images of a run. */
export function runSplit({ trainImages, validationImages, search }: RunConfig, train: Dataset): readonly [Dataset, Dataset] {
  return splitDataset(train, [trainImages, validationImages], foldIn(key(search.seed), RUN_KEYS.split));
}

function itemOf(data: Dataset): readonly number[] {
  return sourceOf(data).shape;
}

/** The space, the strategy and the price of a run. `say` is told what latency is measured in, once that is known. */
export function searchOptions(
  device: Device,
  config: RunConfig,
  space: SpaceDefinition,
  say: (line: string) => void,
): SearchOptions {
  const { search: settings, latency } = config;
  const name = STRATEGY_NAMES.find((n) => n === config.strategy);
  if (!name) throw new DataFileError(`config.json: strategy '${config.strategy}' is not one of ${STRATEGY_NAMES.join(', ')}`);
  // SNAS itself keeps the key that the search has for it.
  const { parameters, flops } = config.budget ?? {};
  const limited = parameters !== undefined || flops !== undefined;
  const chosen: SearchOptions = {
    space,
    ...(name !== 'snas' && { strategy: (made) => strategyFor(name, device, settings.seed, made) }),
    ...(limited && { budget: { ...(parameters !== undefined && { parameters }), ...(flops !== undefined && { flops }) } }),
  };
  if (config.cost !== 'latency') {
    // Costs as fractions: 0 for the cheapest architecture, 1 for the dearest.
    const shares: ResourceWeights =
      config.cost === 'weighted' ? Object.fromEntries(RESOURCES.map((r) => [r, 1])) : { [config.cost]: 1 };
    return { ...chosen, cost: (made) => spaceCost(made, shares) };
  }
  const every = latency?.every ?? 1;
  const box = measuredLatency({
    onUnit: ({ fastest, fastestOption, slowest, slowestOption, clock }) => {
      const by = clock === 'timestamps' ? "the device's timestamps" : 'wall time';
      say(
        `latency    of ${settings.batchSize} images by ${by}: ${fastest.toFixed(3)} ms where every choice takes ${fastestOption} (cost 0), ` +
          `${slowest.toFixed(3)} ms where every choice takes ${slowestOption} (cost 1); the sampled child is timed in every ${every === 1 ? 'step' : `${ordinal(every)} step`}`,
      );
    },
  });
  return { ...chosen, blackBox: { box, every } };
}

function ordinal(n: number): string {
  const suffix = Math.floor(n / 10) % 10 === 1 ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th');
  return `${n}${suffix}`;
}

/** The folder of a new run, where none is named. */
export function defaultFolder(flags: SearchFlags): string {
  const { preset, search } = resolveSearch(flags);
  const time = new Date().toISOString().slice(0, 19).replaceAll(':', '').replace('T', '-');
  return path.join('runs', `${preset}-seed${search.seed}-${time}`);
}
