/** @file Softmax, log-softmax and the cross-entropy of a row over the last axis, fused. */
import { ShapeError } from '../contract/errors.ts';
import { type Fused, fusedByRow } from './fused.ts';
import { take } from './indexing.ts';
import { detach, div, exp, log, max, neg, permute, reshape, sub, sum } from './ops.ts';
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

/**
 * Negative log-likelihood of each row, [n]: logits [n, k], labels [n]. The labels take no gradient. A label that is no class makes its row
 * NaN, in the loss and in the gradient, as `take` and `put` do.
 */
export const crossEntropyFused: Fused<readonly [Tensor, Tensor], None, Tensor> = fusedByRow(
  'crossEntropy',
  ([logits, labels]: readonly [Tensor, Tensor]): Tensor =>
    neg(reshape(take(logSoftmaxFused.composite([logits], {}), reshape(labels, [labels.size, 1])), [labels.size])),
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
