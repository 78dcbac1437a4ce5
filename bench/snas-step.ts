/** @file A whole SNAS training step on data of any size: supernet, weights and architecture. */
import { type Device, normals, key, type Tensor } from '../src/index.ts';
import { PRESETS, Search, Snas } from '../src/snas/index.ts';
import { norm } from './data.ts';

export interface StepSizes {
  readonly channels: number;
  readonly cells: number;
  readonly batch: number;
  /** Of the square images, in pixels. */
  readonly side: number;
  readonly inChannels: number;
  readonly stemStride: 1 | 2;
}

export const SNAS_STEPS: Readonly<Record<string, StepSizes>> = {
  snas_step_c4_3cells_14: { channels: 4, cells: 3, batch: 32, side: 28, inChannels: 1, stemStride: 2 },
  snas_step_c4_3cells_32: { channels: 4, cells: 3, batch: 32, side: 32, inChannels: 3, stemStride: 2 },
  snas_step_c16_8cells_32: { channels: 16, cells: 8, batch: 32, side: 32, inChannels: 3, stemStride: 1 },
};

export function describe({ channels, cells, batch, side, inChannels }: StepSizes): string {
  return `batch ${batch}, C = ${channels}, ${cells} cells, ${inChannels} x ${side} x ${side} images`;
}

export interface SnasStep {
  readonly search: Search;
  readonly batch: { readonly images: Tensor; readonly labels: Tensor };
  /** Starts a step; always the first of the schedules. */
  readonly run: () => void;
  readonly dispose: () => void;
}

const CLASSES = 10;
const NODES = 4;
const NOISE = key(2);

/** SNAS whose samples all have the same noise, so that another implementation can be given it. */
class SameNoise extends Snas {
  override inputs(step: Parameters<Snas['inputs']>[0]): ReturnType<Snas['inputs']> {
    return super.inputs({ ...step, key: NOISE });
  }
}

/** Four nodes a cell, all eight operations, the settings of the preset `small`. */
export function snasStep(device: Device, sizes: StepSizes, eager = false): SnasStep {
  const { batch: n, side, inChannels, channels, cells, stemStride } = sizes;
  const dataset = {
    images: new Uint8Array(n * inChannels * side * side).map((_, i) => (i * 31) % 251),
    labels: new Uint8Array(n).map((_, i) => i % CLASSES),
    channels: inChannels,
    height: side,
    width: side,
    classes: CLASSES,
  };
  const { trainImages: _train, validationImages: _validation, ...preset } = PRESETS.small;
  const network = { channels, cells, stemStride, inChannels, nodes: NODES, classes: CLASSES };
  const config = { ...preset, seed: 0, batchSize: n, network };
  const search = new Search(
    device,
    config,
    { train: dataset, validation: dataset },
    {
      eager,
      strategy: (space) => new SameNoise(device, key(3), space),
    },
  );
  const shape = [n, inChannels, side, side];
  const batch = {
    images: device.parameter(normals(key(1), n * inChannels * side * side), shape),
    labels: device.parameter([...dataset.labels], [n]),
  };
  return {
    search,
    batch,
    run: () => {
      search.trainStep(batch);
      search.step = 0;
    },
    dispose: () => {
      search.dispose();
      batch.images.dispose();
      batch.labels.dispose();
    },
  };
}

/** All that another implementation needs to take the same step, as plain JSON; elements are row-major. */
export interface StepExchange {
  readonly nodes: number;
  readonly stemStride: number;
  /** Of the supernet, by their names and in their order. */
  readonly parameters: Readonly<Record<string, { readonly shape: readonly number[]; readonly values: readonly number[] }>>;
  readonly images: { readonly shape: readonly number[]; readonly values: readonly number[] };
  readonly labels: readonly number[];
  /** [edges of normal cells, then of reduction cells; operations]. */
  readonly logAlpha: { readonly shape: readonly number[]; readonly values: readonly number[] };
  readonly noise: readonly number[];
  readonly temperature: number;
  readonly weights: Search['config']['weights'];
  readonly architecture: Search['config']['architecture'];
}

export async function exchangeOf({ search, batch }: SnasStep, { stemStride }: StepSizes): Promise<StepExchange> {
  const plain = async (t: Tensor): Promise<{ shape: readonly number[]; values: readonly number[] }> => ({
    shape: t.shape,
    values: [...(await t.data())],
  });
  const [logAlpha] = search.strategy.parameters();
  const { noise } = (search.strategy as SameNoise).inputs({ key: NOISE, temperature: search.temperature });
  const parameters: Record<string, { shape: readonly number[]; values: readonly number[] }> = {};
  for (const [name, t] of search.supernet.namedParameters()) parameters[name] = await plain(t);
  const exchange = {
    ...{ nodes: NODES, stemStride, parameters, images: await plain(batch.images), labels: [...(await batch.labels.data())] },
    ...{ logAlpha: await plain(logAlpha!), noise: [...(await noise[0]!.data())], temperature: search.temperature },
    ...{ weights: search.config.weights, architecture: search.config.architecture },
  };
  for (const t of noise) t.dispose();
  return exchange;
}

/**
 * Takes one step, and tells how much it changed each parameter, as a norm; and log alpha, as the sum of its changes times 1, 2, 3, ..., for
 * Adam's first step changes all by about as much, and only the signs tell.
 */
export async function stepNorms({ search, run }: SnasStep): Promise<number[]> {
  const weights = search.supernet.parameters();
  const [logAlpha] = search.strategy.parameters();
  const values = async (): Promise<ArrayLike<number>[]> => {
    const copies: ArrayLike<number>[] = [];
    for (const t of [...weights, logAlpha!]) copies.push(Float64Array.from(await t.data()));
    return copies;
  };
  const before = await values();
  run();
  const changes = (await values()).map((after, i) => Array.from(after, (v, k) => v - before[i]![k]!));
  const alpha = changes.pop()!;
  return [...changes.map(norm), alpha.reduce((sum, v, k) => sum + v * (k + 1), 0)];
}
