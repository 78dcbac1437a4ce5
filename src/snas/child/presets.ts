/** @file Settings for training a found cell from scratch: `smoke` proves that it runs, `small` fits two cores, `paper` is the authors' own. */
import type { ChildTrainingConfig } from './training.ts';
import type { NetworkConfig } from '../spaces/darts/network-config.ts';

export type PresetName = 'smoke' | 'small' | 'paper';

/** A training's settings without what the data and the seed decide. */
export interface ChildPreset {
  readonly network: Required<Pick<NetworkConfig, 'channels' | 'cells' | 'stemStride'>>;
  /** Images drawn from the training set; a fraction up to 1 means that part of it. */
  readonly trainImages: number;
  /** Whether the network has the auxiliary classifier, whose weight is in `training`. */
  readonly auxiliary: boolean;
  readonly training: Omit<ChildTrainingConfig, 'seed'>;
}

const SMALL: ChildPreset = {
  network: { channels: 6, cells: 4, stemStride: 2 },
  trainImages: 2000,
  auxiliary: false,
  training: {
    epochs: 6,
    batchSize: 32,
    lr: 0.1,
    momentum: 0.9,
    weightDecay: 3e-4,
    clip: 5,
    dropPath: 0.1,
    auxiliaryWeight: 0.4,
    augment: { crop: 2, cutout: 6 },
  },
};

/** `paper`: 600 epochs of 20 cells at 36 channels, for CIFAR-10. Liu et al., ICLR 2019, section A.2, and the code of SNAS. */
export const CHILD_PRESETS: Readonly<Record<PresetName, ChildPreset>> = {
  smoke: {
    network: { channels: 2, cells: 3, stemStride: 2 },
    trainImages: 64,
    auxiliary: false,
    training: { ...SMALL.training, epochs: 1 },
  },
  small: SMALL,
  paper: {
    network: { channels: 36, cells: 20, stemStride: 1 },
    trainImages: 1,
    auxiliary: true,
    training: {
      epochs: 600,
      batchSize: 96,
      lr: 0.025,
      momentum: 0.9,
      weightDecay: 3e-4,
      clip: 5,
      dropPath: 0.2,
      auxiliaryWeight: 0.4,
      augment: { crop: 4, flip: true, cutout: 16 },
    },
  },
};
