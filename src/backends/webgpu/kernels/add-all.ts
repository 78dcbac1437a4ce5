/** @file The sum of several tensors on WebGPU: up to seven a dispatch, which is what eight bindings hold. */
import { sizeOf } from '../../../contract/shape.ts';
import type { FusedRow } from '../../../contract/backend.ts';
import { foldedGrid } from '../runtime/grid.ts';
import { kernelOf } from '../runtime/shader.ts';
import type { Gpu } from '../kernel.ts';
import { addAll } from '../shaders.gen.ts';

const SLOTS = 7;

export function addAllRow(gpu: Gpu): FusedRow<object> & { readonly atMost: number } {
  return {
    atMost: SLOTS,
    forward(_params, terms, [y]) {
      const n = sizeOf(y!.shape);
      const constants = { COUNT: terms.length };
      gpu.launch(
        kernelOf(addAll, { constants, uniforms: { n }, workgroups: foldedGrid(gpu.traits, n, 256) }),
        // A slot that is not read holds the first term.
        Array.from({ length: SLOTS }, (_, i) => terms[i] ?? terms[0]!),
        [y!],
      );
    },
  };
}
