/** @file Search settings that were tried: `smoke` proves that it runs, `small` finds a good child in minutes, `paper` is SNAS's own. */
import type { PresetName } from '../child/presets.ts';
import type { SearchConfig } from './config.ts';

/** A search's settings without what the space and the data decide, and how many images it uses. */
export interface Preset extends Omit<SearchConfig, 'network' | 'seed'> {
  /** Images drawn from the training set for the search and for validation; a fraction below 1 means that part of it. */
  readonly trainImages: number;
  readonly validationImages: number;
}

export const PRESETS: Readonly<Record<PresetName, Preset>> = {
  smoke: {
    trainImages: 512,
    validationImages: 256,
    epochs: 2,
    batchSize: 32,
    weights: { lr: 0.1, lrEnd: 0.001, momentum: 0.9, weightDecay: 3e-4, clip: 5 },
    architecture: { lr: 0.05, betas: [0.5, 0.999], weightDecay: 1e-3 },
    temperature: { start: 1, end: 0.05 },
    eta: 0,
    dropPath: 0,
    calibrationBatches: 8,
  },
  small: {
    trainImages: 6000,
    validationImages: 1000,
    epochs: 8,
    batchSize: 32,
    weights: { lr: 0.1, lrEnd: 0.001, momentum: 0.9, weightDecay: 3e-4, clip: 5 },
    architecture: { lr: 0.05, betas: [0.5, 0.999], weightDecay: 1e-3 },
    temperature: { start: 1, end: 0.05 },
    eta: 0,
    dropPath: 0,
    calibrationBatches: 16,
  },
  paper: {
    trainImages: 0.5,
    validationImages: 0.5,
    epochs: 150,
    batchSize: 64,
    weights: { lr: 0.025, lrEnd: 0.001, momentum: 0.9, weightDecay: 3e-4, clip: 5 },
    architecture: { lr: 3e-4, betas: [0.5, 0.999], weightDecay: 1e-3 },
    temperature: { start: 1, end: 0.03 },
    eta: 0,
    dropPath: 0.3,
    augment: { crop: 4, flip: true },
    calibrationBatches: 50,
  },
};
