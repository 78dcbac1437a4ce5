/** @file What a child says of examples: probabilities of the classes, and how often each class is taken for which. */
import { largestOf } from '../../contract/extremes.ts';
import { OptionError } from '../../contract/errors.ts';
import type { StopSignal } from '../../contract/stop-signal.ts';
import { nextTask } from '../../core/event-loop.ts';
import { noGrad } from '../../core/grad-mode.ts';
import { scope } from '../../core/scope.ts';
import { logSoftmax } from '../../core/softmax.ts';
import type { Device, Tensor } from '../../core/tensor.ts';
import { type BatchSource, type Dataset, sourceOf, uploadInputs } from '../../data/index.ts';
import type { Layer } from '../../nn/module.ts';

export interface Prediction {
  /** Natural logarithms of the classes' probabilities. */
  readonly logProbabilities: readonly number[];
  /** The class with the largest; of equal ones the first. */
  readonly predicted: number;
  /** What the data say, where they say it. */
  readonly label: number;
}

export interface PredictionOptions {
  /** Examples at a time. Default 64. */
  readonly batchSize?: number;
  /** Ends after the batch that is under way, by throwing the signal's reason. */
  readonly signal?: StopSignal | undefined;
  /** Called after each batch. */
  readonly onProgress?: (done: number, of: number) => void;
}

/**
 * What a network of logits [n, classes] says of each example, in the data's order, in evaluation mode. A data set is taken as it is: give a
 * source that standardises as the network's own images were.
 */
export async function* predictions(
  device: Device,
  network: Layer,
  data: Dataset | BatchSource,
  options: PredictionOptions = {},
): AsyncGenerator<Prediction, void, void> {
  for await (const { values, label } of rowsOf(device, network, data, options, logSoftmax)) {
    const logProbabilities = Array.from(values);
    yield { logProbabilities, predicted: logProbabilities.indexOf(largestOf(logProbabilities)), label };
  }
}

/** What a network of numbers [n, d] (a regression) puts out for each example, in the data's order, in evaluation mode. */
export async function* outputs(
  device: Device,
  network: Layer,
  data: Dataset | BatchSource,
  options: PredictionOptions = {},
): AsyncGenerator<readonly number[], void, void> {
  for await (const { values } of rowsOf(device, network, data, options, (rows) => rows)) yield Array.from(values);
}

async function* rowsOf(
  device: Device,
  network: Layer,
  data: Dataset | BatchSource,
  { batchSize = 64, signal, onProgress }: PredictionOptions,
  of: (rows: Tensor) => Tensor,
): AsyncGenerator<{ readonly values: ArrayLike<number>; readonly label: number }, void, void> {
  const source = sourceOf(data);
  network.eval();
  let done = 0;
  for (const batch of source.batches({ batchSize })) {
    const rows = scope(() => noGrad(() => of(network.forward(uploadInputs(device, batch, source)))));
    if (rows.rank !== 2)
      throw new OptionError(`predictions: the network makes [${rows.shape.join(', ')}], not rows [n, outputs] of its examples`);
    const width = rows.shape[1]!;
    const values = await rows.data();
    rows.dispose();
    for (let i = 0; i < batch.n; i++) yield { values: values.subarray(i * width, (i + 1) * width), label: batch.labels[i]! };
    done += batch.n;
    onProgress?.(done, source.length);
    await nextTask(signal);
  }
}

export interface Confusion {
  /** counts[label][predicted]. */
  readonly counts: readonly (readonly number[])[];
  /** How many examples. */
  readonly examples: number;
  /** The fraction on the diagonal. */
  readonly accuracy: number;
  /** Mean cross-entropy in nats. */
  readonly loss: number;
}

/** Predictions counted by label and class. OptionError where there are none. */
export async function confusionOf(found: AsyncIterable<Prediction> | Iterable<Prediction>, classes: number): Promise<Confusion> {
  const counts = Array.from({ length: classes }, () => Array.from({ length: classes }, () => 0));
  let examples = 0;
  let right = 0;
  let loss = 0;
  for await (const { logProbabilities, predicted, label } of found) {
    counts[label]![predicted]!++;
    examples++;
    if (label === predicted) right++;
    loss -= logProbabilities[label]!;
  }
  if (examples === 0) throw new OptionError('confusion: there are no examples');
  return { counts, examples, accuracy: right / examples, loss: loss / examples };
}
