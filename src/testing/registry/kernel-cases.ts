/**
 * @file Operands for the kernel of a primitive alone, without an operation around it, and how far a float32 result may be from the
 * float64 one.
 */
import { fc } from '../fast-check.ts';
import type { Primitive, PrimitiveParams } from '../../contract/backend.ts';
import { type Shape, sizeOf } from '../../contract/shape.ts';
import { key, uniforms } from '../../core/random.ts';
import { boundaryShapes, broadcasts, shapes } from '../arbitraries/shapes.ts';

export interface KernelOperand {
  readonly shape: Shape;
  /** Exact in float32. A Uint32Array makes a uint32 operand. */
  readonly data: Float32Array | Uint32Array;
}

export interface KernelCase<P extends Primitive = Primitive> {
  readonly params: PrimitiveParams[P];
  readonly inputs: readonly KernelOperand[];
  /** Contents before the call; what the call does not write stays. */
  readonly outputs: readonly KernelOperand[];
}

/**
 * The largest error of an element: `expected` is its value in float64, `magnitude` the value that the absolute values of the operands
 * give (for a sum of products the sum of the absolute terms), `terms` how many of them.
 */
export type KernelBound = (expected: number, magnitude: number, terms: number) => number;

export interface KernelCases<P extends Primitive = Primitive> {
  readonly cases: fc.Arbitrary<KernelCase<P>>;
  readonly bound: KernelBound;
  /** Number of terms of a sum. Default 1. */
  readonly terms?: (operands: KernelCase<P>) => number;
}

/** Checks the types of a primitive's cases and forgets which primitive it is, so that all make one list. */
export function kernelCases<P extends Primitive>(cases: KernelCases<P>): KernelCases {
  return cases as unknown as KernelCases;
}

/** Half the distance from 1 to the next float32. */
export const U: number = 2 ** -24;
/** WGSL fixes no rounding mode: any result may be the neighbour on the other side. */
export const ULP: number = 2 * U;

export const exact: KernelBound = (): number => 0;
export const ulps =
  (n: number): KernelBound =>
  (expected) =>
    n * ULP * Math.abs(expected) + 2 ** -126;
/** Rounding errors of a sum in any order, in practice: 8 u times the sum of absolute terms. The proven bound is (n + 4) ulps. */
export const summed: KernelBound = (_expected, magnitude, terms) => Math.min(8 * U, (terms + 4) * ULP) * magnitude;

export function noise(seed: number, shape: Shape, low = -2, high = 2): KernelOperand {
  return { shape, data: Float32Array.from(uniforms(key(seed), sizeOf(shape)), (u) => low + (high - low) * u) };
}

/** Whole numbers: many ties and zeros. */
export function whole(seed: number, shape: Shape, low: number, high: number): KernelOperand {
  return { shape, data: noise(seed, shape, low, high + 1).data.map(Math.floor) };
}

export function blank(shape: Shape): KernelOperand {
  return { shape, data: new Float32Array(sizeOf(shape)).fill(7) };
}

export const seeds: fc.Arbitrary<number> = fc.nat(2 ** 20);
export const operandShapes: fc.Arbitrary<Shape> = fc.oneof(shapes({ maxRank: 6, maxSize: 3000 }), boundaryShapes());

/** Operands of a random shape for each seed and position. */
export type MakeOperand = (seed: number, shape: Shape, position: number) => KernelOperand;

/** Values between two numbers. */
export const between =
  (low: number, high: number): MakeOperand =>
  (seed, shape) =>
    noise(seed, shape, low, high);

/** Whole numbers from -2 to 2. */
export const withTies: MakeOperand = (seed, shape) => whole(seed, shape, -2, 2);

/** One operand of any shape. */
export function oneOperand(bound: KernelBound, make: MakeOperand = between(-2, 2)): KernelCases {
  return {
    cases: fc
      .tuple(operandShapes, seeds)
      .map(([shape, seed]) => ({ params: {}, inputs: [make(seed, shape, 0)], outputs: [blank(shape)] })),
    bound,
  };
}

/** Operands that broadcast. */
export function broadcastOperands(count: number, bound: KernelBound, make: MakeOperand = between(-2, 2)): KernelCases {
  const same = operandShapes.map((shape) => ({ operands: Array.from({ length: count }, () => shape), out: shape }));
  return {
    cases: fc.tuple(fc.oneof(broadcasts(count, { maxRank: 6, maxSize: 2000 }), same), seeds).map(([{ operands, out }, seed]) => ({
      params: {},
      inputs: operands.map((shape, i) => make(seed + i, shape, i)),
      outputs: [blank(out)],
    })),
    bound,
  };
}
