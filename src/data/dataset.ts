/** @file A labelled set of images or vectors in memory, and how it is divided. */
import { OptionError } from '../contract/errors.ts';
import { type Key, permutation } from '../core/random.ts';
import { emptyLike } from './empty-like.ts';

/** Class numbers as bytes, or as 16 bits where there are more than 256 classes; numbers to be predicted as float32. */
export type Labels = Uint8Array | Uint16Array | Float32Array;

/** Labelled items of one shape. Their number is `labels.length`. */
export interface Dataset {
  /**
   * The items' elements, `[n, ...shape]` row-major, an image's `[channels, height, width]`. Bytes are pixels 0..255 and become pixel / 255 in a
   * batch; float32 stands for itself.
   */
  readonly images: Uint8Array | Float32Array;
  /** Class of each item, 0..classes - 1; any number where `classes` is 0 (regression). */
  readonly labels: Labels;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** How many classes there are; 0 where the labels are numbers to be predicted. */
  readonly classes: number;
  /**
   * Shape of one item. Default: `[channels, height, width]`. A vector of d features has the shape `[d]`, and counts as d channels of one pixel,
   * so that statistics by channel are statistics by feature.
   */
  readonly shape?: readonly number[];
  /** What the classes are called, where that is known. */
  readonly classNames?: readonly string[];
}

/** A file's content and its name, which errors repeat. */
export interface NamedBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The shape of one item: `[channels, height, width]` of an image, `[d]` of a vector. */
export function itemShape(dataset: Pick<Dataset, 'channels' | 'height' | 'width' | 'shape'>): readonly number[] {
  return dataset.shape ?? [dataset.channels, dataset.height, dataset.width];
}

/** Elements of one item: channels height width. */
export function imageSize(dataset: Dataset): number {
  return dataset.channels * dataset.height * dataset.width;
}

/** The images at the given positions, in that order, copied. OptionError if a position is outside the dataset. */
export function subset(dataset: Dataset, indices: ArrayLike<number>): Dataset {
  const size = imageSize(dataset);
  const images = emptyLike(dataset.images, indices.length * size);
  const labels = emptyLike(dataset.labels, indices.length);
  for (let i = 0; i < indices.length; i++) {
    const from = indices[i]!;
    const label = dataset.labels[from];
    if (label === undefined) throw new OptionError(`subset: no image ${from} in a dataset of ${dataset.labels.length}`);
    images.set(dataset.images.subarray(from * size, (from + 1) * size), i * size);
    labels[i] = label;
  }
  return { ...dataset, images, labels };
}

/**
 * Disjoint random parts of the given sizes, the same for a key: `const [train, validation] = splitDataset(data, [3000, 1000], key(0))`.
 * What is left over is in no part. OptionError if the sizes add up to more than there is.
 */
export function splitDataset<const Sizes extends readonly number[]>(
  dataset: Dataset,
  sizes: Sizes,
  key: Key,
): { [I in keyof Sizes]: Dataset } {
  const count = dataset.labels.length;
  const wanted = sizes.reduce((a, b) => a + b, 0);
  if (sizes.some((s) => !Number.isInteger(s) || s < 0) || wanted > count) {
    throw new OptionError(`splitDataset: parts of ${sizes.join(' + ')} images do not fit a dataset of ${count}`);
  }
  const order = permutation(key, count);
  let end = 0;
  return sizes.map((s) => subset(dataset, order.subarray(end, (end += s)))) as { [I in keyof Sizes]: Dataset };
}

/** Several datasets of one shape after one another. OptionError if their shapes or classes differ. */
export function concatDatasets(parts: readonly Dataset[]): Dataset {
  const first = parts[0];
  if (!first) throw new OptionError('concatDatasets: needs at least one dataset');
  const images = emptyLike(
    first.images,
    parts.reduce((n, part) => n + part.images.length, 0),
  );
  const labels = emptyLike(
    first.labels,
    parts.reduce((n, part) => n + part.labels.length, 0),
  );
  let image = 0;
  let label = 0;
  for (const part of parts) {
    if (shapeOf(part) !== shapeOf(first)) throw new OptionError(`concatDatasets: ${shapeOf(part)} does not join ${shapeOf(first)}`);
    images.set(part.images, image);
    labels.set(part.labels, label);
    image += part.images.length;
    label += part.labels.length;
  }
  return { ...first, images, labels };
}

function shapeOf(dataset: Dataset): string {
  const kind = dataset.images instanceof Uint8Array ? 'bytes' : 'floats';
  const labels = dataset.classes === 0 ? 'labelled with numbers' : `in ${dataset.classes} classes`;
  return `[n, ${itemShape(dataset).join(', ')}] ${kind} ${labels}`;
}
