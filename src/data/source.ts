/** @file Where batches come from: a data set in memory, or whatever else makes them. */
import type { Device, Tensor } from '../core/tensor.ts';
import type { Key } from '../core/random.ts';
import type { Augmentation } from './augment.ts';
import { type Batch, batches } from './batches.ts';
import { type Dataset, itemShape } from './dataset.ts';
import type { ChannelStatistics } from './standardise.ts';
import type { LabelledImages } from './upload.ts';

/** What a pass over a source is for. */
export interface SourceOptions {
  readonly batchSize: number;
  /** Decides the order, with `epoch`: the same key and epoch give the same batches. Without one the order is the source's own. */
  readonly key?: Key;
  /** Which pass this is, >= 0. Default 0. */
  readonly epoch?: number;
  /** Leave out a last batch that is smaller, so that all have one shape. Default false. */
  readonly dropLast?: boolean;
  /** For training, where a source may augment. Default false. */
  readonly training?: boolean;
}

/** Examples in batches. Every pass gives `length` of them, but for a last batch that is left out. */
export interface BatchSource {
  /** How many examples. */
  readonly length: number;
  /** Shape of one input: [channels, height, width] of images, [d] of vectors. */
  readonly shape: readonly number[];
  /** Shape of one target. Default []: a class number, or one number. */
  readonly targetShape?: readonly number[];
  /** Classes; or how many numbers a network is to put out for one example. */
  readonly classes: number;
  /** `images` are inputs [n, ...shape] and `labels` targets [n, ...targetShape], row-major. */
  batches(options: SourceOptions): Iterable<Batch>;
}

export interface SourceSettings {
  readonly standardise?: ChannelStatistics | undefined;
  /** Done to the images of training passes. */
  readonly augment?: Augmentation | undefined;
}

/** Whether batches come from a data set in memory. */
export function isDataset(data: Dataset | BatchSource): data is Dataset {
  return 'images' in data;
}

/** A data set as a source, standardised and, in training passes, augmented; another source as it is. */
export function sourceOf(data: Dataset | BatchSource, { standardise, augment }: SourceSettings = {}): BatchSource {
  if (!isDataset(data)) return data;
  return {
    length: data.labels.length,
    shape: itemShape(data),
    // A number is to be predicted.
    classes: data.classes || 1,
    batches: ({ training = false, ...options }) =>
      batches(data, { ...options, ...(standardise && { standardise }), ...(training && augment && { augment }) }),
  };
}

/** The inputs of a batch, [n, ...shape]. */
export function uploadInputs(device: Device, { images, n }: Batch, source: BatchSource): Tensor {
  return device.tensor(images, [n, ...source.shape]);
}

/** The inputs of a batch, [n, ...shape], and its targets, [n, ...targetShape]. */
export function uploadExamples(device: Device, batch: Batch, source: BatchSource): LabelledImages {
  return {
    images: uploadInputs(device, batch, source),
    labels: device.tensor(batch.labels, [batch.n, ...(source.targetShape ?? [])]),
  };
}
