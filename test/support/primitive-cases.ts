/** @file For each primitive: random operands, and how far a float32 result may be from the float64 one. */
import fc from 'fast-check';
import type { Primitive, PrimitiveParams } from '../../src/contract/backend.ts';
import { key, type Shape, uniforms } from '../../src/index.ts';
import { sizeOf } from '../../src/contract/shape.ts';
import { boundaryShapes, broadcasts, permutationsOf, shapes } from '../../src/testing/arbitraries/index.ts';

export interface Value {
  readonly shape: Shape;
  /** Exact in float32. A Uint32Array makes a uint32 operand. */
  readonly data: Float32Array | Uint32Array;
}

export interface Case<P extends Primitive> {
  readonly params: PrimitiveParams[P];
  readonly inputs: readonly Value[];
  /** Contents before the call; what the call does not write stays. */
  readonly outputs: readonly Value[];
}

export interface Checked<P extends Primitive> {
  readonly cases: fc.Arbitrary<Case<P>>;
  /**
   * The largest error of an element: `expected` is its value in float64, `magnitude` the value that the absolute values of the
   * operands give (for a sum of products the sum of the absolute terms), `terms` how many of them.
   */
  readonly bound: (expected: number, magnitude: number, terms: number) => number;
  /** Number of terms of a sum. Default 1. */
  readonly terms?: (operands: Case<P>) => number;
}

/** Half the distance from 1 to the next float32. */
const U = 2 ** -24;
/** WGSL fixes no rounding mode: any result may be the neighbour on the other side. */
const ULP = 2 * U;

const exact = (): number => 0;
const ulps =
  (n: number) =>
  (expected: number): number =>
    n * ULP * Math.abs(expected) + 2 ** -126;
/** Rounding errors of a sum in any order, in practice: 8 u times the sum of absolute terms. The proven bound is (n + 4) ulps. */
const summed = (_expected: number, magnitude: number, terms: number): number => Math.min(8 * U, (terms + 4) * ULP) * magnitude;

function noise(seed: number, shape: Shape, low = -2, high = 2): Value {
  return { shape, data: Float32Array.from(uniforms(key(seed), sizeOf(shape)), (u) => low + (high - low) * u) };
}

/** Whole numbers: many ties and zeros. */
function whole(seed: number, shape: Shape, low: number, high: number): Value {
  return { shape, data: noise(seed, shape, low, high + 1).data.map(Math.floor) };
}

function blank(shape: Shape): Value {
  return { shape, data: new Float32Array(sizeOf(shape)).fill(7) };
}

const seeds = fc.nat(2 ** 20);
const anyShape = fc.oneof(shapes({ maxRank: 6, maxSize: 3000 }), boundaryShapes());

function elementwise<P extends Primitive>(
  bound: Checked<P>['bound'],
  make: (seed: number, shape: Shape) => Value = noise,
  params = {} as PrimitiveParams[P],
): Checked<P> {
  return {
    cases: fc.tuple(anyShape, seeds).map(([shape, seed]) => ({ params, inputs: [make(seed, shape)], outputs: [blank(shape)] })),
    bound,
  };
}

type Broadcasting = 'add' | 'sub' | 'mul' | 'div' | 'maximum' | 'greater' | 'where';

function broadcasting<P extends Broadcasting>(
  count: number,
  bound: Checked<P>['bound'],
  make: (seed: number, shape: Shape, operand: number) => Value = noise,
): Checked<P> {
  const same = anyShape.map((shape) => ({ operands: Array.from({ length: count }, () => shape), out: shape }));
  return {
    cases: fc.tuple(fc.oneof(broadcasts(count, { maxRank: 6, maxSize: 2000 }), same), seeds).map(([{ operands, out }, seed]) => ({
      params: {},
      inputs: operands.map((shape, i) => make(seed + i, shape, i)),
      outputs: [blank(out)],
    })),
    bound,
  };
}

const anySign = (seed: number, shape: Shape, operand: number): Value => noise(seed, shape, operand === 0 ? -2 : 0.25, 2);
const withTies = (seed: number, shape: Shape): Value => whole(seed, shape, -2, 2);

/** Reductions: a shape and which of its axes go; sometimes long ones, so that the sum is made in parts. */
function reduced<P extends 'sumTo' | 'maxTo'>(bound: Checked<P>['bound']): Checked<P> {
  const long = fc.constantFrom<Shape>([5000], [3, 2500], [2500, 3], [2, 3, 700], [40, 3, 9, 7], [1, 70, 65], [4, 1, 2, 900]);
  return {
    cases: fc
      .tuple(fc.oneof(anyShape, long), seeds)
      .chain(([shape, seed]) =>
        fc.tuple(
          fc.constant(shape),
          fc.constant(seed),
          fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }),
        ),
      )
      .map(([shape, seed, keep]) => ({
        params: {} as PrimitiveParams[P],
        inputs: [noise(seed, shape)],
        outputs: [blank(shape.map((d, i) => (keep[i] ? d : 1)))],
      })),
    bound,
    terms: ({ inputs, outputs }) => inputs[0]!.data.length / outputs[0]!.data.length,
  };
}

const slices = anyShape.chain((shape) =>
  fc.tuple(
    fc.constant(shape),
    fc.tuple(...shape.map((d) => fc.tuple(fc.nat(d - 1), fc.constantFrom(-2, -1, 1, 2, 3), fc.nat(d)))),
    seeds,
  ),
);

/** Where a strided walk of an axis starts, its step, and how many elements it visits (at least one). */
function walks(
  shape: Shape,
  draws: readonly (readonly [number, number, number])[],
): { start: number[]; step: number[]; shape: number[] } {
  const lengths = shape.map((d, i) => {
    const [start, step, length] = draws[i]!;
    const most = step > 0 ? Math.ceil((d - start) / step) : Math.floor(start / -step) + 1;
    return Math.max(1, Math.min(length, most));
  });
  return { start: draws.map(([s]) => s), step: draws.map(([, s]) => s), shape: lengths };
}

const indexed = fc
  .tuple(fc.integer({ min: 1, max: 9 }), fc.constantFrom(1, 2, 7, 64, 65), fc.constantFrom(1, 3, 33, 64), seeds)
  .map(([rows, n, m, seed]) => ({ rows, n, m, seed, index: whole(seed + 1, [rows, m], 0, n - 1) }));

const extents = fc.constantFrom(1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 100);

const products: fc.Arbitrary<Case<'matmul'>> = fc
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

/** log: 3 ulp, but only 2^-21 absolute in [1/2, 2]. */
const logBound = (expected: number): number => Math.max(3 * ULP * Math.abs(expected), 2 ** -21);

/** Every primitive but convolution's and pooling's, which have tests of their own. */
type Plain = Exclude<Primitive, 'conv2d' | 'conv2dInput' | 'conv2dFilter' | 'maxPoolIndices'>;

export const primitiveCases: { readonly [P in Plain]: Checked<P> } = {
  neg: elementwise(exact),
  // 3 + 2 |x| ulp, for |x| < 20.
  exp: elementwise(ulps(43), (seed, shape) => noise(seed, shape, -20, 20)),
  log: elementwise(logBound, (seed, shape) => noise(seed, shape, 0.01, 4)),
  sqrt: elementwise(ulps(3), (seed, shape) => noise(seed, shape, 0, 9)),
  reciprocal: elementwise(ulps(2.5), (seed, shape) => noise(seed, shape, 0.1, 9)),
  relu: elementwise(exact),
  step: elementwise(exact, withTies),
  tanh: elementwise(ulps(4), (seed, shape) => noise(seed, shape, -20, 20)),
  erf: elementwise(ulps(4), (seed, shape) => noise(seed, shape, -6, 6)),
  add: broadcasting(2, (_expected, magnitude) => U * 2 * magnitude),
  sub: broadcasting(2, (expected) => ULP * Math.abs(expected)),
  mul: broadcasting(2, ulps(1)),
  div: broadcasting(2, ulps(2.5), anySign),
  maximum: broadcasting(2, exact, withTies),
  greater: broadcasting(2, exact, withTies),
  where: broadcasting(3, exact, (seed, shape, operand) => (operand === 0 ? withTies(seed, shape) : noise(seed, shape))),
  permute: {
    cases: fc
      .tuple(anyShape, seeds)
      .chain(([shape, seed]) => fc.tuple(fc.constant(shape), fc.constant(seed), permutationsOf(shape)))
      .map(([shape, seed, axes]) => ({
        params: { axes },
        inputs: [noise(seed, shape)],
        outputs: [blank(axes.map((a) => shape[a]!))],
      })),
    bound: exact,
  },
  broadcastTo: {
    cases: fc.tuple(broadcasts(2, { maxRank: 6, maxSize: 2000 }), seeds).map(([{ operands, out }, seed]) => ({
      params: {},
      inputs: [noise(seed, operands[0]!)],
      outputs: [blank(out)],
    })),
    bound: exact,
  },
  slice: {
    cases: slices.map(([whole_, draws, seed]) => {
      const { start, step, shape } = walks(whole_, draws);
      return { params: { start, step }, inputs: [noise(seed, whole_)], outputs: [blank(shape)] };
    }),
    bound: exact,
  },
  pad: {
    cases: slices.map(([whole_, draws, seed]) => {
      const { start, step, shape } = walks(whole_, draws);
      return { params: { low: start, step }, inputs: [noise(seed, shape)], outputs: [blank(whole_)] };
    }),
    bound: exact,
  },
  concat: {
    cases: fc
      .tuple(shapes({ minRank: 1, maxRank: 5, maxSize: 500 }), seeds)
      .chain(([shape, seed]) =>
        fc.tuple(
          fc.constant(shape),
          fc.constant(seed),
          fc.nat(shape.length - 1),
          fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 16 }),
        ),
      )
      .map(([shape, seed, axis, lengths]) => {
        const along = (length: number): number[] => shape.map((d, i) => (i === axis ? length : d));
        return {
          params: { axis },
          inputs: lengths.map((length, i) => noise(seed + i, along(length))),
          outputs: [blank(along(lengths.reduce((a, b) => a + b, 0)))],
        };
      }),
    bound: exact,
  },
  sumTo: reduced(summed),
  maxTo: reduced(exact),
  matmul: { cases: products, bound: summed, terms: ({ inputs, params }) => inputs[0]!.shape.at(params.transposeA ? -2 : -1)! },
  take: {
    cases: indexed.map(({ rows, n, m, seed, index }) => ({
      params: {},
      inputs: [noise(seed, [rows, n]), index],
      outputs: [blank([rows, m])],
    })),
    bound: exact,
  },
  put: {
    cases: indexed.map(({ rows, n, m, seed, index }) => ({
      params: {},
      inputs: [noise(seed, [rows, m]), index],
      outputs: [blank([rows, n])],
    })),
    bound: summed,
    terms: ({ inputs }) => inputs[0]!.shape[1]!,
  },
  randomBits: {
    cases: fc.tuple(anyShape, fc.nat(2 ** 32 - 1), fc.nat(2 ** 32 - 1)).map(([shape, k0, k1]) => ({
      params: {},
      inputs: [{ shape: [2], data: Uint32Array.of(k0, k1) }],
      outputs: [{ shape, data: new Uint32Array(sizeOf(shape)) }],
    })),
    bound: exact,
  },
  bitsToUniform: {
    cases: fc
      .array(fc.oneof(fc.nat(2 ** 32 - 1), fc.constantFrom(0, 511, 512, 2 ** 32 - 1)), { minLength: 1, maxLength: 300 })
      .map((words) => ({
        params: {},
        inputs: [{ shape: [words.length], data: Uint32Array.from(words) }],
        outputs: [blank([words.length])],
      })),
    bound: exact,
  },
  assign: elementwise(exact),
  sgd: {
    cases: fc.tuple(anyShape, seeds, fc.boolean()).map(([shape, seed, nesterov]) => ({
      params: { nesterov },
      inputs: [noise(seed, shape), noise(seed + 1, [4], 0, 1)],
      outputs: [noise(seed + 2, shape), noise(seed + 3, shape)],
    })),
    // Every intermediate value is below 16.
    bound: () => 16 * 4 * ULP,
  },
  adam: {
    cases: fc.tuple(anyShape, seeds).map(([shape, seed]) => ({
      params: {},
      inputs: [noise(seed, shape), { shape: [8], data: Float32Array.of(0.1, 0.9, 0.999, 1e-8, 0.01, 0.2, 0.3, 0.5) }],
      outputs: [noise(seed + 1, shape), noise(seed + 2, shape), noise(seed + 3, shape, 0.1, 1)],
    })),
    bound: () => 16 * 4 * ULP,
  },
};
