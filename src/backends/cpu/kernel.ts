/** @file What a kernel of the plain CPU backend is: a loop over flat arrays, which may be longer than the shapes say. */
import type { Primitive, PrimitiveInputs, PrimitiveOutputs, PrimitiveParams, TypedArray } from '../../contract/backend.ts';
import type { Shape } from '../../contract/shape.ts';

export interface CpuOperand {
  readonly data: TypedArray;
  readonly shape: Shape;
}

/** Computes the outputs of a primitive. */
export type CpuKernel<P extends Primitive> = (
  params: PrimitiveParams[P],
  inputs: PrimitiveInputs<P, CpuOperand>,
  outputs: PrimitiveOutputs<P, CpuOperand>,
) => void;

/** A kernel of any primitive of one input and no parameters, and one of two inputs. */
export type UnaryKernel = (params: object, inputs: readonly [CpuOperand], outputs: readonly [CpuOperand]) => void;
export type BinaryKernel = (params: object, inputs: readonly [CpuOperand, CpuOperand], outputs: readonly [CpuOperand]) => void;

/**
 * A kernel as its callers see it, who hold operands in lists. It is a method's type because TypeScript then lets a kernel of two
 * inputs stand where one of a list is asked for; that a list is as long as the primitive wants, `apply` sees to.
 */
type ListKernel<P extends Primitive> = {
  run(params: PrimitiveParams[P], inputs: readonly CpuOperand[], outputs: readonly CpuOperand[]): void;
}['run'];

export type CpuKernels = { readonly [P in Primitive]: ListKernel<P> };
