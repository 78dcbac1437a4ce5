/** @file Accuracy of a network on a data set, and batch-norm statistics recomputed by forward passes alone. */
import { type BatchOptions, type BatchSource, type Dataset, sourceOf, uploadExamples, uploadInputs } from '../../data/index.ts';
import type { Device } from '../../core/tensor.ts';
import { OptionError } from '../../contract/errors.ts';
import type { StopSignal } from '../../contract/stop-signal.ts';
import { nextTask } from '../../core/event-loop.ts';
import { noGrad } from '../../core/grad-mode.ts';
import { BatchNorm2d } from '../../nn/layers.ts';
import type { Module } from '../../nn/module.ts';
import { scope } from '../../core/scope.ts';
import { mul } from '../../core/ops.ts';
import type { Tensor } from '../../core/tensor.ts';
import { classification, type Task } from './task.ts';
import { Totals } from './totals.ts';

export interface Score {
  /** Mean of the task's metric: by default the fraction of images whose largest logit is the label's. */
  readonly accuracy: number;
  /** Mean of the task's loss: by default cross-entropy in nats. */
  readonly loss: number;
}

export interface EvaluationOptions {
  /** Ends the evaluation after the batch that is under way, by throwing the signal's reason. */
  readonly signal?: StopSignal | undefined;
  /** Default: cross-entropy and accuracy. */
  readonly task?: Task | undefined;
}

/**
 * Scores `forward` on a data set, in batches, on the device; one read-back at the end. Returns to the event loop after every batch.
 */
export async function score(
  device: Device,
  data: Dataset | BatchSource,
  options: BatchOptions & EvaluationOptions,
  forward: (images: Tensor, index: number) => Tensor,
): Promise<Score> {
  const { task = classification, signal } = options;
  const source = sourceOf(data, options);
  const n = source.length;
  if (n === 0) throw new OptionError('score: the data set is empty');
  const totals = new Totals(device);
  try {
    let index = 0;
    for (const batch of source.batches(options)) {
      scope(() =>
        noGrad(() => {
          const { images, labels } = uploadExamples(device, batch, source);
          const outputs = forward(images, index);
          const lossSum = task.lossSum?.(outputs, labels) ?? mul(task.loss(outputs, labels), batch.n);
          totals.add(lossSum, task.metric(outputs, labels));
        }),
      );
      index++;
      // Keeps the queue short.
      if (index % 2 === 0) await device.finish();
      await nextTask(signal);
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
  data: Dataset | BatchSource,
  options: BatchOptions & EvaluationOptions & { readonly batches: number },
  forward: (images: Tensor) => Tensor,
): Promise<void> {
  const norms = batchNorms(module);
  // Nothing to recompute.
  if (norms.length === 0) return;
  const source = sourceOf(data, options);
  const momenta = norms.map((norm) => ({ norm, momentum: norm.momentum }));
  const training = module.training;
  module.train();
  let seen = 0;
  try {
    for (const batch of source.batches({ ...options, dropLast: true })) {
      if (seen === options.batches) break;
      seen++;
      // 1, 1/2, 1/3, ...: the plain average.
      for (const norm of norms) norm.momentum = 1 / seen;
      scope(() =>
        noGrad(() => {
          forward(uploadInputs(device, batch, source));
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
    throw new OptionError(`recomputeStatistics: ${source.length} images make no batch of ${options.batchSize}`);
  }
}
