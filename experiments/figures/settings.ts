/** @file The sizes of the experiments' searches: `smoke` runs in seconds, `default` fits two cores, `paper` is SNAS's own and needs a GPU. */
import path from 'node:path';
import type { StrategyName } from 'reparam/baselines';
import { type NetworkConfig, type PresetName, PRESETS, SPACES } from 'reparam/snas';
import { architectureSettings, type SearchJob } from 'reparam/jobs';
import type { ExperimentContext, ScaleName } from './experiment.ts';

interface Scale {
  readonly preset: PresetName;
  readonly nodes: number;
  readonly epochs: number;
  readonly trainImages: number;
  readonly validationImages: number;
}

const SCALES: Readonly<Record<ScaleName, Scale>> = {
  smoke: { preset: 'smoke', nodes: 2, epochs: 1, trainImages: 64, validationImages: 32 },
  default: { preset: 'small', nodes: 3, epochs: 8, trainImages: 2000, validationImages: 500 },
  paper: { preset: 'paper', nodes: 4, epochs: 150, trainImages: 25_000, validationImages: 25_000 },
};

/** Searches of a quarter of a minute, for comparisons that the article makes without a figure: many seeds in the time of one. */
const SHORT: Readonly<Record<ScaleName, Scale>> = {
  smoke: SCALES.smoke,
  default: { preset: 'small', nodes: 2, epochs: 5, trainImages: 1000, validationImages: 500 },
  paper: SCALES.paper,
};

export interface JobOptions {
  readonly eta?: number;
  readonly frameEvery?: number;
  readonly candidates?: number;
  readonly budget?: SearchJob['budget'];
  readonly decodings?: boolean;
  readonly short?: boolean;
}

/** Sizes of the network of cells in a preset. */
function sizes(preset: PresetName): Pick<NetworkConfig, 'channels' | 'cells' | 'stemStride'> {
  const { channels = 4, cells = 3, stemStride } = SPACES['darts']!.presets[preset];
  return { channels, cells, stemStride: stemStride === 2 ? 2 : 1 };
}

/** A search of one strategy at the experiment's scale. */
export function searchJob(
  { scale, data }: Pick<ExperimentContext, 'scale' | 'data'>,
  image: { readonly classes: number; readonly channels: number },
  strategy: StrategyName,
  seed: number,
  options: JobOptions = {},
): SearchJob {
  const { preset, nodes, epochs, trainImages, validationImages } = (options.short ? SHORT : SCALES)[scale];
  const { trainImages: _train, validationImages: _validation, ...training } = PRESETS[preset];
  return {
    strategy,
    data,
    trainImages,
    validationImages,
    frameEvery: options.frameEvery ?? 0,
    ...(options.candidates !== undefined && { candidates: options.candidates }),
    ...(options.budget && { budget: options.budget }),
    ...(options.decodings && { decodings: true }),
    config: {
      ...training,
      architecture: architectureSettings(strategy, preset),
      epochs,
      seed,
      eta: options.eta ?? 0,
      network: { ...sizes(preset), nodes, classes: image.classes, inChannels: image.channels },
    },
  };
}

/** The data set in words: a folder goes by its own name. */
export function dataTitle(data: string): string {
  return data === 'mnist' ? 'MNIST' : path.basename(data);
}

/** The sizes in words. */
export function describeScale({ scale, data }: Pick<ExperimentContext, 'scale' | 'data'>, short = false): string {
  const { preset, nodes, epochs, trainImages, validationImages } = (short ? SHORT : SCALES)[scale];
  const { batchSize } = PRESETS[preset];
  const { cells, channels } = sizes(preset);
  return `${dataTitle(data)}, ${trainImages} training and ${validationImages} validation images, ${cells} cells of ${nodes} nodes at ${channels} channels, ${epochs} epochs of batches of ${batchSize}`;
}
