/** @file What a child says of examples: probabilities that sum to one, and the confusion that can be counted by hand. */
import { expect, it } from 'vitest';
import { cpu, flatten, key, OptionError, type Tensor } from '../../../src/index.ts';
import { Layer, Linear } from '../../../src/nn/index.ts';
import { confusionOf, type Prediction, predictions, score } from '../../../src/snas/index.ts';
import { quadrants } from '../../support/tiny-search.ts';

const device = cpu();
/** Logits of the pixels as vectors. */
const linear = new Linear(device, key(1), 64, 4);
const classifier = new (class extends Layer {
  forward(x: Tensor): Tensor {
    return linear.forward(flatten(x, 1));
  }
})();
const data = quadrants(150, 5);

it('gives a distribution for each example, in order, whatever the batches', async () => {
  const of = async (batchSize: number): Promise<Prediction[]> => {
    const all: Prediction[] = [];
    for await (const one of predictions(device, classifier, data, { batchSize })) all.push(one);
    return all;
  };
  const found = await of(64);
  expect(found.map(({ label }) => label)).toEqual([...data.labels]);
  for (const { logProbabilities, predicted } of found) {
    expect(logProbabilities.reduce((sum, l) => sum + Math.exp(l), 0)).toBeCloseTo(1, 12);
    expect(Math.max(...logProbabilities)).toBe(logProbabilities[predicted]);
  }
  // The softmax written out, from pixels that batches round to float32.
  const [weight, bias] = [await linear.weight.data(), await linear.bias!.data()];
  const pixels = Float32Array.from(data.images.subarray(0, 64), (v) => v / 255);
  const logits = Array.from({ length: 4 }, (_, k) => pixels.reduce((sum, v, i) => sum + v * weight[k * 64 + i]!, bias[k]!));
  const total = logits.reduce((sum, l) => sum + Math.exp(l), 0);
  for (const [k, l] of logits.entries()) expect(Math.exp(found[0]!.logProbabilities[k]!)).toBeCloseTo(Math.exp(l) / total, 10);
  expect(await of(7)).toEqual(found);
});

it('confusion has the accuracy and the loss of `score`, and every example once', async () => {
  const confusion = await confusionOf(predictions(device, classifier, data), 4);
  const scored = await score(device, data, { batchSize: 50 }, (x) => classifier.forward(x));
  expect(confusion.accuracy).toBeCloseTo(scored.accuracy, 12);
  expect(confusion.loss).toBeCloseTo(scored.loss, 12);
  expect(confusion.examples).toBe(150);
  confusion.counts.forEach((row, label) =>
    expect(row.reduce((a, b) => a + b, 0)).toBe(data.labels.filter((l) => l === label).length),
  );
});

it('confusion counts by label and class', async () => {
  const said = (label: number, p: number[]): Prediction => ({
    label,
    predicted: p.indexOf(Math.max(...p)),
    logProbabilities: p.map(Math.log),
  });
  const found = await confusionOf([said(0, [0.5, 0.5]), said(1, [0.25, 0.75]), said(1, [0.75, 0.25])], 2);
  expect(found.counts).toEqual([
    [1, 0],
    [1, 1],
  ]);
  expect(found.accuracy).toBeCloseTo(2 / 3, 12);
  expect(found.loss).toBeCloseTo(-(Math.log(0.5) + Math.log(0.75) + Math.log(0.25)) / 3, 12);
  await expect(confusionOf([], 2)).rejects.toThrow(OptionError);
});
