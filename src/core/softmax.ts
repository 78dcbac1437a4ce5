/** @file Softmax, log-softmax and cross-entropy over the last axis, fused. */
import { OptionError, ShapeError } from '../contract/errors.ts';
import { type Fused, fusedByRow } from './fused.ts';
import { mean, oneHot } from './composites.ts';
import { detach, div, exp, log, max, mul, neg, permute, sub, sum, where } from './ops.ts';
import { checkFloats } from './primitive.ts';
import { normalizeAxis, showShape } from '../contract/shape.ts';
import type { Tensor } from './tensor.ts';

type None = Readonly<Record<never, never>>;

/** e^(x - max) / sum e^(x - max) over the last axis. Shifts cancel, so the maximum takes no gradient. */
export const softmaxFused: Fused<readonly [Tensor], None, Tensor> = fusedByRow('softmax', ([x]: readonly [Tensor]): Tensor => {
  const e = exp(sub(x, detach(max(x, -1, { keepDims: true }))));
  return div(e, sum(e, -1, { keepDims: true }));
});

export const logSoftmaxFused: Fused<readonly [Tensor], None, Tensor> = fusedByRow(
  'logSoftmax',
  ([x]: readonly [Tensor]): Tensor => {
    const shifted = sub(x, detach(max(x, -1, { keepDims: true })));
    return sub(shifted, log(sum(exp(shifted), -1, { keepDims: true })));
  },
);

/** Negative log-likelihood of each row, [n]: logits [n, k], labels [n]. The labels take no gradient. */
export const crossEntropyFused: Fused<readonly [Tensor, Tensor], None, Tensor> = fusedByRow(
  'crossEntropy',
  ([logits, labels]: readonly [Tensor, Tensor]): Tensor => {
    const target = oneHot(labels, logits.shape[1]!);
    // Chosen, not multiplied: a logit of minus infinity masks its class, and infinity times 0 is no number.
    return neg(sum(where(target, logSoftmaxFused.composite([logits], {}), 0), 1));
  },
);

function alongLast(op: string, x: Tensor, axis: number, f: (x: Tensor) => Tensor): Tensor {
  const at = normalizeAxis(op, axis, x.rank);
  checkFloats(op, [x]);
  if (x.shape[at] === 0) throw new ShapeError(`${op}: ${showShape(x.shape)} is empty along axis ${at}`);
  if (at === x.rank - 1) return f(x);
  const swap = x.shape.map((_, i) => (i === at ? x.rank - 1 : i === x.rank - 1 ? at : i));
  return permute(f(permute(x, swap)), swap);
}

/** e^x / sum e^x over an axis (default the last), without overflow. VJP: y (g - sum g y). */
export function softmax(x: Tensor, axis = -1): Tensor {
  return alongLast('softmax', x, axis, (t) => softmaxFused([t], {}));
}

/** x - log sum e^x over an axis (default the last), without overflow. VJP: g - softmax(x) sum g. */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  return alongLast('logSoftmax', x, axis, (t) => logSoftmaxFused([t], {}));
}

export interface CrossEntropyOptions {
  readonly reduction?: 'mean' | 'sum' | 'none';
  /** Mixes the target with the uniform distribution: (1 - s) onehot + s / k. Default 0. */
  readonly labelSmoothing?: number;
}

/** Cross-entropy of logits [n, k] with labels [n] (integers 0..k-1): the mean over rows, in nats. VJP: g (softmax - target) / n. */
export function crossEntropy(logits: Tensor, labels: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { reduction = 'mean', labelSmoothing = 0 } = options;
  if (logits.rank !== 2 || labels.rank !== 1 || logits.shape[0] !== labels.shape[0]) {
    throw new ShapeError(
      `crossEntropy: logits ${showShape(logits.shape)} and labels ${showShape(labels.shape)} must be [n, k] and [n]`,
    );
  }
  if (!(labelSmoothing >= 0 && labelSmoothing < 1))
    throw new OptionError(`crossEntropy: labelSmoothing ${labelSmoothing} must be in [0, 1)`);
  let rows = crossEntropyFused([logits, labels], {});
  if (labelSmoothing > 0) {
    const uniform = neg(mean(logSoftmax(logits), 1));
    rows = sub(mul(rows, 1 - labelSmoothing), mul(uniform, -labelSmoothing));
  }
  return reduction === 'none' ? rows : reduction === 'sum' ? sum(rows) : mean(rows);
}
