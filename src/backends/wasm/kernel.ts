/** @file What a SIMD kernel is, the table of those primitives that have one, and how a fused kernel is launched. */
import type { Operand, Primitive, PrimitiveInputs, PrimitiveOutputs, PrimitiveParams } from '../../contract/backend.ts';
import type { Work } from './runtime/calls.ts';

/**
 * The work that computes the outputs, or undefined where these shapes or parameters are not covered: then the plain loop runs. A
 * kernel decides everything that it can from shapes and parameters; the work, which a captured step repeats, asks its operands for
 * their addresses when its calls are made.
 */
export type SimdKernel<P extends Primitive> = (
  params: PrimitiveParams[P],
  inputs: PrimitiveInputs<P, Operand>,
  outputs: PrimitiveOutputs<P, Operand>,
) => Work | undefined;

/** A kernel of any primitive of one input and no parameters, and one of two inputs. */
export type UnarySimdKernel = (params: object, inputs: readonly [Operand], outputs: readonly [Operand]) => Work | undefined;
export type BinarySimdKernel = (
  params: object,
  inputs: readonly [Operand, Operand],
  outputs: readonly [Operand],
) => Work | undefined;

/** Kernels by the primitives that they compute. */
export type SimdKernels<P extends Primitive = Primitive> = { readonly [Q in P]: SimdKernel<Q> };

/**
 * A kernel as the backend sees it, which holds operands in lists. It is a method's type because TypeScript then lets a kernel of two
 * inputs stand where one of a list is asked for; that a list is as long as the primitive wants, `apply` sees to.
 */
type ListKernel<P extends Primitive> = {
  work(params: PrimitiveParams[P], inputs: readonly Operand[], outputs: readonly Operand[]): Work | undefined;
}['work'];

export type SimdTable = { readonly [P in Primitive]?: ListKernel<P> };

/** Does work with the operands, now or whenever the captured step runs. */
export type LaunchWork = (inputs: readonly Operand[], outputs: readonly Operand[], work: Work) => void;
