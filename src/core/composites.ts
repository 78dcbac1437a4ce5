/** @file Composites: operations that are a few primitives, and take their gradients from them. */
import { ShapeError } from '../contract/errors.ts';
import {
  add,
  concat,
  equal,
  erf,
  exp,
  log,
  matmul,
  max,
  maximum,
  mul,
  neg,
  reshape,
  softplus,
  sub,
  sum,
  type ReduceOptions,
  where,
} from './ops.ts';
import { isGradEnabled, noGrad } from './grad-mode.ts';
import { scope } from './scope.ts';
import { checkInteger, normalizeAxes, normalizeAxis, sameShape, showShape, sizeOf } from '../contract/shape.ts';
import { addNode, type Tensor } from './tensor.ts';

/** |x|. VJP: g sign(x); the subgradient at 0 is 0. */
export function abs(x: Tensor): Tensor {
  return maximum(x, neg(x));
}

/** x^2. */
export function square(x: Tensor): Tensor {
  return mul(x, x);
}

/** log sigmoid(x) = -log(1 + e^-x), which neither underflows nor cancels where log of a sigmoid would. VJP: g sigmoid(-x). */
export function logSigmoid(x: Tensor): Tensor {
  return neg(softplus(neg(x)));
}

/** x Phi(x), Phi the normal distribution function (the exact form, not the tanh one). */
export function gelu(x: Tensor): Tensor {
  return mul(mul(x, 0.5), add(erf(mul(x, Math.SQRT1_2)), 1));
}

/** Joins tensors of one shape along a new axis. */
export function stack(xs: readonly Tensor[], axis = 0): Tensor {
  const rank = (xs[0]?.rank ?? 0) + 1;
  const at = normalizeAxis('stack', axis, rank);
  return concat(
    xs.map((x) => reshape(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)])),
    at,
  );
}

/** Mean over axes (default all). */
export function mean(x: Tensor, axes?: number | readonly number[], options: ReduceOptions = {}): Tensor {
  const list = normalizeAxes('mean', axes, x.rank);
  const count = sizeOf(list.map((i) => x.shape[i]!));
  if (count === 0) throw new ShapeError(`mean: ${showShape(x.shape)} has no elements along axes [${list.join(', ')}]`);
  return mul(sum(x, list, options), 1 / count);
}

/** Variance over axes: mean of the squared deviation, or with `correction` 1 the sample variance. Two passes. */
export function variance(
  x: Tensor,
  axes?: number | readonly number[],
  options: ReduceOptions & { readonly correction?: number } = {},
): Tensor {
  const list = normalizeAxes('variance', axes, x.rank);
  const count = sizeOf(list.map((i) => x.shape[i]!));
  const freedom = count - (options.correction ?? 0);
  if (!(freedom > 0)) {
    throw new ShapeError(
      `variance: ${count} element(s) along axes [${list.join(', ')}] of ${showShape(x.shape)} leave no degree of freedom with correction ${options.correction ?? 0}`,
    );
  }
  const centred = sub(x, mean(x, list, { keepDims: true }));
  return mul(sum(square(centred), list, options), 1 / freedom);
}

/**
 * log sum exp over an axis, without overflow: -Infinity where all are that, Infinity where one is. VJP: g e^(x - y), the softmax of x;
 * NaN where x = y is infinite.
 */
export function logSumExp(x: Tensor, axis = -1, options: ReduceOptions = {}): Tensor {
  const at = normalizeAxis('logSumExp', axis, x.rank);
  const kept = noGrad(() =>
    scope(() => {
      const top = max(x, at, { keepDims: true });
      // An infinite maximum is not subtracted, since infinity less itself is no number.
      const shift = where(add(equal(top, Infinity), equal(top, -Infinity)), 0, top);
      return add(log(sum(exp(sub(x, shift)), at, { keepDims: true })), shift);
    }),
  );
  if (isGradEnabled()) addNode('logSumExp', [x], kept, (g) => [mul(g, exp(sub(x, kept)))]);
  return options.keepDims
    ? kept
    : reshape(
        kept,
        x.shape.filter((_, i) => i !== at),
      );
}

/** Sum of a b, a scalar; a and b have one shape. */
export function dot(a: Tensor, b: Tensor): Tensor {
  if (!sameShape(a.shape, b.shape)) throw new ShapeError(`dot: ${showShape(a.shape)} and ${showShape(b.shape)} differ`);
  return sum(mul(a, b));
}

/** x W^T + b: x [n, in], weight [out, in], bias [out] -> [n, out] (PyTorch's layout). */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const y = matmul(x, weight, { transposeB: true });
  return bias ? add(y, bias) : y;
}

/** 1 at the label, 0 elsewhere: labels [n] of integers in [0, classes) -> [n, classes]. */
export function oneHot(labels: Tensor, classes: number): Tensor {
  checkInteger('oneHot', 'classes', classes, 0);
  return equal(
    reshape(labels, [labels.size, 1]),
    labels.device.constant(`arange ${classes}`, () => ({ data: Array.from({ length: classes }, (_, i) => i), shape: [classes] })),
  );
}

/**
 * Drops whole samples of a batch: x [n, ...] times mask [n], whose elements are 0 or 1 / (1 - p), so that the mean stays. The mask is
 * a tensor, drawn by the caller from a key: a captured step can be fed new ones. VJP: g mask. Larsson et al., FractalNet, 2017.
 */
export function dropPath(x: Tensor, mask: Tensor): Tensor {
  const n = x.shape[0];
  if (n === undefined || mask.size !== n) {
    throw new ShapeError(
      `dropPath: mask ${showShape(mask.shape)} needs one element for each of the ${n ?? 0} samples of ${showShape(x.shape)}`,
    );
  }
  return mul(x, reshape(mask, [n, ...x.shape.slice(1).map(() => 1)]));
}

export function zerosLike(x: Tensor): Tensor {
  return x.device.zeros(x.shape);
}

export function onesLike(x: Tensor): Tensor {
  return x.device.ones(x.shape);
}
