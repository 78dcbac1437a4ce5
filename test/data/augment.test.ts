/** @file Augmentation draws what it says, equally often, by chi-squared. */
import { describe, expect, it } from 'vitest';
import { key } from '../../src/core/random.ts';
import { collect, randomImages } from '../support/random-images.ts';

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
