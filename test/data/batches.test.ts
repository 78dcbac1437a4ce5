/** @file Batches of a data set: their order, their sizes, and what is refused. */
import { describe, expect, it } from 'vitest';
import { OptionError } from '../../src/contract/errors.ts';
import { key } from '../../src/core/random.ts';
import { batches, type Dataset } from '../../src/data/index.ts';
import { collect, positions, randomImages } from '../support/random-images.ts';

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

  it('refuse a label that is none of the classes, by image, before the first batch', () => {
    const data = { ...randomImages(1, 6, 1, 2, 2), classes: 3 };
    const labelled = (...labels: number[]): (() => unknown) => {
      return () => batches({ ...data, labels: Uint8Array.from(labels) }, { batchSize: 2 });
    };
    expect(labelled(0, 1, 2, 0, 1, 2)).not.toThrow();
    expect(labelled(0, 1, 2, 0, 3, 9)).toThrow(OptionError);
    expect(labelled(0, 1, 2, 0, 3, 9)).toThrow('batches: label 3 of image 4 is none of the 3 classes, 0 to 2');
    // Plain JavaScript may hold labels in a list.
    const listed = [0, 0.5, 1, 2, 0, 0] as unknown as Uint8Array;
    expect(() => batches({ ...data, labels: listed }, { batchSize: 2 })).toThrow('label 0.5 of image 1');
  });

  it('refuse impossible options by name', () => {
    const data = randomImages(1, 4, 1, 2, 2);
    expect(() => batches(data, { batchSize: 0 })).toThrow('batchSize 0');
    expect(() => batches(data, { batchSize: 1, augment: { flip: true } })).toThrow('augment needs a key');
    expect(() => batches(data, { batchSize: 1, key: key(0), augment: { crop: -1 } })).toThrow('crop -1');
    expect(() => batches(data, { batchSize: 1, standardise: { mean: [0, 0, 0], std: [1, 1, 1] } })).toThrow('3 channels');
  });
});

describe('batches of floats', () => {
  const images: Dataset = {
    ...{ images: Float32Array.of(-1, 0.5, 3, 7), labels: Float32Array.of(0.25, -8), channels: 1, height: 1, width: 2, classes: 0 },
  };

  it('are the floats themselves, or (float - mean) / std; their labels are the numbers', () => {
    expect(collect(images, { batchSize: 2 })).toMatchObject({ images: [-1, 0.5, 3, 7], labels: [0.25, -8] });
    expect(collect(images, { batchSize: 2, standardise: { mean: [1], std: [2] } }).images).toEqual([-1, -0.25, 1, 3]);
  });

  it('are augmented as bytes are, and vectors are not', () => {
    const [flipped] = batches(images, { batchSize: 200, key: key(1), augment: { flip: true } });
    expect([...flipped!.images].map(Math.abs).sort((a, b) => a - b)).toEqual([0.5, 1, 3, 7]);
    const vectors: Dataset = { ...images, channels: 2, width: 1, shape: [2] };
    expect(() => batches(vectors, { batchSize: 1, key: key(1), augment: { flip: true } })).toThrow('not items of shape [2]');
    expect([...batches(vectors, { batchSize: 2, key: key(1), augment: { crop: 0 } })]).toHaveLength(1);
  });
});
