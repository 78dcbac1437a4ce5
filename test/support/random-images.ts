/** @file Data sets of random pixels, and what a pass over one gives. */
import { batches, type Dataset, imageSize } from '../../src/data/index.ts';
import { bits, key } from '../../src/core/random.ts';

/** n images of random pixels; the label of image i is i mod 10 and its first pixel is i, so that an image can be recognised. */
export function randomImages(seed: number, n: number, channels: number, height: number, width: number): Dataset {
  const size = channels * height * width;
  const images = Uint8Array.from(bits(key(seed), n * size), (w) => w >>> 24);
  for (let i = 0; i < n; i++) images[i * size] = i;
  return { images, labels: Uint8Array.from({ length: n }, (_, i) => i % 10), channels, height, width, classes: 10 };
}

/** All that one pass gives. */
export const collect = (
  data: Dataset,
  options: Parameters<typeof batches>[1],
): { images: number[]; labels: number[]; sizes: number[] } => {
  const all = [...batches(data, options)];
  return { images: all.flatMap((b) => [...b.images]), labels: all.flatMap((b) => [...b.labels]), sizes: all.map((b) => b.n) };
};

/** Which image each output of an unaugmented pass is, by its first pixel. */
export const positions = (data: Dataset, options: Parameters<typeof batches>[1]): number[] =>
  collect(data, options)
    .images.filter((_, i) => i % imageSize(data) === 0)
    .map((v) => Math.round(v * 255));
