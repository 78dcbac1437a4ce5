/** @file Planted wrong rules for layout operations and reductions. */
import {
  broadcastTo,
  concat,
  detach,
  div,
  exp,
  flip,
  logSumExp,
  max,
  mean,
  mul,
  pad,
  permute,
  reshape,
  slice,
  sub,
  sum,
  sumTo,
  type Tensor,
  variance,
} from '../../../src/index.ts';
import type { SliceBounds } from '../../../src/testing/properties/index.ts';
import { plant, type PlantedRule } from './rule.ts';

interface Reduction {
  readonly axes: number[];
  readonly keepDims: boolean;
}

/** The reduced tensor with its axes back, broadcast to x's shape. */
function expand(g: Tensor, x: Tensor, axes: readonly number[]): Tensor {
  const at = axes.map((a) => (a < 0 ? a + x.rank : a));
  return broadcastTo(
    reshape(
      g,
      x.shape.map((d, i) => (at.includes(i) ? 1 : d)),
    ),
    x.shape,
  );
}

function count(x: Tensor, axes: readonly number[]): number {
  return axes.reduce((n, a) => n * x.shape.at(a)!, 1);
}

export const layout: readonly PlantedRule[] = [
  plant(
    'permute',
    'the permutation itself, not its inverse',
    ([x], axes: number[]) => permute(x!, axes),
    (g, { inputs: [x], params }) => [reshape(permute(g, params), x!.shape)],
  ),
  plant(
    'slice',
    'gradient put at the front, the start ignored',
    ([x], { start, stop, steps }: SliceBounds) => slice(x!, start, stop, steps),
    (g, { inputs: [x] }) => [
      pad(
        g,
        x!.shape.map((d, i) => [0, d - g.shape[i]!] as const),
      ),
    ],
  ),
  plant(
    'flip',
    'not turned back',
    ([x], axes: number[]) => flip(x!, axes),
    (g) => [g],
  ),
  plant(
    'pad',
    'off by one: cut one element early where there is padding',
    ([x], amounts: [number, number][]) => pad(x!, amounts),
    (g, { inputs: [x], params }) => {
      const start = params.map(([before]) => Math.max(0, before - 1));
      return [
        slice(
          g,
          start,
          x!.shape.map((d, i) => start[i]! + d),
        ),
      ];
    },
  ),
  plant(
    'concat',
    'every part gets the first slice',
    (xs, axis: number) => concat(xs, axis),
    (g, { inputs, params }) =>
      inputs.map((x) => {
        const at = params < 0 ? params + x.rank : params;
        return slice(
          g,
          [],
          x.shape.map((d, i) => (i === at ? d : undefined)),
        );
      }),
  ),
  plant(
    'sumTo',
    'divided by the number of terms',
    ([x], shape: readonly number[]) => sumTo(x!, shape),
    (g, { inputs: [x] }) => [mul(broadcastTo(g, x!.shape), g.size / x!.size)],
  ),
  plant(
    'mean',
    '1/N missing',
    ([x], { axes, keepDims }: Reduction) => mean(x!, axes, { keepDims }),
    (g, { inputs: [x], params }) => [expand(g, x!, params.axes)],
  ),
  plant(
    'variance',
    '1/N where 1/(N - 1) was asked for',
    ([x], { axes, keepDims, correction }: Reduction & { correction: number }) => variance(x!, axes, { keepDims, correction }),
    (g, { inputs: [x], params: { axes } }) => [
      mul(mul(expand(g, x!, axes), sub(x!, mean(x!, axes, { keepDims: true }))), 2 / count(x!, axes)),
    ],
  ),
  plant(
    'variance',
    'the mean taken as a constant: only order 2 sees it',
    ([x], { axes, keepDims, correction }: Reduction & { correction: number }) => variance(x!, axes, { keepDims, correction }),
    (g, { inputs: [x], params: { axes, correction } }) => [
      mul(mul(expand(g, x!, axes), sub(x!, detach(mean(x!, axes, { keepDims: true })))), 2 / (count(x!, axes) - correction)),
    ],
  ),
  plant(
    'max',
    'gradient to every element',
    ([x], { axes, keepDims }: Reduction) => max(x!, axes, { keepDims }),
    (g, { inputs: [x], params }) => [expand(g, x!, params.axes)],
  ),
  plant(
    'logSumExp',
    'weights not normalised',
    ([x], { axis, keepDims }: { axis: number; keepDims: boolean }) => logSumExp(x!, axis, { keepDims }),
    (g, { inputs: [x], params: { axis } }) => [mul(expand(g, x!, [axis]), exp(sub(x!, max(x!, axis, { keepDims: true }))))],
  ),
  plant(
    'sum',
    'broadcast over the wrong axis where the sizes allow it',
    ([x], { axes, keepDims }: Reduction) => sum(x!, axes, { keepDims }),
    (g, { inputs: [x], params: { axes } }) => {
      const right = expand(g, x!, axes);
      const square = x!.rank === 2 && x!.shape[0] === x!.shape[1];
      return [square ? permute(right) : div(right, 1)];
    },
  ),
];
