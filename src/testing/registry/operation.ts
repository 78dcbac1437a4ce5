/** @file What the registry knows of an operation: how to run it, what to run it on, and what has to be true of it. */
import { fc } from '../fast-check.ts';
import type { Primitive } from '../../contract/backend.ts';
import type { Shape } from '../../contract/shape.ts';
import type { Tensor } from '../../core/tensor.ts';
import { bulk, kinkSafe, positive, type Spread, type TensorValue, tieSafe } from '../arbitraries/values.ts';
import { boundaryShapes, type ShapeOptions, shapes } from '../arbitraries/shapes.ts';
import type { ElementwiseRounding } from '../rounding/elementwise.ts';
import type { KernelCases } from './kernel-cases.ts';

/** One case: plain data, so that it prints, and can be kept in a file and run again. */
export interface Sample<Params = unknown> {
  readonly inputs: readonly TensorValue[];
  readonly params: Params;
}

/**
 * `small` cases have few elements, of which every one is varied in a gradient check; `large` ones reach the sizes at which a
 * kernel has several workgroups, and are compared with the float64 reference.
 */
export type Size = 'small' | 'large';

/** An operation with its cases. */
export interface Operation<Params = unknown> {
  /** The public name, perhaps with a variant: `conv2d`, `conv2d (bias)`. */
  readonly name: string;
  readonly run: (inputs: readonly Tensor[], params: Params) => Tensor;
  readonly samples: (size: Size) => fc.Arbitrary<Sample<Params>>;
  /**
   * To what order the derivatives are checked: 3 where the operation is smooth, 2 where it is piecewise so (its cases stay
   * away from the kinks), 1 where it is piecewise constant, and 0 where it takes no gradient on purpose: only its kernel is.
   */
  readonly order: 0 | 1 | 2 | 3;
  /** Positions of the inputs that take a gradient; default all. */
  readonly wrt?: readonly number[];
  /** Sets of inputs in which it is linear (see `checkGrads`). */
  readonly linear?: readonly (readonly number[])[];
  /** The primitive whose kernel this entry checks. */
  readonly primitive?: Primitive;
  /** Operands on which the primitive's kernel is compared with the float64 loops by itself. */
  readonly kernel?: KernelCases;
  /** How float32 rounds the primitive, if it is elementwise. */
  readonly rounding?: ElementwiseRounding;
  /** The fused operation whose kernels this entry checks. */
  readonly fused?: string;
}

/** Checks an entry's types and forgets its parameters' type, so that entries of all kinds make one list. */
export function operation<Params>(entry: Operation<Params>): Operation {
  return entry as unknown as Operation;
}

/** Shapes for an operation that takes any. */
export function anyShape(size: Size, options: ShapeOptions = {}): fc.Arbitrary<Shape> {
  if (size === 'small') return shapes({ maxSize: 12, ...options });
  const many = shapes({ maxSize: 600, ...options });
  // A boundary shape has rank 1 or 2.
  return (options.minRank ?? 0) <= 1 ? fc.oneof(many, boundaryShapes()) : many;
}

/** Values for a shape: element by element where a counterexample will be read, from a seed where it is large. */
export function valuesFor(size: Size, shape: Shape, spread: Spread): fc.Arbitrary<TensorValue> {
  if (size === 'large') return bulk(shape, spread);
  if (spread === 'positive') return positive(shape);
  return spread === 'tie-safe' ? tieSafe(shape) : kinkSafe(shape);
}

/** Cases of an operation of one tensor of any shape, with parameters that depend on the shape. */
export function oneTensor<Params>(
  spread: Spread,
  paramsFor: (shape: Shape) => fc.Arbitrary<Params>,
  options: ShapeOptions = {},
): (size: Size) => fc.Arbitrary<Sample<Params>> {
  return (size) =>
    anyShape(size, options).chain((shape) =>
      fc.record({ inputs: fc.tuple(valuesFor(size, shape, spread)), params: paramsFor(shape) }),
    );
}

/** For an operation without parameters. */
export const noParams: () => fc.Arbitrary<null> = () => fc.constant(null);

/** Cases whose inputs have the given shapes, each with its own kind of values. */
export function tensorsOf<Params>(
  size: Size,
  parts: readonly (readonly [Shape, Spread])[],
  params: Params,
): fc.Arbitrary<Sample<Params>> {
  return fc.tuple(...parts.map(([shape, spread]) => valuesFor(size, shape, spread))).map((inputs) => ({ inputs, params }));
}
