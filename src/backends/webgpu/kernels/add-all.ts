/** @file The sum of several tensors on WebGPU: up to seven a dispatch, which is what eight bindings hold. */
import type { FusedKernel } from '../../../core/fused.ts';
import type { Tensor } from '../../../core/tensor.ts';
import { foldedGrid } from '../runtime/grid.ts';
import type { GpuFacts } from '../kernel.ts';
import { addAll } from '../shaders.gen.ts';

const SLOTS = 7;

function sumOf(facts: GpuFacts, xs: readonly Tensor[]): Tensor {
  const head = xs[0]!;
  const { size } = head;
  const inputs = Array.from({ length: SLOTS }, (_, i) => xs[i] ?? head);
  const [y] = head.device.launch(
    {
      kind: 'wgsl',
      name: 'addAll',
      code: addAll.code,
      constants: { COUNT: xs.length },
      uniforms: [size],
      workgroups: foldedGrid(facts, size, 256),
    },
    inputs,
    [head.shape],
  );
  return y!;
}

/** Adds from the left, seven at first, then the sum and six more. */
export function addAllKernel(facts: GpuFacts): FusedKernel<unknown> {
  return {
    forward(xs) {
      if (xs[0]!.size === 0) return undefined;
      let sum = sumOf(facts, xs.slice(0, SLOTS));
      for (let next = SLOTS; next < xs.length; next += SLOTS - 1) {
        const more = sumOf(facts, [sum, ...xs.slice(next, next + SLOTS - 1)]);
        sum.dispose();
        sum = more;
      }
      return { output: sum };
    },
  };
}
