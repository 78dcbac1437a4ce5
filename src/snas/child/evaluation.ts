/** @file Accuracy of a network on a data set, and batch-norm statistics recomputed by forward passes alone. */
import { type BatchOptions, batches, type Dataset } from '../../data/index.ts';
import type { Device } from '../../core/tensor.ts';
import { OptionError } from '../../contract/errors.ts';
import { noGrad } from '../../core/grad-mode.ts';
import { BatchNorm2d } from '../../nn/layers.ts';
import type { Module } from '../../nn/module.ts';
import { stack } from '../../core/composites.ts';
import { add, assign, equal, max, reshape, sum, take } from '../../core/ops.ts';
import { scope } from '../../core/scope.ts';
import { crossEntropy } from '../../core/softmax.ts';
import type { Tensor } from '../../core/tensor.ts';

export interface Score {
  /** Fraction of images whose largest logit is the label's. */
  readonly accuracy: number;
  /** Mean cross-entropy in nats. */
  readonly loss: number;
}

/** How many rows of the logits [n, k] have their maximum at the label [n]: a scalar. */
export function correctCount(logits: Tensor, labels: Tensor): Tensor {
  return noGrad(() => {
    const attained = equal(logits, max(logits, 1, { keepDims: true }));
    return sum(take(attained, reshape(labels, [labels.size, 1])));
  });
}

/** Adds [sum of losses, correct images] of a batch to `totals`, in place. */
export function addToTotals(totals: Tensor, lossSum: Tensor, correct: Tensor): void {
  noGrad(() => assign(totals, add(totals, stack([lossSum, correct]))));
}

/** Scores `forward` on a data set, in batches, on the device; one read-back at the end. */
export async function score(
  device: Device,
  dataset: Dataset,
  options: BatchOptions,
  forward: (images: Tensor, index: number) => Tensor,
): Promise<Score> {
  const n = dataset.labels.length;
  if (n === 0) throw new OptionError('score: the data set is empty');
  const totals = device.parameter([0, 0], [2]);
  try {
    let index = 0;
    for (const batch of batches(dataset, options)) {
      scope(() =>
        noGrad(() => {
          const images = device.tensor(batch.images, [batch.n, dataset.channels, dataset.height, dataset.width]);
          const labels = device.tensor(batch.labels, [batch.n]);
          const logits = forward(images, index);
          addToTotals(totals, crossEntropy(logits, labels, { reduction: 'sum' }), correctCount(logits, labels));
        }),
      );
      index++;
      // Keeps the queue short, and a page responsive.
      if (index % 2 === 0) await device.finish();
    }
    const [loss, correct] = await totals.data();
    return { accuracy: correct! / n, loss: loss! / n };
  } finally {
    totals.dispose();
  }
}

/** All batch norms of a module. */
export function batchNorms(module: Module): BatchNorm2d[] {
  return [...module.modules()].filter((m) => m instanceof BatchNorm2d);
}

/** Runs `body` with batch statistics in use and the running ones left alone. */
export async function withBatchStatistics<T>(module: Module, body: () => Promise<T>): Promise<T> {
  const norms = batchNorms(module);
  const training = module.training;
  module.train();
  for (const norm of norms) norm.trackRunning = false;
  try {
    return await body();
  } finally {
    for (const norm of norms) norm.trackRunning = true;
    module.train(training);
  }
}

/**
 * Replaces running statistics by the average over some batches of training images: forward passes, no change of weights. A
 * child needs it, for its parent's running statistics are averages over many sampled architectures.
 */
export async function recomputeStatistics(
  module: Module,
  device: Device,
  dataset: Dataset,
  options: BatchOptions & { readonly batches: number },
  forward: (images: Tensor) => Tensor,
): Promise<void> {
  const norms = batchNorms(module);
  const momenta = norms.map((norm) => norm.momentum);
  const training = module.training;
  module.train();
  let seen = 0;
  for (const batch of batches(dataset, { ...options, dropLast: true })) {
    if (seen === options.batches) break;
    seen++;
    // 1, 1/2, 1/3, ...: the plain average.
    for (const norm of norms) norm.momentum = 1 / seen;
    scope(() =>
      noGrad(() => {
        forward(device.tensor(batch.images, [batch.n, dataset.channels, dataset.height, dataset.width]));
      }),
    );
    await device.finish();
  }
  norms.forEach((norm, i) => (norm.momentum = momenta[i]!));
  module.train(training);
  if (seen === 0) {
    throw new OptionError(`recomputeStatistics: ${dataset.labels.length} images make no batch of ${options.batchSize}`);
  }
}
