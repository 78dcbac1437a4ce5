/** @file Registry: operations that move elements, and those that make tensors from others. */
import { fc } from '../fast-check.ts';
import * as composites from '../../core/composites.ts';
import * as ops from '../../core/ops.ts';
import { axesOf, axisOf, broadcastPairs, broadcasts, shapes } from '../arbitraries/shapes.ts';
import type { Shape } from '../../contract/shape.ts';
import { labels, type TensorValue } from '../arbitraries/values.ts';
import { paddingOf, permutationsOf, reshapesOf, slicesOf } from '../arbitraries/views.ts';
import { blank, exact, kernelCases, noise, oneOperand, operandShapes, seeds } from './kernel-cases.ts';
import {
  anyShape,
  noParams,
  oneTensor,
  type Operation,
  operation,
  type Sample,
  type Size,
  tensorsOf,
  valuesFor,
} from './operation.ts';

const linear = [[0]] as const;

/** Two or three tensors that differ along one axis alone, or (for `stack`) not at all. */
function joinable(size: Size, vary: boolean): fc.Arbitrary<Sample<number>> {
  return anyShape(size, { minRank: 1, maxSize: size === 'small' ? 6 : 300 }).chain((shape) =>
    fc.tuple(axisOf(shape), fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 2, maxLength: 3 })).chain(([axis, lengths]) => {
      const at = axis < 0 ? axis + shape.length : axis;
      const shapes = lengths.map((length) => (vary ? shape.map((d, i) => (i === at ? length : d)) : shape));
      return fc.tuple(...shapes.map((s) => valuesFor(size, s, 'kink-safe'))).map((inputs) => ({ inputs, params: axis }));
    }),
  );
}

/** A shape and one that it broadcasts to. */
function broadcastable(size: Size): fc.Arbitrary<{ readonly small: readonly number[]; readonly large: readonly number[] }> {
  return broadcastPairs({ maxSize: size === 'small' ? 12 : 3000 }).map(({ operands, out }) => ({
    small: operands[0]!,
    large: out,
  }));
}

/** A shape, and for each axis a start, a step and a length that may be too long. */
const drawnSlices = operandShapes.chain((shape) =>
  fc.tuple(
    fc.constant(shape),
    fc.tuple(...shape.map((d) => fc.tuple(fc.nat(d - 1), fc.constantFrom(-2, -1, 1, 2, 3), fc.nat(d)))),
    seeds,
  ),
);

/** Where a strided slice of each axis starts, its step, and how many elements it takes (at least one). */
function strided(
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

export const layout: readonly Operation[] = [
  operation({
    name: 'reshape',
    run: ([x], shape: number[]) => ops.reshape(x!, shape),
    samples: oneTensor('kink-safe', reshapesOf),
    order: 3,
    linear,
  }),
  operation({
    name: 'flatten',
    run: ([x], start: number) => ops.flatten(x!, start),
    samples: oneTensor('kink-safe', (shape) => fc.nat(shape.length)),
    order: 3,
    linear,
  }),
  operation({ name: 'alias', run: ([x]) => ops.alias(x!), samples: oneTensor('kink-safe', noParams), order: 3, linear }),
  operation({ name: 'clone', run: ([x]) => ops.clone(x!), samples: oneTensor('kink-safe', noParams), order: 3, linear }),
  operation({
    name: 'permute',
    run: ([x], axes: number[]) => ops.permute(x!, axes),
    samples: oneTensor('kink-safe', permutationsOf, { maxRank: 5 }),
    order: 3,
    linear,
    primitive: 'permute',
    kernel: kernelCases<'permute'>({
      cases: fc
        .tuple(operandShapes, seeds)
        .chain(([shape, seed]) => fc.tuple(fc.constant(shape), fc.constant(seed), permutationsOf(shape)))
        .map(([shape, seed, axes]) => ({
          params: { axes },
          inputs: [noise(seed, shape)],
          outputs: [blank(axes.map((a) => shape[a]!))],
        })),
      bound: exact,
    }),
  }),
  operation({
    name: 'transpose',
    run: ([x]) => ops.transpose(x!),
    samples: oneTensor('kink-safe', noParams, { minRank: 2 }),
    order: 3,
    linear,
  }),
  operation({
    name: 'broadcastTo',
    run: ([x], shape: readonly number[]) => ops.broadcastTo(x!, shape),
    samples: (size) => broadcastable(size).chain(({ small, large }) => tensorsOf(size, [[small, 'kink-safe']], large)),
    order: 3,
    linear,
    primitive: 'broadcastTo',
    kernel: kernelCases<'broadcastTo'>({
      cases: fc.tuple(broadcasts(2, { maxRank: 6, maxSize: 2000 }), seeds).map(([{ operands, out }, seed]) => ({
        params: {},
        inputs: [noise(seed, operands[0]!)],
        outputs: [blank(out)],
      })),
      bound: exact,
    }),
  }),
  operation({
    name: 'slice',
    run: ([x], { start, stop, steps }: { start: number[]; stop: number[]; steps: number[] }) => ops.slice(x!, start, stop, steps),
    samples: oneTensor('kink-safe', slicesOf),
    order: 3,
    linear,
    primitive: 'slice',
    kernel: kernelCases<'slice'>({
      cases: drawnSlices.map(([whole, draws, seed]) => {
        const { start, step, shape } = strided(whole, draws);
        return { params: { start, step }, inputs: [noise(seed, whole)], outputs: [blank(shape)] };
      }),
      bound: exact,
    }),
  }),
  operation({
    name: 'flip',
    run: ([x], axes: number[]) => ops.flip(x!, axes),
    samples: oneTensor('kink-safe', (shape) => axesOf(shape)),
    order: 3,
    linear,
  }),
  operation({
    name: 'pad',
    run: ([x], amounts: [number, number][]) => ops.pad(x!, amounts),
    samples: oneTensor('kink-safe', paddingOf, { maxRank: 3 }),
    order: 3,
    linear,
    primitive: 'pad',
    kernel: kernelCases<'pad'>({
      cases: drawnSlices.map(([whole, draws, seed]) => {
        const { start, step, shape } = strided(whole, draws);
        return { params: { low: start, step }, inputs: [noise(seed, shape)], outputs: [blank(whole)] };
      }),
      bound: exact,
    }),
  }),
  operation({
    name: 'concat',
    run: (xs, axis: number) => ops.concat(xs, axis),
    samples: (size) => joinable(size, true),
    order: 2,
    primitive: 'concat',
    kernel: kernelCases<'concat'>({
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
    }),
  }),
  operation({
    name: 'stack',
    run: (xs, axis: number) => composites.stack(xs, axis),
    samples: (size) => joinable(size, false),
    order: 2,
  }),
  operation({
    name: 'assign',
    run: ([target, x]) => {
      const changed = ops.clone(target!);
      ops.assign(changed, x!);
      return changed;
    },
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
    order: 0,
    primitive: 'assign',
    kernel: oneOperand(exact),
  }),
  operation({ name: 'zerosLike', run: ([x]) => composites.zerosLike(x!), samples: oneTensor('kink-safe', noParams), order: 0 }),
  operation({ name: 'onesLike', run: ([x]) => composites.onesLike(x!), samples: oneTensor('kink-safe', noParams), order: 0 }),
  operation({ name: 'detach', run: ([x]) => ops.detach(x!), samples: oneTensor('kink-safe', noParams), order: 0 }),
  operation({
    name: 'oneHot',
    run: ([index], classes: number) => composites.oneHot(index!, classes),
    samples: (size) =>
      fc
        .tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: size === 'small' ? 4 : 200 }))
        .chain(([classes, n]) => labels([n], classes).map((value: TensorValue) => ({ inputs: [value], params: classes }))),
    order: 0,
  }),
];
