/** @file The table of SIMD kernels: those primitives that have one, for float32 buffers of one heap. */
import type { Operand, Primitive, PrimitiveParams } from '../../backend.ts';
import { convolutionKernels } from './convolution.ts';
import { elementwiseKernels } from './elementwise.ts';
import { layoutKernels } from './layout.ts';
import type { Linker } from './linker.ts';
import { matmulKernels } from './matmul.ts';
import { optimizerKernels } from './optimizer.ts';
import { poolKernels } from './pool.ts';
import { reductionKernels } from './reduction.ts';

/**
 * The work that computes the outputs, or undefined where these shapes or parameters are not covered: then the plain loop runs. A
 * kernel decides everything that it can from shapes and parameters; the work, which a recorded step repeats, asks its operands for
 * their addresses each time.
 */
export type SimdKernel<Params> = (
  params: Params,
  inputs: readonly Operand[],
  outputs: readonly Operand[],
) => (() => void) | undefined;

export type SimdKernels = { readonly [P in Primitive]?: SimdKernel<PrimitiveParams[P]> };

export function simdKernels(linker: Linker): SimdKernels {
  return {
    ...elementwiseKernels(linker),
    ...reductionKernels(linker),
    ...layoutKernels(linker),
    ...convolutionKernels(linker),
    ...poolKernels(linker),
    ...matmulKernels(linker),
    ...optimizerKernels(linker),
  };
}
