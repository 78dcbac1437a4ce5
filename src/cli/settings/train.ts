/** @file The settings of `reparam train`, a row each. */
import { CHILD_PRESETS, type ChildPreset } from '../../snas/child/presets.ts';
import { DATA_HELP, readingSettings } from './reading.ts';
import { type FlagsOf, settle } from './setting.ts';

const upToData = [
  {
    flag: '--genotype <sources...>',
    value: 'texts',
    help: "cells to train: published names, literals, files, folders of searches, or 'random' (a uniform draw)",
  },
  {
    flag: '--from <run>',
    value: 'text',
    help: 'the child of a search, of any space, with the weights that it has there (fine-tuning); --data is then that of the search',
  },
  { flag: '--scratch', value: 'yes', help: 'with --from: the same child from new weights' },
  { flag: '--preset <name>', value: 'preset', default: 'small', help: 'where unnamed values come from' },
  { flag: '--device <name>', value: 'device', default: 'auto', help: 'webgpu, cpu, or what is there' },
  {
    flag: '--data <name>',
    value: 'text',
    default: 'mnist',
    help: (): string => DATA_HELP,
  },
] as const;

const afterData = [
  { flag: '--seed <n>', value: 'seed', default: 0, help: 'decides images, initial weights, order, augmentation and dropped paths' },
  { flag: '--nodes <n>', value: 'count', default: 4, help: "intermediate nodes of a 'random' cell" },
  { flag: '--out <folder>', value: 'text', help: 'where results and weights are written (default: runs/train-seedN-TIME)' },
  { flag: '--resume <folder>', value: 'text', help: 'continue the training in this folder, with its own settings' },
  {
    flag: '--checkpoint-minutes <x>',
    value: 'positive',
    default: 10,
    help: 'minutes from one checkpoint to the next within an epoch; there is one after each epoch too',
  },
  { flag: '--epochs <n>', value: 'count', at: 'training.epochs', help: 'passes over the training images' },
  { flag: '--batch-size <n>', value: 'count', at: 'training.batchSize', help: 'images a step' },
  { flag: '--channels <n>', value: 'count', at: 'network?.channels', help: 'channels of a node in the first cells' },
  { flag: '--cells <n>', value: 'count', at: 'network?.cells', help: 'cells; those at 1/3 and 2/3 reduce' },
  { flag: '--stem-stride <n>', value: 'stride', at: 'network?.stemStride', help: '2 halves the image first' },
  {
    flag: '--train-images <n>',
    value: 'images',
    at: 'trainImages',
    help: 'images to train on, drawn from the training set; 0.5 is half of them, 1 all',
  },
  { flag: '--lr <x>', value: 'positive', at: 'training.lr', help: 'learning rate at the start; it falls to 0 by half a cosine' },
  { flag: '--momentum <x>', value: 'probability', at: 'training.momentum', help: 'momentum' },
  { flag: '--weight-decay <x>', value: 'notNegative', at: 'training.weightDecay', help: 'weight decay' },
  { flag: '--clip <x>', value: 'positive', at: 'training.clip', help: 'largest norm of the gradient' },
  {
    flag: '--drop-path <p>',
    value: 'probability',
    at: 'training.dropPath',
    help: "probability at the end that a sample loses an operation's output; it grows from 0 by epoch",
  },
  {
    flag: '--auxiliary',
    value: 'yes',
    at: 'auxiliary',
    help: 'train with the auxiliary classifier after the second reduction',
    negated: 'train without it',
  },
  { flag: '--auxiliary-weight <x>', value: 'notNegative', at: 'training.auxiliaryWeight', help: 'weight of its loss' },
  { flag: '--crop <n>', value: 'natural', at: 'training.augment.crop', help: 'pad by n pixels and crop at random' },
  {
    flag: '--flip',
    value: 'yes',
    at: 'training.augment.flip',
    help: 'mirror images at random',
    negated: 'do not mirror images',
  },
  { flag: '--cutout <n>', value: 'natural', at: 'training.augment.cutout', help: 'erase a square of n pixels' },
  { flag: '--quiet', value: 'yes', help: 'print only the table' },
] as const;

/** In the order of --help. Places are those in result.json. */
export const trainSettings: readonly [...typeof upToData, ...typeof readingSettings, ...typeof afterData] = [
  ...upToData,
  ...readingSettings,
  ...afterData,
];

/** The settings of `trainChild` in a preset; the seed stands apart. */
export type TrainingSettings = ChildPreset['training'];

/** What commander hands over. */
export type TrainFlags = FlagsOf<typeof trainSettings>;

/** The preset with the flags' values in place of its own. */
export function resolveTraining(flags: TrainFlags): ChildPreset {
  const { training, ...preset } = CHILD_PRESETS[flags.preset];
  const augment = { crop: 0, flip: false, cutout: 0, ...training.augment };
  return settle(trainSettings, flags, { ...preset, training: { ...training, augment } });
}
