/** @file Registry: sums, means, maxima and what is made of them. */
import { fc } from '../fast-check.ts';
import * as composites from '../../core/composites.ts';
import * as ops from '../../core/ops.ts';
import type { Shape } from '../../contract/shape.ts';
import { axesOf, axisOf, broadcastPairs } from '../arbitraries/shapes.ts';
import { blank, exact, type KernelBound, type KernelCases, noise, operandShapes, seeds, summed } from './kernel-cases.ts';
import { anyShape, oneTensor, type Operation, operation, tensorsOf } from './operation.ts';

interface Reduction {
  readonly axes: number[];
  readonly keepDims: boolean;
}

function reduction(shape: Shape): fc.Arbitrary<Reduction> {
  return fc.record({ axes: axesOf(shape), keepDims: fc.boolean() });
}

/** Reductions: a shape and which of its axes go; sometimes long ones, so that the sum is made in parts. */
function reduced(bound: KernelBound): KernelCases {
  const long = fc.constantFrom<Shape>([5000], [3, 2500], [2500, 3], [2, 3, 700], [40, 3, 9, 7], [1, 70, 65], [4, 1, 2, 900]);
  return {
    cases: fc
      .tuple(fc.oneof(operandShapes, long), seeds)
      .chain(([shape, seed]) =>
        fc.tuple(
          fc.constant(shape),
          fc.constant(seed),
          fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }),
        ),
      )
      .map(([shape, seed, keep]) => ({
        params: {},
        inputs: [noise(seed, shape)],
        outputs: [blank(shape.map((d, i) => (keep[i] ? d : 1)))],
      })),
    bound,
    terms: ({ inputs, outputs }) => inputs[0]!.data.length / outputs[0]!.data.length,
  };
}

export const reductions: readonly Operation[] = [
  operation({
    name: 'sumTo',
    run: ([x], shape: readonly number[]) => ops.sumTo(x!, shape),
    samples: (size) =>
      broadcastPairs({ maxSize: size === 'small' ? 12 : 4000 }).chain(({ operands, out }) =>
        tensorsOf(size, [[out, 'kink-safe']], operands[0]!),
      ),
    order: 3,
    linear: [[0]],
    primitive: 'sumTo',
    kernel: reduced(summed),
  }),
  operation({
    name: 'sum',
    run: ([x], { axes, keepDims }: Reduction) => ops.sum(x!, axes, { keepDims }),
    samples: oneTensor('kink-safe', reduction),
    order: 3,
    linear: [[0]],
  }),
  operation({
    name: 'mean',
    run: ([x], { axes, keepDims }: Reduction) => composites.mean(x!, axes, { keepDims }),
    samples: oneTensor('kink-safe', reduction),
    order: 3,
    linear: [[0]],
  }),
  operation({
    name: 'variance',
    run: ([x], { axes, keepDims, correction }: Reduction & { correction: number }) =>
      composites.variance(x!, axes, { keepDims, correction }),
    samples: oneTensor(
      'kink-safe',
      (shape) =>
        axesOf(shape, 1).chain((axes) => {
          const count = axes.reduce((n, axis) => n * shape.at(axis)!, 1);
          return fc.record({ axes: fc.constant(axes), keepDims: fc.boolean(), correction: fc.nat(count > 1 ? 1 : 0) });
        }),
      { minRank: 1 },
    ),
    order: 3,
  }),
  operation({
    name: 'max',
    run: ([x], { axes, keepDims }: Reduction) => ops.max(x!, axes, { keepDims }),
    samples: oneTensor('tie-safe', reduction),
    order: 2,
    primitive: 'maxTo',
    kernel: reduced(exact),
  }),
  operation({
    name: 'logSumExp',
    run: ([x], { axis, keepDims }: { axis: number; keepDims: boolean }) => composites.logSumExp(x!, axis, { keepDims }),
    samples: oneTensor('kink-safe', (shape) => fc.record({ axis: axisOf(shape), keepDims: fc.boolean() }), { minRank: 1 }),
    order: 3,
  }),
  operation({
    name: 'dot',
    run: ([a, b]) => composites.dot(a!, b!),
    samples: (size) =>
      anyShape(size).chain((shape) =>
        tensorsOf(
          size,
          [
            [shape, 'kink-safe'],
            [shape, 'kink-safe'],
          ],
          null,
        ),
      ),
    order: 3,
    linear: [[0], [1]],
  }),
];
