/** @file Splits, subsets and concatenations of data sets, against their definitions. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatDatasets, type Dataset, imageSize, itemShape, splitDataset, subset } from '../../src/data/index.ts';
import { OptionError } from '../../src/contract/errors.ts';
import { key } from '../../src/core/random.ts';
import { positions, randomImages } from '../support/random-images.ts';

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

  it('of a Buffer, as Node reads files, are plain arrays, which Node does not warn of', () => {
    const data = randomImages(3, 10, 1, 2, 2);
    const read = { ...data, images: Buffer.from(data.images), labels: Buffer.from(data.labels) };
    for (const { images, labels } of [subset(read, [1, 2]), concatDatasets([read, read])]) {
      expect(images.constructor).toBe(Uint8Array);
      expect(labels.constructor).toBe(Uint8Array);
    }
  });

  it('a dataset is the concatenation of its subsets', () => {
    const data = randomImages(5, 10, 3, 2, 4);
    expect(concatDatasets([subset(data, [0, 1, 2]), subset(data, [3, 4, 5, 6, 7, 8, 9])])).toEqual(data);
  });
});

describe('vectors and numbers', () => {
  const vectors: Dataset = {
    ...{ images: Float32Array.of(1, 2, 3, 4, 5, 6), labels: Float32Array.of(0.5, -1, 2) },
    ...{ channels: 2, height: 1, width: 1, classes: 0, shape: [2] },
  };

  it('have the shape that is said, images theirs', () => {
    expect([itemShape(vectors), imageSize(vectors)]).toEqual([[2], 2]);
    expect(itemShape({ channels: 3, height: 4, width: 5 })).toEqual([3, 4, 5]);
  });

  it('are divided and joined in their own types', () => {
    const picked = subset(vectors, [2, 0]);
    expect([picked.images, picked.labels, picked.shape]).toEqual([Float32Array.of(5, 6, 1, 2), Float32Array.of(2, 0.5), [2]]);
    const wide = subset({ ...vectors, labels: Uint16Array.of(1, 2, 300), classes: 301 }, [2]);
    expect(wide.labels).toEqual(Uint16Array.of(300));
    expect(concatDatasets([picked, vectors]).labels).toEqual(Float32Array.of(2, 0.5, 0.5, -1, 2));
    const bytes: Dataset = { ...vectors, images: new Uint8Array(6) };
    expect(() => concatDatasets([vectors, bytes])).toThrow(/\[n, 2\] bytes labelled with numbers does not join \[n, 2\] floats/);
  });
});
