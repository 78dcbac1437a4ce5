/** @file Registry: matrix products, indexing and the three partials of convolution. */
import { fc } from '../fast-check.ts';
import { conv2d, conv2dFilter, conv2dInput } from '../../core/conv.ts';
import { linear } from '../../core/composites.ts';
import { put, take } from '../../core/indexing.ts';
import { matmul } from '../../core/ops.ts';
import type { Shape } from '../../contract/shape.ts';
import { labels } from '../arbitraries/values.ts';
import { type Convolution, convolutions } from '../arbitraries/windows.ts';
import { blank, type KernelCase, kernelCases, noise, seeds, summed, exact, whole } from './kernel-cases.ts';
import { type Operation, operation, type Sample, type Size, tensorsOf, valuesFor } from './operation.ts';

interface Flags {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

function matrices(size: Size): fc.Arbitrary<Sample<Flags>> {
  const small = fc.integer({ min: 1, max: 3 });
  const side =
    size === 'small' ? small : fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(15, 16, 17, 31, 32, 33, 63, 64, 65, 129));
  return fc
    .record({
      m: side,
      k: side,
      n: side,
      batch: fc.option(small, { nil: undefined }),
      transposeA: fc.boolean(),
      transposeB: fc.boolean(),
    })
    .chain(({ m, k, n, batch, transposeA, transposeB }) => {
      const lead = batch === undefined ? [] : [batch];
      const a = [...lead, ...(transposeA ? [k, m] : [m, k])];
      const b = [...lead, ...(transposeB ? [n, k] : [k, n])];
      return tensorsOf(
        size,
        [
          [a, 'kink-safe'],
          [b, 'kink-safe'],
        ],
        { transposeA, transposeB },
      );
    });
}

function convolutionOf(size: Size): fc.Arbitrary<Convolution> {
  return size === 'small' ? convolutions({ output: 2, kernel: 2 }) : convolutions({ output: 12, kernel: 5, channels: 6 });
}

/** Cases of one partial: its two operands' shapes, and the third's as a parameter. */
function partial(operands: (c: Convolution) => readonly [Shape, Shape]): (size: Size) => fc.Arbitrary<Sample<Convolution>> {
  return (size) =>
    convolutionOf(size).chain((c) => {
      const [a, b] = operands(c);
      return tensorsOf(
        size,
        [
          [a, 'kink-safe'],
          [b, 'kink-safe'],
        ],
        c,
      );
    });
}

/** x [r, n] or [r, m] and index [r, m] of numbers below n. */
function indexed(columns: 'n' | 'm'): (size: Size) => fc.Arbitrary<Sample<number>> {
  return (size) => {
    const side = fc.integer({ min: 1, max: size === 'small' ? 3 : 40 });
    return fc
      .tuple(side, side, side)
      .chain(([r, n, m]) =>
        fc
          .tuple(valuesFor(size, [r, columns === 'n' ? n : m], 'kink-safe'), labels([r, m], n))
          .map((inputs) => ({ inputs, params: n })),
      );
  };
}

/** Rows of n numbers, and m places in each. */
const drawnIndices = fc
  .tuple(fc.integer({ min: 1, max: 9 }), fc.constantFrom(1, 2, 7, 64, 65), fc.constantFrom(1, 3, 33, 64), seeds)
  .map(([rows, n, m, seed]) => ({ rows, n, m, seed, index: whole(seed + 1, [rows, m], 0, n - 1) }));

const extents = fc.constantFrom(1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 100);

const drawnProducts: fc.Arbitrary<KernelCase<'matmul'>> = fc
  .tuple(
    extents,
    extents,
    fc.oneof(extents, fc.constantFrom(257, 600)),
    fc.constantFrom(0, 1, 3),
    fc.boolean(),
    fc.boolean(),
    seeds,
  )
  .map(([m, n, k, batch, transposeA, transposeB, seed]) => {
    const stacked = (rows: number, columns: number): number[] => (batch === 0 ? [rows, columns] : [batch, rows, columns]);
    return {
      params: { transposeA, transposeB },
      inputs: [
        noise(seed, transposeA ? stacked(k, m) : stacked(m, k)),
        noise(seed + 1, transposeB ? stacked(n, k) : stacked(k, n)),
      ],
      outputs: [blank(stacked(m, n))],
    };
  });

export const products: readonly Operation[] = [
  operation({
    name: 'matmul',
    run: ([a, b], flags: Flags) => matmul(a!, b!, flags),
    samples: matrices,
    order: 3,
    linear: [[0], [1]],
    primitive: 'matmul',
    kernel: kernelCases<'matmul'>({
      cases: drawnProducts,
      bound: summed,
      terms: ({ inputs, params }) => inputs[0]!.shape.at(params.transposeA ? -2 : -1)!,
    }),
  }),
  operation({
    name: 'linear',
    run: ([x, weight, bias]) => linear(x!, weight!, bias),
    samples: (size) => {
      const side = fc.integer({ min: 1, max: size === 'small' ? 3 : 70 });
      return fc.tuple(side, side, side).chain(([n, inputs, outputs]) =>
        tensorsOf(
          size,
          [
            [[n, inputs], 'kink-safe'],
            [[outputs, inputs], 'kink-safe'],
            [[outputs], 'kink-safe'],
          ],
          null,
        ),
      );
    },
    order: 2,
    linear: [[1, 2]],
  }),
  operation({
    name: 'take',
    run: ([x, index]) => take(x!, index!),
    samples: indexed('n'),
    order: 3,
    wrt: [0],
    linear: [[0]],
    primitive: 'take',
    kernel: kernelCases<'take'>({
      cases: drawnIndices.map(({ rows, n, m, seed, index }) => ({
        params: {},
        inputs: [noise(seed, [rows, n]), index],
        outputs: [blank([rows, m])],
      })),
      bound: exact,
    }),
  }),
  operation({
    name: 'put',
    run: ([g, index], n: number) => put(g!, index!, n),
    samples: indexed('m'),
    order: 3,
    wrt: [0],
    linear: [[0]],
    primitive: 'put',
    kernel: kernelCases<'put'>({
      cases: drawnIndices.map(({ rows, n, m, seed, index }) => ({
        params: {},
        inputs: [noise(seed, [rows, m]), index],
        outputs: [blank([rows, n])],
      })),
      bound: summed,
      terms: ({ inputs }) => inputs[0]!.shape[1]!,
    }),
  }),
  operation({
    name: 'conv2d',
    run: ([x, weight], { options }: Convolution) => conv2d(x!, weight!, options),
    samples: partial((c) => [c.input, c.weight]),
    order: 3,
    linear: [[0], [1]],
    primitive: 'conv2d',
  }),
  operation({
    name: 'conv2d (bias)',
    run: ([x, weight, bias], { options }: Convolution) => conv2d(x!, weight!, { ...options, bias: bias! }),
    samples: (size) =>
      convolutionOf(size).chain((c) =>
        tensorsOf(
          size,
          [
            [c.input, 'kink-safe'],
            [c.weight, 'kink-safe'],
            [[c.weight[0]!], 'kink-safe'],
          ],
          c,
        ),
      ),
    order: 2,
    linear: [[1, 2]],
  }),
  operation({
    name: 'conv2dInput',
    run: ([g, weight], { input, options }: Convolution) => conv2dInput(g!, weight!, input, options),
    samples: partial((c) => [c.output, c.weight]),
    order: 3,
    linear: [[0], [1]],
    primitive: 'conv2dInput',
  }),
  operation({
    name: 'conv2dFilter',
    run: ([x, g], { weight, options }: Convolution) => conv2dFilter(x!, g!, weight, options),
    samples: partial((c) => [c.input, c.output]),
    order: 3,
    linear: [[0], [1]],
    primitive: 'conv2dFilter',
  }),
];
