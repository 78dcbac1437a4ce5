/** @file The categorical distribution that a relaxation stands for: its entropy. */
import { equal, exp, mul, sub, sum, where } from '../core/ops.ts';
import { logSoftmax } from '../core/softmax.ts';
import type { Tensor } from '../core/tensor.ts';

/**
 * Entropy in nats of softmax(logits) along an axis (default the last, which is reduced): -sum pi log pi, from 0 to log n. An
 * impossible option, whose logit is -Infinity, adds nothing and takes no gradient.
 */
export function categoricalEntropy(logits: Tensor, axis = -1): Tensor {
  const logPi = logSoftmax(logits, axis);
  // p log p goes to 0 with p, while 0 times infinity is no number.
  const nats = where(equal(logPi, -Infinity), 0, logPi);
  // 0 - x, not -x: certainty has entropy 0, not -0.
  return sub(0, sum(mul(exp(logPi), nats), axis));
}
