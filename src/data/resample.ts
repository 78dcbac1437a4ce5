/**
 * @file Images of one size and colour: centre crop or stretch, and grey or colour, the same on every machine to the bit.
 *
 * Resampling is by a triangle filter as wide as the step between output pixels (bilinear where an image grows, an antialiased mean where it
 * shrinks), separable, centres at half pixels: what Pillow and torchvision (`antialias=True`) call bilinear. It uses +, * and / in float64
 * alone, in one order, so that Node and pages agree.
 */
import { DataFileError } from '../contract/errors.ts';
import { type Dataset, itemShape } from './dataset.ts';
import type { Reading } from './reading.ts';

/** An image wherever its elements are: pixel (c, y, x) is `data[c * channelStep + y * rowStep + x * columnStep]`. */
export interface Pixels {
  readonly data: Uint8Array | Uint8ClampedArray | Float32Array;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly channelStep: number;
  readonly rowStep: number;
  readonly columnStep: number;
}

/** An image of [channels, height, width] after one another. */
export function planar(data: Pixels['data'], channels: number, height: number, width: number): Pixels {
  return { data, channels, height, width, channelStep: height * width, rowStep: width, columnStep: 1 };
}

/** An image of [height, width, step] after one another, of whose `step` values the first `channels` count. */
export function interleaved(data: Pixels['data'], channels: number, height: number, width: number, step: number): Pixels {
  return { data, channels, height, width, channelStep: 1, rowStep: width * step, columnStep: step };
}

/** Channels, height and width of an image once it is read so. */
export function readShape(
  { channels, height, width }: Pick<Pixels, 'channels' | 'height' | 'width'>,
  { size, colour }: Pick<Reading, 'size' | 'colour'>,
): [channels: number, height: number, width: number] {
  const inColour = colour === 'rgb' ? 3 : colour === 'grey' ? 1 : channels;
  return [inColour, size ?? height, size ?? width];
}

/**
 * Writes the image in the asked size and colour to `out`, [channels, height, width] as `readShape` has it: cropped, then coloured, then
 * resampled. Bytes are rounded to the nearest. DataFileError, naming `name`, for a colour that images of so many channels do not have.
 */
export function resample(
  name: string,
  image: Pixels,
  reading: Pick<Reading, 'size' | 'fit' | 'colour'>,
  out: Dataset['images'],
): void {
  const { size, fit = 'crop', colour } = reading;
  const source = inColour(name, size !== undefined && fit === 'crop' ? centreSquare(image) : image, colour);
  const [channels, height, width] = readShape(source, reading);
  const same = height === source.height && width === source.width;
  const [rows, columns] = same ? [[], []] : [weights(source.height, height), weights(source.width, width)];
  for (let c = 0; c < channels; c++) {
    const from = source.data.subarray(c * source.channelStep);
    const to = out.subarray(c * height * width, (c + 1) * height * width);
    if (same) copyPlane(source, from, to);
    else resamplePlane(source, from, rows, columns, to);
  }
}

function copyPlane({ height, width, rowStep, columnStep }: Pixels, from: Pixels['data'], to: Dataset['images']): void {
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) to[y * width + x] = from[y * rowStep + x * columnStep]!;
  }
}

/** First along the rows, then along the columns. */
function resamplePlane(
  { height, rowStep, columnStep }: Pixels,
  from: Pixels['data'],
  rows: readonly Weights[],
  columns: readonly Weights[],
  to: Dataset['images'],
): void {
  const width = columns.length;
  const narrow = new Float64Array(height * width);
  for (let y = 0; y < height; y++) {
    columns.forEach(({ first, shares }, x) => {
      let sum = 0;
      for (let k = 0; k < shares.length; k++) sum += shares[k]! * from[y * rowStep + (first + k) * columnStep]!;
      narrow[y * width + x] = sum;
    });
  }
  const bytes = to instanceof Uint8Array;
  rows.forEach(({ first, shares }, y) => {
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let k = 0; k < shares.length; k++) sum += shares[k]! * narrow[(first + k) * width + x]!;
      to[y * width + x] = bytes ? Math.floor(sum + 0.5) : sum;
    }
  });
}

/** What one output pixel is made of: input pixels from `first` on, by their shares, which add up to 1. */
interface Weights {
  readonly first: number;
  readonly shares: Float64Array;
}

/** The triangle filter from `from` pixels to `to`. */
function weights(from: number, to: number): Weights[] {
  const scale = from / to;
  const support = Math.max(1, scale);
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.floor(centre - support));
    const last = Math.min(from, Math.ceil(centre + support));
    const shares = Float64Array.from({ length: last - first }, (__, k) =>
      Math.max(0, 1 - Math.abs(first + k + 0.5 - centre) / support),
    );
    const sum = shares.reduce((a, b) => a + b, 0);
    return { first, shares: shares.map((share) => share / sum) };
  });
}

/** The largest square in the middle; of an odd rest, the smaller half is on the left and on top. */
function centreSquare(image: Pixels): Pixels {
  const { height, width, rowStep, columnStep } = image;
  const side = Math.min(height, width);
  const offset = Math.floor((height - side) / 2) * rowStep + Math.floor((width - side) / 2) * columnStep;
  return { ...image, data: image.data.subarray(offset), height: side, width: side };
}

/** The image in the asked colour. Grey shares are Rec. 601's; of bytes the sum of integers is rounded. */
function inColour(name: string, image: Pixels, colour: Reading['colour']): Pixels {
  const { data, channels, height, width, channelStep, rowStep, columnStep } = image;
  if (colour === undefined || (colour === 'rgb' && channels === 3) || (colour === 'grey' && channels === 1)) return image;
  // The one channel three times.
  if (colour === 'rgb' && channels === 1) return { ...image, channels: 3, channelStep: 0 };
  if (channels !== 3)
    throw new DataFileError(`${name}: images of ${channels} channels are neither colour nor grey: leave out the colour`);
  const floats = data instanceof Float32Array;
  const grey = floats ? new Float32Array(height * width) : new Uint8Array(height * width);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * rowStep + x * columnStep;
      const sum = 299 * data[at]! + 587 * data[at + channelStep]! + 114 * data[at + 2 * channelStep]!;
      grey[y * width + x] = floats ? sum / 1000 : Math.floor((sum + 500) / 1000);
    }
  }
  return planar(grey, 1, height, width);
}

/** All images of a dataset in the asked size and colour. */
export function resampleDataset(name: string, dataset: Dataset, reading: Pick<Reading, 'size' | 'fit' | 'colour'>): Dataset {
  if (reading.size === undefined && reading.colour === undefined) return dataset;
  const { images, labels, channels: c, height: h, width: w } = dataset;
  if (itemShape(dataset).length !== 3) throw new DataFileError(`${name}: vectors have neither size nor colour: leave them out`);
  const [channels, height, width] = readShape(dataset, reading);
  const [before, after] = [c * h * w, channels * height * width];
  const out = images instanceof Uint8Array ? new Uint8Array(labels.length * after) : new Float32Array(labels.length * after);
  for (let i = 0; i < labels.length; i++) {
    const image = planar(images.subarray(i * before, (i + 1) * before), c, h, w);
    resample(name, image, reading, out.subarray(i * after, (i + 1) * after));
  }
  return { ...dataset, images: out, channels, height, width };
}
