/** @file Batches of a dataset as tensors on a device. */
import type { Device, Tensor } from '../core/tensor.ts';
import type { Batch } from './batches.ts';
import type { Dataset } from './dataset.ts';

/** Images [n, c, h, w] and their classes [n]. */
export type LabelledImages = {
  readonly images: Tensor;
  readonly labels: Tensor;
};

/** The shape of n images of a dataset: [n, c, h, w]. */
export function imagesShape({ channels, height, width }: ImageSize, n: number): [number, number, number, number] {
  return [n, channels, height, width];
}

/** The images of a batch of this dataset, [n, c, h, w]. */
export function uploadImages(device: Device, batch: Batch, dataset: ImageSize): Tensor {
  return device.tensor(batch.images, imagesShape(dataset, batch.n));
}

/** The images of a batch of this dataset, [n, c, h, w], and their classes, [n]. */
export function uploadBatch(device: Device, batch: Batch, dataset: ImageSize): LabelledImages {
  return { images: uploadImages(device, batch, dataset), labels: device.tensor(batch.labels, [batch.n]) };
}

/** Frees the tensors of a batch. */
export function disposeBatch({ images, labels }: LabelledImages): void {
  images.dispose();
  labels.dispose();
}

type ImageSize = Pick<Dataset, 'channels' | 'height' | 'width'>;
