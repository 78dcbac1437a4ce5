/** @file Batches of a dataset as tensors on a device. */
import type { Device, Tensor } from '../core/tensor.ts';
import type { Batch } from './batches.ts';
import { type Dataset, itemShape } from './dataset.ts';

/** Images [n, c, h, w], or vectors [n, d], and their classes or numbers [n]. */
export type LabelledImages = {
  readonly images: Tensor;
  readonly labels: Tensor;
};

/** The shape of n items of a dataset: [n, c, h, w] of images, [n, d] of vectors. */
export function imagesShape(dataset: ItemSize, n: number): number[] {
  return [n, ...itemShape(dataset)];
}

/** The images of a batch of this dataset, [n, c, h, w], or its vectors, [n, d]. */
export function uploadImages(device: Device, batch: Batch, dataset: ItemSize): Tensor {
  return device.tensor(batch.images, imagesShape(dataset, batch.n));
}

/** The images of a batch of this dataset, [n, c, h, w], or its vectors, [n, d], and their labels, [n]. */
export function uploadBatch(device: Device, batch: Batch, dataset: ItemSize): LabelledImages {
  return { images: uploadImages(device, batch, dataset), labels: device.tensor(batch.labels, [batch.n]) };
}

/** Frees the tensors of a batch. */
export function disposeBatch({ images, labels }: LabelledImages): void {
  images.dispose();
  labels.dispose();
}

type ItemSize = Pick<Dataset, 'channels' | 'height' | 'width' | 'shape'>;
