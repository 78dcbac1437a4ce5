/** @file Batches of a dataset as floats on the host: seeded shuffling, augmentation and standardising. */
import { OptionError } from '../contract/errors.ts';
import { foldIn, type Key, permutation } from '../core/random.ts';
import { type Augmentation, place, type Placement, UNCHANGED } from './augment.ts';
import { type Dataset, imageSize, itemShape } from './dataset.ts';
import type { ChannelStatistics } from './standardise.ts';

/** Some images of a dataset, ready to upload. */
export interface Batch {
  /** `[n, channels, height, width]` row-major; `[n, d]` of vectors. */
  readonly images: Float32Array<ArrayBuffer>;
  /** `[n]`, class numbers as floats, or the numbers to be predicted. */
  readonly labels: Float32Array<ArrayBuffer>;
  readonly n: number;
}

export interface BatchOptions {
  readonly batchSize: number;
  /** Shuffles and augments; the same key and epoch give the same batches. Without a key the order is the dataset's. */
  readonly key?: Key;
  /** Which pass over the data this is, >= 0. Default 0. */
  readonly epoch?: number;
  /** Needs a key. What happens to an image depends on key, epoch and its position in the dataset, not on the batch size. */
  readonly augment?: Augmentation;
  /** (pixel / 255 - mean) / std. Default: pixel / 255. Items that are floats are not divided by 255. */
  readonly standardise?: ChannelStatistics;
  /** Leave out a last batch that is smaller than batchSize, so that all have one shape. Default false. */
  readonly dropLast?: boolean;
}

const SHUFFLE = 0;
const AUGMENT = 1;

/** One pass over the dataset. OptionError if the options make no sense, or a label is none of the classes. */
export function batches(dataset: Dataset, options: BatchOptions): Generator<Batch, void, void> {
  const { batchSize, key, epoch = 0, augment, standardise } = options;
  if (!Number.isInteger(batchSize) || batchSize < 1)
    throw new OptionError(`batches: batchSize ${batchSize} must be an integer >= 1`);
  if (augment && !key) throw new OptionError('batches: augment needs a key');
  for (const name of ['crop', 'cutout'] as const) {
    const value = augment?.[name] ?? 0;
    if (!Number.isInteger(value) || value < 0) throw new OptionError(`batches: ${name} ${value} must be an integer >= 0`);
  }
  if (
    augment &&
    itemShape(dataset).length !== 3 &&
    ((augment.crop ?? 0) > 0 || augment.flip === true || (augment.cutout ?? 0) > 0)
  ) {
    throw new OptionError(
      `batches: augment crops, mirrors and erases images, not items of shape [${itemShape(dataset).join(', ')}]`,
    );
  }
  if (standardise && (standardise.mean.length !== dataset.channels || standardise.std.length !== dataset.channels)) {
    throw new OptionError(`batches: statistics of ${standardise.mean.length} channels for images of ${dataset.channels}`);
  }
  checkLabels(dataset);
  return generate(dataset, options, key && foldIn(key, epoch));
}

/** A dataset of the caller's own was read by none of our readers. */
function checkLabels({ labels, classes }: Dataset): void {
  if (classes === 0) return;
  for (const [i, label] of labels.entries()) {
    if (!(Number.isInteger(label) && label >= 0 && label < classes)) {
      throw new OptionError(`batches: label ${label} of image ${i} is none of the ${classes} classes, 0 to ${classes - 1}`);
    }
  }
}

function* generate(dataset: Dataset, options: BatchOptions, key: Key | undefined): Generator<Batch, void, void> {
  const { batchSize, augment, dropLast = false } = options;
  const { height, width } = dataset;
  const count = dataset.labels.length;
  const size = imageSize(dataset);
  const order = key && permutation(foldIn(key, SHUFFLE), count);
  const augmentKey = key && foldIn(key, AUGMENT);
  const toFloat = dataset.images instanceof Uint8Array ? pixelTables(dataset, options.standardise) : undefined;
  const end = dropLast ? count - (count % batchSize) : count;
  for (let start = 0; start < end; start += batchSize) {
    const n = Math.min(batchSize, count - start);
    const images = new Float32Array(n * size);
    const labels = new Float32Array(n);
    for (let i = 0; i < n; i++) {
      const from = order ? order[start + i]! : start + i;
      const placement = augmentKey && augment ? place(foldIn(augmentKey, from), height, width, augment) : UNCHANGED;
      const out = images.subarray(i * size, (i + 1) * size);
      draw(dataset, from, placement, toFloat ?? options.standardise, out);
      labels[i] = dataset.labels[from]!;
    }
    yield { images, labels, n };
  }
}

/** The float for each pixel value, by channel. */
function pixelTables(dataset: Dataset, standardise: ChannelStatistics | undefined): Float32Array[] {
  return Array.from({ length: dataset.channels }, (_, c) => {
    const mean = standardise?.mean[c] ?? 0;
    const std = standardise?.std[c] ?? 1;
    return Float32Array.from({ length: 256 }, (__, pixel) => (pixel / 255 - mean) / std);
  });
}

/** Draws one item: bytes through the table of their channel, floats by the statistics themselves. */
function draw(
  dataset: Dataset,
  index: number,
  placement: Placement,
  values: readonly Float32Array[] | ChannelStatistics | undefined,
  out: Float32Array,
): void {
  const { channels, height, width, images } = dataset;
  const { dy, dx, mirrored, erased } = placement;
  const tables = Array.isArray(values) ? (values as readonly Float32Array[]) : undefined;
  const statistics = tables ? undefined : (values as ChannelStatistics | undefined);
  for (let c = 0; c < channels; c++) {
    const table = tables?.[c];
    const mean = statistics?.mean[c] ?? 0;
    const std = statistics?.std[c] ?? 1;
    const source = (index * channels + c) * height * width;
    for (let y = 0; y < height; y++) {
      const row = y + dy;
      const inside = row >= 0 && row < height;
      for (let x = 0; x < width; x++) {
        const column = (mirrored ? width - 1 - x : x) + dx;
        const pixel = inside && column >= 0 && column < width ? images[source + row * width + column]! : 0;
        const cut = y >= erased.top && y < erased.bottom && x >= erased.left && x < erased.right;
        out[(c * height + y) * width + x] = cut ? 0 : table ? table[pixel]! : (pixel - mean) / std;
      }
    }
  }
}
