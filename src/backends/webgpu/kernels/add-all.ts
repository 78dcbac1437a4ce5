/** @file The sum of several tensors on WebGPU: up to seven a dispatch, which is what eight bindings hold. */
import { sizeOf } from '../../../contract/shape.ts';
import type { FusedRow } from '../../../contract/backend.ts';
import { foldedGrid } from '../runtime/grid.ts';
import type { Gpu } from '../kernel.ts';
import { addAll } from '../shaders.gen.ts';

const SLOTS = 7;

export function addAllRow(gpu: Gpu): FusedRow<object> & { readonly atMost: number } {
  return {
    atMost: SLOTS,
    forward(_params, terms, [y]) {
      const size = sizeOf(y!.shape);
      gpu.launch(
        {
          kind: 'wgsl',
          name: 'addAll',
          code: addAll,
          constants: { COUNT: terms.length },
          uniforms: [size],
          workgroups: foldedGrid(gpu.facts, size, 256),
        },
        // A slot that is not read holds the first term.
        Array.from({ length: SLOTS }, (_, i) => terms[i] ?? terms[0]!),
        [y!],
      );
    },
  };
}
