/** @file What the flags of `reparam search`, or the config of a stored run, make of a search: data, settings, strategy and price. */
import path from 'node:path';
import { STRATEGY_NAMES } from '../../baselines/index.ts';
import { absoluteDataName, type TrainTest } from '../../data/files.node.ts';
import type { Device } from '../../core/tensor.ts';
import { DataFileError } from '../../contract/errors.ts';
import { costTable, relativeWeights, RESOURCES, type ResourceWeights } from '../../snas/cost/cost.ts';
import { costTensors } from '../../snas/cost/expected-cost.ts';
import { measuredLatency } from '../../snas/cost/relative-latency.ts';
import { supernetSize } from '../../snas/space/network-config.ts';
import type { SearchOptions } from '../../snas/search/config.ts';
import { resolveSearch, RUN_FORMAT, type RunConfig, type SearchFlags } from '../settings/search.ts';
import { strategyFor } from '../../jobs/strategies.ts';
import { UsageError } from '../../command/usage-error.ts';
import { version } from '../../command/version.ts';

/** What the flags and the data make of a preset. */
export function newConfig(flags: SearchFlags, data: TrainTest, device: Device): RunConfig {
  const { preset, data: name, device: _choice, search, ...run } = resolveSearch(flags);
  const available = data.train.labels.length;
  const images = (n: number): number => (n < 1 ? Math.floor(n * available) : n);
  supernetSize({ ...search.network, classes: data.train.classes, inChannels: data.train.channels });
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
    search: { ...search, network: { ...search.network, classes: data.train.classes, inChannels: data.train.channels } },
  };
}

/** DataFileError where a stored run is of other images than there are now. */
export function checkStoredSizes(config: RunConfig, { train }: TrainTest): void {
  const { classes, inChannels } = config.search.network;
  const different = [
    ...(classes === train.classes ? [] : [`search.network.classes is ${classes}, and the images have ${train.classes}`]),
    ...(inChannels === train.channels ? [] : [`search.network.inChannels is ${inChannels}, and the images have ${train.channels}`]),
    ...(config.trainImages + config.validationImages <= train.labels.length
      ? []
      : [
          `trainImages ${config.trainImages} and validationImages ${config.validationImages} are more than the ${train.labels.length} training images`,
        ]),
  ];
  if (different.length > 0) throw new DataFileError(`config.json does not fit ${config.data}: ${different.join('; ')}`);
}

/** The strategy and the price of a run. `say` is told what latency is measured in, once that is known. */
export function searchOptions(device: Device, config: RunConfig, imageSide: number, say: (line: string) => void): SearchOptions {
  const { search: settings, latency } = config;
  const name = STRATEGY_NAMES.find((n) => n === config.strategy);
  if (!name) throw new DataFileError(`config.json: strategy '${config.strategy}' is not one of ${STRATEGY_NAMES.join(', ')}`);
  // SNAS itself keeps the key that the search has for it.
  const chosen = name === 'snas' ? {} : { strategy: strategyFor(name, device, settings.seed, settings.network.nodes ?? 4) };
  if (config.cost !== 'latency') {
    // Costs as fractions: 0 where every edge is `none`, 1 where every edge has its dearest operation.
    const table = costTable({ ...settings.network, imageSide });
    const shares: ResourceWeights =
      config.cost === 'weighted' ? Object.fromEntries(RESOURCES.map((r) => [r, 1])) : { [config.cost]: 1 };
    return { ...chosen, cost: costTensors(device, table, relativeWeights(table, shares)) };
  }
  const every = latency?.every ?? 1;
  const box = measuredLatency({
    onUnit: ({ empty, slowest, operation, clock }) => {
      const by = clock === 'timestamps' ? "the device's timestamps" : 'wall time';
      say(
        `latency    of ${settings.batchSize} images by ${by}: ${empty.toFixed(3)} ms where every edge is none (cost 0), ` +
          `${slowest.toFixed(3)} ms where every edge is ${operation} (cost 1); the sampled child is timed in every ${every === 1 ? 'step' : `${ordinal(every)} step`}`,
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
