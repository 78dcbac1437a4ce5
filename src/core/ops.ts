/** @file Differentiable operations: primitives with their one-line VJPs, and composites of them. */
import { forwardRow, rowOf } from './fused-rows.ts';
import { addOperation, apply, applyInPlace, checkFloats, deviceOf, type Operand, shapeOf } from './primitive.ts';
import { OptionError, ShapeError } from '../contract/errors.ts';
import { isGradEnabled, noGrad } from './grad-mode.ts';
import { scope } from './scope.ts';
import { shared } from './share-equal.ts';
import { addNode } from './tensor.ts';
import {
  broadcastShapes,
  checkInteger,
  checkList,
  checkShape,
  normalizeAxes,
  normalizeAxis,
  sameShape,
  type Shape,
  showShape,
  showValue,
  sizeOf,
} from '../contract/shape.ts';
import { Tensor } from './tensor.ts';

export type { Operand } from './primitive.ts';

// Unary, elementwise.

/** -x. VJP: -g. */
export function neg(x: Tensor): Tensor {
  return apply('neg', {}, [x], x.shape, [(g) => neg(g)]);
}

/** e^x. VJP: g y. */
export function exp(x: Tensor): Tensor {
  return apply('exp', {}, [x], x.shape, [(g, y) => mul(g, y)]);
}

/** Natural logarithm. VJP: g / x. */
export function log(x: Tensor): Tensor {
  return apply('log', {}, [x], x.shape, [(g) => div(g, x)]);
}

/** Square root. VJP: g / (2 y). */
export function sqrt(x: Tensor): Tensor {
  return apply('sqrt', {}, [x], x.shape, [(g, y) => div(mul(g, 0.5), y)]);
}

/** 1 / x. VJP: -g y^2. */
export function reciprocal(x: Tensor): Tensor {
  return apply('reciprocal', {}, [x], x.shape, [(g, y) => neg(mul(g, mul(y, y)))]);
}

/** max(x, 0). VJP: g where x > 0, which is where y is not 0; the subgradient at 0 is 0. */
export function relu(x: Tensor): Tensor {
  return apply('relu', {}, [x], x.shape, [(g, y) => where(y, g, 0)]);
}

/** 1 where x > 0, else 0. Piecewise constant: no gradient. */
export function step(x: Tensor): Tensor {
  return apply('step', {}, [x], x.shape);
}

/** Hyperbolic tangent. VJP: g (1 - y^2). */
export function tanh(x: Tensor): Tensor {
  return apply('tanh', {}, [x], x.shape, [(g, y) => mul(g, sub(1, mul(y, y)))]);
}

/** Error function. VJP: g 2 / sqrt(pi) exp(-x^2). */
export function erf(x: Tensor): Tensor {
  return apply('erf', {}, [x], x.shape, [(g) => mul(g, mul(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI)))]);
}

/** 1 / (1 + e^-x), accurate in both tails. VJP: g sigmoid(x) sigmoid(-x), which is so too where 1 - y would cancel. */
export function sigmoid(x: Tensor): Tensor {
  return apply('sigmoid', {}, [x], x.shape, [(g, y) => mul(g, mul(y, sigmoid(neg(x))))]);
}

/** log(1 + e^x), accurate in both tails and without overflow. VJP: g sigmoid(x). */
export function softplus(x: Tensor): Tensor {
  return apply('softplus', {}, [x], x.shape, [(g) => mul(g, sigmoid(x))]);
}

// Binary, elementwise, with NumPy's broadcasting: a VJP is summed back to its operand's shape.

/** The shape of the result, and one operand's share of the cotangent summed back to its shape. */
function broadcastPair(
  op: string,
  a: Operand,
  b: Operand,
): { shape: Shape; toA: (g: Tensor) => Tensor; toB: (g: Tensor) => Tensor } {
  const [shapeA, shapeB] = [shapeOf(op, a), shapeOf(op, b)];
  return { shape: broadcastShapes(op, shapeA, shapeB), toA: (g) => sumTo(g, shapeA), toB: (g) => sumTo(g, shapeB) };
}

/** a + b. VJP: g, g. */
export function add(a: Operand, b: Operand): Tensor {
  const { shape, toA, toB } = broadcastPair('add', a, b);
  return apply('add', {}, [a, b], shape, [toA, toB]);
}

/**
 * The sum of tensors of one shape, added from the left. VJP: g to each. A device may have a kernel that adds many at once, to the same
 * bits as the chain of additions.
 */
export function addAll(xs: readonly Tensor[]): Tensor {
  const device = deviceOf('addAll', xs);
  checkFloats('addAll', xs);
  for (const x of xs) x.operand('addAll');
  const [head, ...rest] = xs as readonly [Tensor, ...Tensor[]];
  for (const x of rest) {
    if (!sameShape(x.shape, head.shape)) {
      throw new ShapeError(`addAll: ${showShape(x.shape)} and ${showShape(head.shape)} differ; all terms must have one shape`);
    }
  }
  const row = rowOf(device, 'addAll');
  if (!row || xs.length <= 2 || head.size === 0)
    return rest.length === 0 ? alias(head) : rest.reduce((sum, x) => add(sum, x), head);
  let sum = head;
  for (let next = 1; next < xs.length; next += row.atMost - 1) {
    const terms = [sum, ...xs.slice(next, next + row.atMost - 1)];
    const more = forwardRow('addAll', row, {}, terms, [head.shape], false).outputs[0]!;
    if (sum !== head) sum.dispose();
    sum = more;
  }
  if (isGradEnabled()) addNode('addAll', xs, sum, (g) => xs.map(() => g));
  return sum;
}

/** a - b. VJP: g, -g. */
export function sub(a: Operand, b: Operand): Tensor {
  const { shape, toA, toB } = broadcastPair('sub', a, b);
  return apply('sub', {}, [a, b], shape, [toA, (g) => neg(toB(g))]);
}

/** a b. VJP: g b, g a. */
export function mul(a: Operand, b: Operand): Tensor {
  const { shape, toA, toB } = broadcastPair('mul', a, b);
  return apply('mul', {}, [a, b], shape, [(g) => toA(mul(g, b)), (g) => toB(mul(g, a))]);
}

/** a / b. VJP: g / b, -g y / b. */
export function div(a: Operand, b: Operand): Tensor {
  const { shape, toA, toB } = broadcastPair('div', a, b);
  return apply('div', {}, [a, b], shape, [(g) => toA(div(g, b)), (g, y) => neg(toB(div(mul(g, y), b)))]);
}

/** max(a, b), NaN where either is. VJP: g to the larger operand; half to each where they are equal, g to each where NaN. */
export function maximum(a: Operand, b: Operand): Tensor {
  const { shape, toA, toB } = broadcastPair('maximum', a, b);
  return apply('maximum', {}, [a, b], shape, [(g) => toA(unlessBelow(g, a, b)), (g) => toB(unlessBelow(g, b, a))]);
}

/** min(a, b), NaN where either is. VJP: g to the smaller operand; half to each where they are equal, g to each where NaN. */
export function minimum(a: Operand, b: Operand): Tensor {
  const { toA, toB } = broadcastPair('minimum', a, b);
  const negated = (v: Operand): Operand => (typeof v === 'number' ? -v : neg(v));
  const out = noGrad(() => scope(() => neg(maximum(negated(a), negated(b)))));
  addOperation('minimum', [a, b], out, [(g) => toA(unlessBelow(g, b, a)), (g) => toB(unlessBelow(g, a, b))]);
  return out;
}

/** 0 where p < q, half of g where they are equal, else g. Chosen, not multiplied: an infinite g leaves the 0. */
function unlessBelow(g: Tensor, p: Operand, q: Operand): Tensor {
  return where(greater(q, p), 0, where(equal(p, q), mul(g, 0.5), g));
}

/** 1 where a > b, else 0. Piecewise constant: no gradient. */
export function greater(a: Operand, b: Operand): Tensor {
  return apply('greater', {}, [a, b], broadcastPair('greater', a, b).shape);
}

/** 1 where a = b, else 0: NaN equals nothing. Piecewise constant: no gradient. */
export function equal(a: Operand, b: Operand): Tensor {
  return apply('equal', {}, [a, b], broadcastPair('equal', a, b).shape);
}

/** 1 where x attains the maximum `top` that broadcasts with it, else 0. Where that is NaN the elements that are NaN attain it. */
function attains(x: Tensor, top: Tensor): Tensor {
  return add(equal(x, top), sub(1, equal(x, x)));
}

/** a where condition is not 0, else b; all broadcast. VJP: g to the operand that was chosen; none to the condition. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  const pair = broadcastPair('where', a, b);
  const shape = broadcastShapes('where', condition.shape, pair.shape);
  return apply('where', {}, [condition, a, b], shape, [
    undefined,
    (g) => pair.toA(where(condition, g, 0)),
    (g) => pair.toB(where(condition, 0, g)),
  ]);
}

// Layout.

/** The same elements under another shape; one dimension may be -1. Free: shares memory. VJP: reshape back. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const known = Array.isArray(shape) ? shape.filter((d) => d !== -1) : shape;
  checkShape('reshape', known);
  if (shape.length - known.length > 1) throw new OptionError(`reshape: shape ${showShape(shape)} has -1 more than once`);
  const rest = x.size / Math.max(1, sizeOf(known));
  const resolved = shape.map((d) => (d === -1 ? rest : d));
  if (sizeOf(resolved) !== x.size || !Number.isInteger(rest)) {
    throw new ShapeError(`reshape: ${showShape(x.shape)} has ${x.size} elements and does not fit ${showShape(shape)}`);
  }
  x.operand('reshape');
  const make = (): [Tensor] => {
    const out = new Tensor(x.storage, resolved, x.dtype);
    if (isGradEnabled()) addNode('reshape', [x], out, (g) => [reshape(g, x.shape)]);
    return [out];
  };
  // To its own shape it is a node of its own: that is what it is for.
  return sameShape(x.shape, resolved) ? make()[0] : shared('reshape', resolved, [x], make, false)[0]!;
}

/** All elements in one dimension from axis `start` on: [n, c, h, w] becomes [n, c h w] at start = 1. */
export function flatten(x: Tensor, start = 0): Tensor {
  checkInteger('flatten', 'start', start, 0, x.rank);
  return reshape(x, [...x.shape.slice(0, start), sizeOf(x.shape.slice(start))]);
}

/** The same tensor as a new node of the graph: partial derivatives can be taken with respect to it. */
export function alias(x: Tensor): Tensor {
  return reshape(x, x.shape);
}

/** The same elements, cut from the graph: gradients do not flow through. Shares memory. */
export function detach(x: Tensor): Tensor {
  x.operand('detach');
  return new Tensor(x.storage, x.shape, x.dtype);
}

/** A copy in memory of its own. VJP: g. */
export function clone(x: Tensor): Tensor {
  return broadcastCopy(x, x.shape);
}

/** Output axis i is input axis axes[i]; without axes, the order is reversed. VJP: the inverse permutation. */
export function permute(x: Tensor, axes: readonly number[] = x.shape.map((_, i) => x.rank - 1 - i)): Tensor {
  checkList('permute', 'axes', axes);
  const order = axes.map((a) => normalizeAxis('permute', a, x.rank));
  if (new Set(order).size !== x.rank || order.length !== x.rank) {
    throw new OptionError(`permute: [${axes.join(', ')}] is not a permutation of the ${x.rank} axes of ${showShape(x.shape)}`);
  }
  const inverse = order.map((_, i) => order.indexOf(i));
  return apply(
    'permute',
    { axes: order },
    [x],
    order.map((a) => x.shape[a]!),
    [(g) => permute(g, inverse)],
  );
}

/** Swaps the last two axes. */
export function transpose(x: Tensor): Tensor {
  if (x.rank < 2) throw new ShapeError(`transpose: ${showShape(x.shape)} has fewer than two axes`);
  const axes = x.shape.map((_, i) => i);
  return permute(x, [...axes.slice(0, -2), x.rank - 1, x.rank - 2]);
}

/** Repeats along axes of size 1 and new leading axes. VJP: sumTo. */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  checkShape('broadcastTo', shape);
  checkFloats('broadcastTo', [x]);
  x.operand('broadcastTo');
  if (sameShape(x.shape, shape)) return x;
  if (!sameShape(broadcastShapes('broadcastTo', x.shape, shape), shape)) {
    throw new ShapeError(`broadcastTo: ${showShape(x.shape)} does not broadcast to ${showShape(shape)}`);
  }
  return broadcastCopy(x, shape);
}

function broadcastCopy(x: Tensor, shape: Shape): Tensor {
  return apply('broadcastTo', {}, [x], shape, [(g) => sumTo(g, x.shape)]);
}

/**
 * Elements start, start + step, ... before stop, per axis; like x[start:stop:step] in NumPy for positive steps. Arrays may be
 * shorter than the rank: later axes are whole. Negative start and stop count from the end. VJP: pad.
 */
export function slice(
  x: Tensor,
  start: readonly number[],
  stop: readonly (number | undefined)[] = [],
  steps: readonly number[] = [],
): Tensor {
  for (const [name, list] of Object.entries({ start, stop, steps })) {
    checkList('slice', name, list);
    if (list.length > x.rank) {
      throw new OptionError(
        `slice: ${name} ${showShape(list as Shape)} is longer than the ${x.rank} axes of ${showShape(x.shape)}`,
      );
    }
    // Left out for an axis, a bound is the axis's own.
    for (const [i, v] of list.entries())
      if (v !== undefined) checkInteger('slice', `${name}[${i}]`, v, name === 'steps' ? 1 : undefined);
  }
  const begin: number[] = [];
  const stride: number[] = [];
  const shape = x.shape.map((d, i) => {
    // A longer step than the axis takes one element, as the axis's length does.
    const s = Math.min(steps[i] ?? 1, Math.max(1, d));
    const bound = (v: number): number => Math.min(d, Math.max(0, v < 0 ? v + d : v));
    const from = bound(start[i] ?? 0);
    begin.push(from);
    stride.push(s);
    return Math.max(0, Math.ceil((bound(stop[i] ?? d) - from) / s));
  });
  return strided(x, begin, stride, shape);
}

/** Reverses the axes. VJP: flip. */
export function flip(x: Tensor, axes: number | readonly number[]): Tensor {
  const list = normalizeAxes('flip', axes, x.rank);
  const start = x.shape.map((d, i) => (list.includes(i) ? Math.max(0, d - 1) : 0));
  return strided(
    x,
    start,
    x.shape.map((_, i) => (list.includes(i) ? -1 : 1)),
    x.shape,
  );
}

function strided(x: Tensor, start: readonly number[], steps: readonly number[], shape: Shape): Tensor {
  return apply('slice', { start, step: steps }, [x], shape, [(g) => spread(g, start, steps, x.shape)]);
}

/** Zeros with x at low, low + step, ...: the adjoint of strided. */
function spread(x: Tensor, low: readonly number[], steps: readonly number[], shape: Shape): Tensor {
  return apply('pad', { low, step: steps }, [x], shape, [(g) => strided(g, low, steps, x.shape)]);
}

/** Adds zeros: [before, after] per axis. VJP: slice. */
export function pad(x: Tensor, amounts: readonly (readonly [number, number])[]): Tensor {
  checkList('pad', 'amounts', amounts);
  if (amounts.length !== x.rank || amounts.some((pair) => !Array.isArray(pair) || pair.length !== 2)) {
    throw new OptionError(
      `pad: amounts ${showValue(amounts)} must be one [before, after] for each of the ${x.rank} axes of ${showShape(x.shape)}`,
    );
  }
  for (const [i, pair] of amounts.entries()) for (const v of pair) checkInteger('pad', `amounts[${i}]`, v, 0);
  const shape = x.shape.map((d, i) => d + amounts[i]![0] + amounts[i]![1]);
  checkShape('pad', shape, 'the padded shape');
  return spread(
    x,
    amounts.map(([before]) => before),
    x.shape.map(() => 1),
    shape,
  );
}

/** Joins tensors along an axis on which alone they differ. VJP: slices of g. */
export function concat(xs: readonly Tensor[], axis = 0): Tensor {
  deviceOf('concat', xs);
  const head = xs[0]!;
  const at = normalizeAxis('concat', axis, head.rank);
  for (const x of xs) {
    if (x.rank !== head.rank || x.shape.some((d, i) => i !== at && d !== head.shape[i])) {
      throw new ShapeError(
        `concat: ${showShape(x.shape)} does not join ${showShape(head.shape)} along axis ${at}: the other axes must agree`,
      );
    }
  }
  let end = 0;
  const bounds = xs.map((x) => [end, (end += x.shape[at]!)] as const);
  const before = head.shape.slice(0, at).map(() => 0);
  const whole = head.shape.slice(0, at).map(() => undefined);
  return apply(
    'concat',
    { axis: at },
    xs,
    head.shape.map((d, i) => (i === at ? end : d)),
    bounds.map(
      ([from, to]) =>
        (g: Tensor) =>
          slice(g, [...before, from], [...whole, to]),
    ),
  );
}

// Reductions.

/** Sums over the axes along which `shape` broadcasts to x's shape: the adjoint of broadcastTo. VJP: broadcastTo. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  checkShape('sumTo', shape);
  checkFloats('sumTo', [x]);
  x.operand('sumTo');
  if (sameShape(x.shape, shape)) return x;
  if (shape.length > x.rank || !sameShape(broadcastShapes('sumTo', shape, x.shape), x.shape)) {
    throw new ShapeError(`sumTo: ${showShape(shape)} does not broadcast to ${showShape(x.shape)}`);
  }
  const kept = [...x.shape.slice(shape.length).map(() => 1), ...shape];
  const summed = apply('sumTo', {}, [x], kept, [(g) => broadcastTo(g, x.shape)]);
  return kept.length === shape.length ? summed : reshape(summed, shape);
}

export interface ReduceOptions {
  /** Keep reduced axes with size 1. Default false. */
  readonly keepDims?: boolean;
}

function reducedShape(shape: Shape, axes: readonly number[]): number[] {
  return shape.map((d, i) => (axes.includes(i) ? 1 : d));
}

/** Sum over axes (default all). VJP: broadcast. */
export function sum(x: Tensor, axes?: number | readonly number[], options: ReduceOptions = {}): Tensor {
  const list = normalizeAxes('sum', axes, x.rank);
  const kept = sumTo(x, reducedShape(x.shape, list));
  return options.keepDims
    ? kept
    : reshape(
        kept,
        x.shape.filter((_, i) => !list.includes(i)),
      );
}

/** Maximum over axes (default all), NaN where one is. VJP: g shared equally among the elements that attain it. */
export function max(x: Tensor, axes?: number | readonly number[], options: ReduceOptions = {}): Tensor {
  const list = normalizeAxes('max', axes, x.rank);
  if (list.some((i) => x.shape[i] === 0)) throw new ShapeError(`max: ${showShape(x.shape)} is empty along a reduced axis`);
  const kept = maxTo(x, reducedShape(x.shape, list));
  return options.keepDims
    ? kept
    : reshape(
        kept,
        x.shape.filter((_, i) => !list.includes(i)),
      );
}

function maxTo(x: Tensor, shape: Shape): Tensor {
  return apply('maxTo', {}, [x], shape, [
    (g, y) => {
      const chosen = attains(x, y);
      // Chosen, not multiplied: an infinite g leaves the other elements their 0.
      return where(chosen, div(g, sumTo(chosen, shape)), 0);
    },
  ]);
}

// Products and indexing.

export interface MatmulOptions {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}

/** [m, k] x [k, n] = [m, n], or a batch [b, m, k] x [b, k, n]; flags swap an operand's last two axes first. */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  const { transposeA = false, transposeB = false } = options;
  const [m, ka] = lastTwo(a, transposeA);
  const [kb, n] = lastTwo(b, transposeB);
  if (a.rank !== b.rank || (a.rank !== 2 && a.rank !== 3) || ka !== kb || (a.rank === 3 && a.shape[0] !== b.shape[0])) {
    throw new ShapeError(
      `matmul: ${showShape(a.shape)}${transposeA ? ' transposed' : ''} times ${showShape(b.shape)}${transposeB ? ' transposed' : ''}: ` +
        'both must be matrices, or batches of the same size, with equal inner dimensions',
    );
  }
  const flags = { transposeA, transposeB };
  // d/dA of C = op(A) op(B) is G op(B)^T, and its transpose where A came transposed; likewise for B.
  return apply(
    'matmul',
    flags,
    [a, b],
    [...a.shape.slice(0, -2), m, n],
    [
      (g) => (transposeA ? matmul(b, g, { transposeA: transposeB, transposeB: true }) : matmul(g, b, { transposeB: !transposeB })),
      (g) => (transposeB ? matmul(g, a, { transposeA: true, transposeB: transposeA }) : matmul(a, g, { transposeA: !transposeA })),
    ],
  );
}

function lastTwo(x: Tensor, swapped: boolean): [number, number] {
  const rows = x.shape.at(-2) ?? 0;
  const columns = x.shape.at(-1) ?? 0;
  return swapped ? [columns, rows] : [rows, columns];
}

/** target := x, in place. Not captured; a backward pass that still needs the old value is refused. */
export function assign(target: Tensor, x: Tensor): void {
  if (!sameShape(target.shape, x.shape)) throw new ShapeError(`assign: ${showShape(x.shape)} into ${showShape(target.shape)}`);
  applyInPlace('assign', {}, [x], [target]);
}
