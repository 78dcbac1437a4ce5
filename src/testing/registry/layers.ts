/** @file Registry: pools, batch normalisation, softmax and its losses, the mixed operation. */
import { fc } from '../fast-check.ts';
import { dropPath } from '../../core/composites.ts';
import { mixedSum } from '../../core/mixed-sum.ts';
import { batchNorm2d } from '../../core/batch-norm.ts';
import { clone } from '../../core/ops.ts';
import { avgPool2d, globalAvgPool2d, maxPool2d, maxPoolIndices } from '../../core/pool.ts';
import { crossEntropy, type CrossEntropyOptions } from '../../core/cross-entropy.ts';
import { logSoftmax, softmax } from '../../core/softmax.ts';
import type { Shape } from '../../contract/shape.ts';
import { axisOf } from '../arbitraries/shapes.ts';
import { labels, type Spread, type TensorValue } from '../arbitraries/values.ts';
import { type Pooling, pools } from '../arbitraries/windows.ts';
import { anyShape, oneTensor, type Operation, operation, type Sample, type Size, tensorsOf, valuesFor } from './operation.ts';

function pooling(spread: Spread): (size: Size) => fc.Arbitrary<Sample<Pooling>> {
  return (size) =>
    pools(size === 'small' ? { output: 2, kernel: 2 } : { output: 14, kernel: 4 }).chain((p) =>
      tensorsOf(size, [[p.input, spread]], p),
    );
}

/** Images with two or more values a channel, all different, so that no channel's variance is 0. */
function images(size: Size): fc.Arbitrary<Shape> {
  const [few, side] = size === 'small' ? [2, 2] : [4, 17];
  return fc
    .tuple(
      fc.integer({ min: 1, max: few }),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: side }),
      fc.integer({ min: 2, max: side }),
    )
    .map((dims) => dims);
}

/** Values at least 1 apart, so that even two of them in a channel have a standard deviation of 1/2. */
function apart(size: Size, shape: Shape): fc.Arbitrary<TensorValue> {
  return valuesFor(size, shape, 'tie-safe').map((value) => ({ ...value, values: value.values.map((v) => 8 * v) }));
}

/** Images with weight and bias, and with running statistics where they are used. */
function normalised(running: boolean): (size: Size) => fc.Arbitrary<Sample<null>> {
  return (size) =>
    images(size).chain((shape) => {
      const c = shape[1]!;
      return fc
        .tuple(
          apart(size, shape),
          valuesFor(size, [c], 'kink-safe'),
          valuesFor(size, [c], 'kink-safe'),
          ...(running ? [valuesFor(size, [2, c], 'positive')] : []),
        )
        .map((inputs) => ({ inputs, params: null }));
    });
}

function classified(size: Size): fc.Arbitrary<Sample<CrossEntropyOptions>> {
  const [rows, most] = size === 'small' ? [3, 4] : [70, 40];
  return fc.tuple(fc.integer({ min: 1, max: rows }), fc.integer({ min: 1, max: most })).chain(([n, k]) =>
    fc.record({
      inputs: fc.tuple(valuesFor(size, [n, k], 'kink-safe'), labels([n], k)),
      params: fc.record({ reduction: fc.constantFrom('mean', 'sum', 'none'), labelSmoothing: fc.constantFrom(0, 0.125) }),
    }),
  );
}

export const layers: readonly Operation[] = [
  operation({
    name: 'maxPool2d',
    run: ([x], { kernel, options }: Pooling) => maxPool2d(x!, kernel, options),
    samples: pooling('tie-safe'),
    order: 2,
    fused: 'maxPool2d',
  }),
  operation({
    name: 'maxPoolIndices',
    run: ([x], { kernel, options }: Pooling) => maxPoolIndices(x!, { kernel, ...options }),
    samples: pooling('tie-safe'),
    order: 1,
    primitive: 'maxPoolIndices',
  }),
  operation({
    name: 'avgPool2d',
    run: ([x], { kernel, options }: Pooling) => avgPool2d(x!, kernel, options),
    samples: pooling('kink-safe'),
    order: 3,
    linear: [[0]],
    fused: 'avgPool2d',
  }),
  operation({
    name: 'globalAvgPool2d',
    run: ([x]) => globalAvgPool2d(x!),
    samples: (size) => images(size).chain((shape) => tensorsOf(size, [[shape, 'kink-safe']], null)),
    order: 3,
    linear: [[0]],
  }),
  operation({
    name: 'batchNorm2d',
    run: ([x, weight, bias]) => batchNorm2d(x!, { weight: weight!, bias: bias! }),
    samples: normalised(false),
    order: 3,
    fused: 'batchNormAffine2d',
  }),
  operation({
    name: 'batchNorm2d (without weight and bias)',
    run: ([x]) => batchNorm2d(x!),
    samples: (size) => images(size).chain((shape) => apart(size, shape).map((value) => ({ inputs: [value], params: null }))),
    order: 3,
    fused: 'batchNorm2d',
  }),
  operation({
    name: 'batchNorm2d (evaluation)',
    run: ([x, weight, bias, running]) => batchNorm2d(x!, { weight: weight!, bias: bias!, running: running!, training: false }),
    samples: normalised(true),
    order: 2,
  }),
  operation({
    name: 'batchNorm2d (running statistics)',
    run: ([x, , , running]) => {
      const changed = clone(running!);
      batchNorm2d(x!, { running: changed });
      return changed;
    },
    samples: normalised(true),
    order: 0,
  }),
  operation({
    name: 'softmax',
    run: ([x], axis: number) => softmax(x!, axis),
    samples: oneTensor('kink-safe', axisOf, { minRank: 1 }),
    order: 3,
    fused: 'softmax',
  }),
  operation({
    name: 'logSoftmax',
    run: ([x], axis: number) => logSoftmax(x!, axis),
    samples: oneTensor('kink-safe', axisOf, { minRank: 1 }),
    order: 3,
    fused: 'logSoftmax',
  }),
  operation({
    name: 'crossEntropy',
    run: ([logits, target], options: CrossEntropyOptions) => crossEntropy(logits!, target!, options),
    samples: classified,
    order: 3,
    wrt: [0],
    fused: 'crossEntropy',
  }),
  operation({
    name: 'dropPath',
    run: ([x, mask]) => dropPath(x!, mask!),
    samples: (size) =>
      anyShape(size, { minRank: 1 }).chain((shape) =>
        tensorsOf(
          size,
          [
            [shape, 'kink-safe'],
            [[shape[0]!], 'kink-safe'],
          ],
          null,
        ),
      ),
    order: 3,
    linear: [[0], [1]],
  }),
  operation({
    name: 'mixedSum',
    run: ([z, ...xs]) => mixedSum(z!, xs),
    samples: (size) =>
      fc
        .tuple(fc.integer({ min: 1, max: size === 'small' ? 3 : 8 }), anyShape(size, { maxSize: size === 'small' ? 4 : 4100 }))
        .chain(([k, shape]) =>
          tensorsOf(size, [[[k], 'kink-safe'], ...Array.from({ length: k }, () => [shape, 'kink-safe'] as const)], null),
        ),
    order: 3,
    linear: [[0]],
    fused: 'mixedSum',
  }),
];
