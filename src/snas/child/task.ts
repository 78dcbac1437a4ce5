/** @file What a network is to learn: a loss and a metric of its outputs. */
import { crossEntropy } from '../../core/cross-entropy.ts';
import { noGrad } from '../../core/grad-mode.ts';
import { mul, reshape, sub, sum } from '../../core/ops.ts';
import type { Tensor } from '../../core/tensor.ts';
import { correctCount } from './totals.ts';

/** A loss and a metric. Both see the outputs [n, ...] and the targets [n, ...] of a batch. */
export interface Task {
  /** The mean loss over the batch, a scalar with its graph. */
  readonly loss: (outputs: Tensor, targets: Tensor) => Tensor;
  /** The sum of a figure of merit over the batch, a scalar without a graph; its mean over a data set is what metrics call accuracy. */
  readonly metric: (outputs: Tensor, targets: Tensor) => Tensor;
  /** The sum of losses over a batch, where it is not to be taken as n times their mean. */
  readonly lossSum?: (outputs: Tensor, targets: Tensor) => Tensor;
}

/** Cross-entropy in nats and accuracy of logits [n, classes] and class numbers [n]. */
export const classification: Task = {
  loss: (logits, labels) => crossEntropy(logits, labels),
  metric: correctCount,
  lossSum: (logits, labels) => crossEntropy(logits, labels, { reduction: 'sum' }),
};

/** Mean squared error of outputs [n, ...] and numbers of as many elements; the metric is the squared error of an example, so less is better. */
export const regression: Task = {
  loss: (outputs, targets) => mul(squaredErrors(outputs, targets), 1 / outputs.size),
  metric: (outputs, targets) => noGrad(() => mul(squaredErrors(outputs, targets), outputs.shape[0]! / outputs.size)),
};

function squaredErrors(outputs: Tensor, targets: Tensor): Tensor {
  const difference = sub(outputs, reshape(targets, outputs.shape));
  return sum(mul(difference, difference));
}
