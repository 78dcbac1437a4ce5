/** @file Splits, standardising, shuffling and augmentation, against their definitions. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { batches, channelStatistics, concatDatasets, type Dataset, imageSize, splitDataset, subset } from '../../src/data/index.ts';
import { OptionError } from '../../src/contract/errors.ts';
import { bits, key } from '../../src/core/random.ts';

/** n images of random pixels; the label of image i is i mod 10 and its first pixel is i, so that an image can be recognised. */
function randomImages(seed: number, n: number, channels: number, height: number, width: number): Dataset {
  const size = channels * height * width;
  const images = Uint8Array.from(bits(key(seed), n * size), (w) => w >>> 24);
  for (let i = 0; i < n; i++) images[i * size] = i;
  return { images, labels: Uint8Array.from({ length: n }, (_, i) => i % 10), channels, height, width, classes: 10 };
}

const collect = (
  data: Dataset,
  options: Parameters<typeof batches>[1],
): { images: number[]; labels: number[]; sizes: number[] } => {
  const all = [...batches(data, options)];
  return { images: all.flatMap((b) => [...b.images]), labels: all.flatMap((b) => [...b.labels]), sizes: all.map((b) => b.n) };
};

/** Which image each output of an unaugmented pass is, by its first pixel. */
const positions = (data: Dataset, options: Parameters<typeof batches>[1]): number[] =>
  collect(data, options)
    .images.filter((_, i) => i % imageSize(data) === 0)
    .map((v) => Math.round(v * 255));

describe('splits', () => {
  it('are disjoint, of the sizes asked for, and keep each image with its label', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.array(fc.nat(20), { minLength: 1, maxLength: 4 }), (seed, sizes) => {
        const data = randomImages(seed, 100, 1, 2, 2);
        const parts = splitDataset(data, sizes, key(seed));
        expect(parts.map((p) => p.labels.length)).toEqual(sizes);
        const seen = parts.flatMap((p) => positions(p, { batchSize: 7 }));
        expect(new Set(seen).size).toBe(seen.length);
        expect(parts.flatMap((p) => [...p.labels])).toEqual(seen.map((i) => i % 10));
      }),
      { seed: 1, numRuns: 50 },
    );
  });

  it('are the same for a key and differ between keys', () => {
    const data = randomImages(3, 60, 1, 2, 2);
    const order = (seed: number): number[] => positions(splitDataset(data, [40], key(seed))[0], { batchSize: 40 });
    expect(order(1)).toEqual(order(1));
    expect(order(1)).not.toEqual(order(2));
  });

  it('refuse more images than there are, and positions outside', () => {
    const data = randomImages(3, 10, 1, 2, 2);
    expect(() => splitDataset(data, [6, 5], key(0))).toThrow(OptionError);
    expect(() => subset(data, [10])).toThrow('no image 10');
    expect(() => concatDatasets([data, randomImages(3, 10, 3, 2, 2)])).toThrow('[n, 3, 2, 2]');
  });

  it('a dataset is the concatenation of its subsets', () => {
    const data = randomImages(5, 10, 3, 2, 4);
    expect(concatDatasets([subset(data, [0, 1, 2]), subset(data, [3, 4, 5, 6, 7, 8, 9])])).toEqual(data);
  });
});

describe('standardising', () => {
  it('gives the data it was computed on mean 0 and variance 1 in each channel', () => {
    const data = randomImages(7, 40, 3, 5, 4);
    const { images } = collect(data, { batchSize: 40, standardise: channelStatistics(data) });
    for (let c = 0; c < 3; c++) {
      const channel = images.filter((_, i) => Math.floor(i / 20) % 3 === c);
      const mean = channel.reduce((a, b) => a + b, 0) / channel.length;
      const variance = channel.reduce((a, b) => a + (b - mean) ** 2, 0) / channel.length;
      expect(mean).toBeCloseTo(0, 5);
      expect(variance).toBeCloseTo(1, 5);
    }
  });

  it('is exact for a channel of half black and half white pixels, and leaves a constant channel at 0', () => {
    const data: Dataset = {
      images: Uint8Array.of(0, 255, 51, 51),
      labels: Uint8Array.of(0),
      channels: 2,
      height: 1,
      width: 2,
      classes: 10,
    };
    expect(channelStatistics(data)).toEqual({ mean: [0.5, 0.2], std: [0.5, 1] });
    expect(collect(data, { batchSize: 1, standardise: channelStatistics(data) }).images).toEqual([-1, 1, 0, 0]);
  });
});

describe('batches', () => {
  it('without a key are the images in order, scaled to [0, 1], the last one smaller', () => {
    const data = randomImages(1, 10, 2, 3, 3);
    const { images, labels, sizes } = collect(data, { batchSize: 4 });
    expect(images).toEqual(Array.from(data.images, (p) => Math.fround(p / 255)));
    expect(labels).toEqual([...data.labels]);
    expect(sizes).toEqual([4, 4, 2]);
    expect(collect(data, { batchSize: 4, dropLast: true }).sizes).toEqual([4, 4]);
  });

  it('with a key hold each image once, in an order of its own each epoch', () => {
    const data = randomImages(1, 100, 1, 2, 2);
    const order = (epoch: number): number[] => positions(data, { batchSize: 9, key: key(5), epoch });
    for (const epoch of [0, 1, 2]) {
      expect(order(epoch)).toEqual(order(epoch));
      expect(order(epoch).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    }
    expect(order(0)).not.toEqual(order(1));
  });

  it('augment an image alike whatever the batch size', () => {
    const data = randomImages(2, 24, 3, 6, 6);
    const pass = (batchSize: number): number[] =>
      collect(data, { batchSize, key: key(9), augment: { crop: 2, flip: true, cutout: 3 } }).images;
    expect(pass(5)).toEqual(pass(24));
  });

  it('refuse impossible options by name', () => {
    const data = randomImages(1, 4, 1, 2, 2);
    expect(() => batches(data, { batchSize: 0 })).toThrow('batchSize 0');
    expect(() => batches(data, { batchSize: 1, augment: { flip: true } })).toThrow('augment needs a key');
    expect(() => batches(data, { batchSize: 1, key: key(0), augment: { crop: -1 } })).toThrow('crop -1');
    expect(() => batches(data, { batchSize: 1, standardise: { mean: [0, 0, 0], std: [1, 1, 1] } })).toThrow('3 channels');
  });
});

describe('augmentation', () => {
  const height = 5;
  const width = 4;
  const single = randomImages(11, 1, 1, height, width);
  const pixel = (y: number, x: number): number =>
    y < 0 || x < 0 || y >= height || x >= width ? 0 : single.images[y * width + x]! / 255;
  const image = (f: (y: number, x: number) => number): string =>
    Array.from({ length: height * width }, (_, i) => Math.round(f(Math.floor(i / width), i % width) * 255)).join();
  const drawn = (epoch: number, augment: { crop?: number; flip?: boolean; cutout?: number }): string =>
    collect(single, { batchSize: 1, key: key(17), epoch, augment })
      .images.map((v) => Math.round(v * 255))
      .join();
  const draws = 3600;

  /** Chi-squared of counts against equal ones. */
  const chiSquared = (counts: readonly number[]): number =>
    counts.reduce((sum, n) => sum + (n - draws / counts.length) ** 2 / (draws / counts.length), 0);

  it('crop shifts by -p..p each way, each of the 9 shifts equally often (N 3600, seed 17, chi-squared of 8 below 26.1: p 0.001)', () => {
    const shifts = [-1, 0, 1].flatMap((dy) => [-1, 0, 1].map((dx) => image((y, x) => pixel(y + dy, x + dx))));
    const counts = shifts.map(() => 0);
    for (let epoch = 0; epoch < draws; epoch++) counts[shifts.indexOf(drawn(epoch, { crop: 1 }))]!++;
    expect(counts.reduce((a, b) => a + b)).toBe(draws);
    expect(chiSquared(counts)).toBeLessThan(26.1);
  });

  it('flip mirrors left to right half of the time (N 3600, seed 17, chi-squared of 1 below 10.8: p 0.001)', () => {
    const both = [image(pixel), image((y, x) => pixel(y, width - 1 - x))];
    const counts = [0, 0];
    for (let epoch = 0; epoch < draws; epoch++) counts[both.indexOf(drawn(epoch, { flip: true }))]!++;
    expect(counts[0]! + counts[1]!).toBe(draws);
    expect(chiSquared(counts)).toBeLessThan(10.8);
  });

  it('cutout erases a square around each pixel equally often (N 3600, seed 17, chi-squared of 19 below 43.8: p 0.001)', () => {
    const centres = Array.from({ length: height * width }, (_, i) => {
      const [top, left] = [Math.floor(i / width) - 1, (i % width) - 1];
      return image((y, x) => (y >= top && y < top + 3 && x >= left && x < left + 3 ? 0 : pixel(y, x)));
    });
    const counts = centres.map(() => 0);
    for (let epoch = 0; epoch < draws; epoch++) counts[centres.indexOf(drawn(epoch, { cutout: 3 }))]!++;
    expect(counts.reduce((a, b) => a + b)).toBe(draws);
    expect(chiSquared(counts)).toBeLessThan(43.8);
  });

  it('cutout erases to the mean after standardising, crop pads with black', () => {
    const standardise = { mean: [0.5], std: [0.25] };
    const of = (augment: { crop?: number; cutout?: number }): number[] =>
      Array.from(
        { length: 60 },
        (_, epoch) => collect(single, { batchSize: 1, key: key(3), epoch, augment, standardise }).images,
      ).flat();
    expect(of({ cutout: 3 }).filter((v) => v === 0).length).toBeGreaterThan(60 * 4 - 1);
    expect(of({ crop: 1 }).filter((v) => v === -2).length).toBeGreaterThan(0);
  });
});
