/** @file The table of SIMD kernels: those primitives that have one, for float32 buffers of one heap. */
import type { SimdTable } from '../kernel.ts';
import type { Linker } from '../runtime/linker.ts';
import { convKernels } from './conv/index.ts';
import { elementwiseKernels } from './elementwise.ts';
import { indexingKernels } from './indexing.ts';
import { layoutKernels } from './layout.ts';
import { matmulKernels } from './matmul/index.ts';
import { optimizerKernels } from './optimizer.ts';
import { poolKernels } from './pool.ts';
import { reduceKernels } from './reduce.ts';

export function simdKernels(linker: Linker): SimdTable {
  return {
    ...elementwiseKernels(linker),
    ...layoutKernels(linker),
    ...reduceKernels(linker),
    ...matmulKernels(linker),
    ...convKernels(linker),
    ...poolKernels(linker),
    ...indexingKernels(linker),
    ...optimizerKernels(linker),
  };
}
