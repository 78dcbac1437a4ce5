/** @file The categorical distribution that a relaxation stands for: its entropy. */
import { exp, mul, sub, sum } from '../core/ops.ts';
import { logSoftmax } from '../core/softmax.ts';
import type { Tensor } from '../core/tensor.ts';

/** Entropy in nats of softmax(logits) along an axis (default the last, which is reduced): -sum pi log pi, from 0 to log n. */
export function categoricalEntropy(logits: Tensor, axis = -1): Tensor {
  const logPi = logSoftmax(logits, axis);
  // 0 - x, not -x: certainty has entropy 0, not -0.
  return sub(0, sum(mul(exp(logPi), logPi), axis));
}
