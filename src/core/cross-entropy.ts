/** @file Cross-entropy with PyTorch's options: class weights, an index to ignore, label smoothing; labels from the host are checked there. */
import { OptionError, ShapeError } from '../contract/errors.ts';
import { checkInteger, showShape, showValue } from '../contract/shape.ts';
import { checkRows, namesElement } from './checked.ts';
import { noGrad } from './grad-mode.ts';
import { take } from './indexing.ts';
import { add, div, equal, mul, reshape, sub, sum, where } from './ops.ts';
import { checkFloats } from './primitive.ts';
import { crossEntropyFused, logSoftmax } from './softmax.ts';
import { Tensor } from './tensor.ts';

/** Class numbers of n rows: a tensor [n] of floats, or an array or typed array, whose labels are checked before anything is computed. */
export type Labels = Tensor | ArrayLike<number> | ArrayLike<bigint>;

export interface CrossEntropyOptions {
  readonly reduction?: 'mean' | 'sum' | 'none';
  /** Mixes the target with the uniform distribution: (1 - s) onehot + s / k, 0 <= s <= 1. Default 0. */
  readonly labelSmoothing?: number;
  /** Rows with this label have loss and gradient 0, and the mean does not count them; it is NaN where no row is left. Default: none. */
  readonly ignoreIndex?: number;
  /** A weight for each class, [k]: row n counts w[label n] times, in the mean too. Default: 1 each. */
  readonly weights?: Tensor | ArrayLike<number>;
}

/**
 * Cross-entropy of logits [n, k] with labels [n] (integers 0..k-1): the mean over rows, in nats. VJP: g (softmax - target) / n.
 * With weights w, smoothing s and S = sum of w[label] over the rows that are not ignored, the mean is
 * sum_n (-(1 - s) w[label n] log p[n, label n] - s / k sum_c w_c log p[n, c]) / S: PyTorch's cross_entropy.
 *
 * Labels from the host outside the classes are an OptionError that names label, row and classes. In a tensor such a label makes its row
 * NaN, loss and gradient (and with it the mean); on a device opened with `checked: true` the next read-back names the row.
 */
export function crossEntropy(logits: Tensor, labels: Labels, options: CrossEntropyOptions = {}): Tensor {
  const { reduction = 'mean', labelSmoothing = 0, ignoreIndex } = options;
  if (!['mean', 'sum', 'none'].includes(reduction)) {
    throw new OptionError(`crossEntropy: reduction ${showValue(reduction)} must be 'mean', 'sum' or 'none'`);
  }
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new OptionError(`crossEntropy: labelSmoothing ${showValue(labelSmoothing)} must be in [0, 1]`);
  }
  if (ignoreIndex !== undefined) checkInteger('crossEntropy', 'ignoreIndex', ignoreIndex);
  const count = labels instanceof Tensor ? labels.shape : [labels.length];
  if (logits.rank !== 2 || count.length !== 1 || logits.shape[0] !== count[0]) {
    throw new ShapeError(`crossEntropy: logits ${showShape(logits.shape)} and labels ${showShape(count)} must be [n, k] and [n]`);
  }
  checkFloats('crossEntropy', labels instanceof Tensor ? [logits, labels] : [logits]);
  const classes = logits.shape[1]!;
  const { target, counted } =
    labels instanceof Tensor ? deviceLabels(labels, classes, ignoreIndex) : hostLabels(logits, labels, ignoreIndex);
  const weights = options.weights && classWeights(logits, options.weights);
  const weight = weights && reshape(take(reshape(weights, [1, classes]), reshape(target, [1, target.size])), [target.size]);
  let rows = crossEntropyFused([logits, target], {});
  if (weight) rows = mul(rows, weight);
  if (labelSmoothing > 0) {
    const each = logSoftmax(logits);
    const uniform = mul(sum(weights ? mul(each, weights) : each, 1), -labelSmoothing / classes);
    rows = add(mul(rows, 1 - labelSmoothing), uniform);
  }
  // Chosen, not multiplied: a row that is left out may be infinite, and the mean over no row passes an infinite cotangent back.
  if (counted) rows = where(counted, rows, 0);
  if (reduction === 'none') return rows;
  const total = sum(rows);
  if (reduction === 'sum') return total;
  if (weight) return div(total, sum(counted ? where(counted, weight, 0) : weight));
  return counted ? div(total, sum(counted)) : mul(total, 1 / target.size);
}

interface Target {
  /** [n]: the labels, 0 where they are ignored. */
  readonly target: Tensor;
  /** [n]: 1 for the rows that count; undefined where all do. */
  readonly counted: Tensor | undefined;
}

function deviceLabels(labels: Tensor, classes: number, ignoreIndex: number | undefined): Target {
  return noGrad(() => {
    const ignored = ignoreIndex === undefined ? undefined : equal(labels, ignoreIndex);
    const target = ignored ? where(ignored, 0, labels) : labels;
    if (labels.device.checked) {
      const rows = target.size;
      checkRows(`crossEntropy: the label of row {row} is none of the ${classes} classes, 0 to ${classes - 1}`, () =>
        namesElement(reshape(target, [rows, 1]), classes),
      );
    }
    return { target, counted: ignored && sub(1, ignored) };
  });
}

function hostLabels(logits: Tensor, labels: ArrayLike<number> | ArrayLike<bigint>, ignoreIndex: number | undefined): Target {
  const classes = logits.shape[1]!;
  const target = new Float64Array(labels.length);
  const counted = new Float64Array(labels.length).fill(1);
  let ignored = 0;
  for (let row = 0; row < labels.length; row++) {
    const given: unknown = labels[row];
    const label = typeof given === 'bigint' ? Number(given) : given;
    if (label === ignoreIndex && ignoreIndex !== undefined) {
      counted[row] = 0;
      ignored++;
    } else if (Number.isInteger(label) && (label as number) >= 0 && (label as number) < classes) {
      target[row] = label as number;
    } else {
      const hint = typeof label === 'number' && label < 0 ? `; pass { ignoreIndex: ${label} } to leave such rows out` : '';
      throw new OptionError(
        `crossEntropy: label ${showValue(given)} of row ${row} is none of the ${classes} classes, 0 to ${classes - 1}${hint}`,
      );
    }
  }
  const { device } = logits;
  return { target: device.tensor(target), counted: ignored > 0 ? device.tensor(counted) : undefined };
}

function classWeights(logits: Tensor, weights: Tensor | ArrayLike<number>): Tensor {
  const found = weights instanceof Tensor ? weights : logits.device.tensor(weights);
  if (found.rank !== 1 || found.shape[0] !== logits.shape[1]) {
    throw new ShapeError(`crossEntropy: weights ${showShape(found.shape)} must be [${logits.shape[1]}], one a class`);
  }
  checkFloats('crossEntropy', [found]);
  return found;
}
