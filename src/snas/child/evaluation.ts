/** @file Accuracy of a network on a data set, and batch-norm statistics recomputed by forward passes alone. */
import { type BatchOptions, batches, type Dataset, uploadBatch, uploadImages } from '../../data/index.ts';
import type { Device } from '../../core/tensor.ts';
import { OptionError } from '../../contract/errors.ts';
import type { StopSignal } from '../../contract/stop-signal.ts';
import { nextTask } from '../../core/event-loop.ts';
import { noGrad } from '../../core/grad-mode.ts';
import { BatchNorm2d } from '../../nn/layers.ts';
import type { Module } from '../../nn/module.ts';
import { scope } from '../../core/scope.ts';
import { crossEntropy } from '../../core/cross-entropy.ts';
import type { Tensor } from '../../core/tensor.ts';
import { Totals } from './totals.ts';

export interface Score {
  /** Fraction of images whose largest logit is the label's. */
  readonly accuracy: number;
  /** Mean cross-entropy in nats. */
  readonly loss: number;
}

export interface EvaluationOptions {
  /** Ends the evaluation after the batch that is under way, by throwing the signal's reason. */
  readonly signal?: StopSignal | undefined;
}

/**
 * Scores `forward` on a data set, in batches, on the device; one read-back at the end. Returns to the event loop after every batch.
 */
export async function score(
  device: Device,
  dataset: Dataset,
  options: BatchOptions & EvaluationOptions,
  forward: (images: Tensor, index: number) => Tensor,
): Promise<Score> {
  const n = dataset.labels.length;
  if (n === 0) throw new OptionError('score: the data set is empty');
  const totals = new Totals(device);
  try {
    let index = 0;
    for (const batch of batches(dataset, options)) {
      scope(() =>
        noGrad(() => {
          const { images, labels } = uploadBatch(device, batch, dataset);
          const logits = forward(images, index);
          totals.add(crossEntropy(logits, labels, { reduction: 'sum' }), logits, labels);
        }),
      );
      index++;
      // Keeps the queue short.
      if (index % 2 === 0) await device.finish();
      await nextTask(options.signal);
    }
    const { loss, correct } = await totals.read();
    return { accuracy: correct / n, loss: loss / n };
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
 * child needs it, for its parent's running statistics are averages over many sampled architectures. Returns to the event loop after every
 * batch. A signal that stops it leaves the module's statistics half-way.
 */
export async function recomputeStatistics(
  module: Module,
  device: Device,
  dataset: Dataset,
  options: BatchOptions & EvaluationOptions & { readonly batches: number },
  forward: (images: Tensor) => Tensor,
): Promise<void> {
  const norms = batchNorms(module);
  const momenta = norms.map((norm) => ({ norm, momentum: norm.momentum }));
  const training = module.training;
  module.train();
  let seen = 0;
  try {
    for (const batch of batches(dataset, { ...options, dropLast: true })) {
      if (seen === options.batches) break;
      seen++;
      // 1, 1/2, 1/3, ...: the plain average.
      for (const norm of norms) norm.momentum = 1 / seen;
      scope(() =>
        noGrad(() => {
          forward(uploadImages(device, batch, dataset));
        }),
      );
      await device.finish();
      await nextTask(options.signal);
    }
  } finally {
    for (const { norm, momentum } of momenta) norm.momentum = momentum;
    module.train(training);
  }
  if (seen === 0) {
    throw new OptionError(`recomputeStatistics: ${dataset.labels.length} images make no batch of ${options.batchSize}`);
  }
}
