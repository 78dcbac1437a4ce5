/** @file A batch on a device: images [n, c, h, w] in the order of the file, labels [n], and both freed together. */
import { expect, it } from 'vitest';
import { batches, disposeBatch, imagesShape, uploadBatch, uploadImages } from '../../src/data/index.ts';
import { cpu } from '../../src/index.ts';

const device = cpu();
const dataset = {
  images: Uint8Array.from({ length: 3 * 2 * 2 * 4 }, (_, i) => i),
  labels: Uint8Array.of(2, 0, 1),
  channels: 2,
  height: 2,
  width: 4,
  classes: 3,
};

it('the tensors of a batch hold its pixels and classes, and disposing it leaves no tensor', async () => {
  const tensors = device.memory().tensors;
  const [first, last] = batches(dataset, { batchSize: 2 });
  const batch = uploadBatch(device, first!, dataset);
  expect(batch.images.shape).toEqual([2, 2, 2, 4]);
  expect([...(await batch.images.data())]).toEqual(Array.from({ length: 32 }, (_, i) => Math.fround(i / 255)));
  expect([...(await batch.labels.data())]).toEqual([2, 0]);
  const images = uploadImages(device, last!, dataset);
  expect(images.shape).toEqual(imagesShape(dataset, 1));
  images.dispose();
  disposeBatch(batch);
  expect(device.memory().tensors).toBe(tensors);
});

it('vectors are a batch of shape [n, d]', async () => {
  const vectors = {
    ...dataset,
    images: Float32Array.from({ length: 6 }, (_, i) => i),
    channels: 2,
    height: 1,
    width: 1,
    shape: [2],
  };
  const [first] = batches(vectors, { batchSize: 2 });
  const batch = uploadBatch(device, first!, vectors);
  expect([batch.images.shape, [...(await batch.images.data())]]).toEqual([
    [2, 2],
    [0, 1, 2, 3],
  ]);
  disposeBatch(batch);
});
