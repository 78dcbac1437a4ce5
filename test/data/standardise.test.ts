/** @file Standardising: mean 0 and variance 1 in each channel. */
import { describe, expect, it } from 'vitest';
import { channelStatistics, type Dataset } from '../../src/data/index.ts';
import { collect, randomImages } from '../support/random-images.ts';

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

it('floats are taken as they are, a vector by feature; a constant feature, whatever its rounding, has the deviation 1', () => {
  const vectors: Dataset = {
    images: Float32Array.of(1, 0.1, 3, 0.1, 5, 0.1),
    labels: Float32Array.of(0, 0, 0),
    ...{ channels: 2, height: 1, width: 1, classes: 0, shape: [2] },
  };
  const { mean, std } = channelStatistics(vectors);
  expect([mean[0], std[1]]).toEqual([3, 1]);
  expect(mean[1]).toBeCloseTo(Math.fround(0.1), 12);
  expect(std[0]).toBeCloseTo(Math.sqrt(8 / 3), 12);
});
