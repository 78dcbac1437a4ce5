/** @file The table of SIMD kernels: those primitives that have one, for float32 buffers of one heap. */
import type { SimdKernels } from '../kernel.ts';
import { convolutionKernels } from './conv/index.ts';
import { elementwiseKernels } from './elementwise.ts';
import { layoutKernels } from './layout.ts';
import type { Linker } from '../runtime/linker.ts';
import { matmulKernels } from './matmul.ts';
import { optimizerKernels } from './optimizer.ts';
import { poolKernels } from './pool.ts';
import { reductionKernels } from './reduce.ts';

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
