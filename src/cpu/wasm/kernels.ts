/** @file The table of SIMD kernels: those primitives that have one, for float32 buffers of one heap. */
import type { Operand, Primitive, PrimitiveParams } from '../../backend.ts';
import { convolutionKernels } from './convolution.ts';
import type { Heap } from './heap.ts';
import { Linker } from './linker.ts';

/** Computes the outputs, or returns false where these shapes or parameters are not covered: then the plain loop runs. */
export type SimdKernel<Params> = (params: Params, inputs: readonly Operand[], outputs: readonly Operand[]) => boolean;

export type SimdKernels = { readonly [P in Primitive]?: SimdKernel<PrimitiveParams[P]> };

export function simdKernels(heap: Heap): SimdKernels {
  const linker = new Linker(heap);
  return { ...convolutionKernels(linker) };
}
