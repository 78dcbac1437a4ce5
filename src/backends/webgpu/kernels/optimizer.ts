/** @file Optimiser steps on WebGPU, in place: of one parameter a dispatch, and of several, for a network has hundreds of small ones. */
import { largestOf } from '../../../contract/extremes.ts';
import type { FusedRow, Operand } from '../../../contract/backend.ts';
import { sizeOf } from '../../../contract/shape.ts';
import { foldedGrid } from '../runtime/grid.ts';
import { kernelOf } from '../runtime/shader.ts';
import type { Gpu, WebGpuKernel } from '../kernel.ts';
import { optimizerAdam, optimizerSgd, optimizerSgdFive, optimizerSgdTwo } from '../shaders.gen.ts';

export const sgd: WebGpuKernel<{ readonly nesterov: boolean }> = (gpu, { nesterov }, inputs, outputs) => {
  const n = sizeOf(outputs[0]!.shape);
  const constants = { NESTEROV: Number(nesterov) };
  gpu.launch(kernelOf(optimizerSgd, { constants, uniforms: { n }, workgroups: foldedGrid(gpu.traits, n, 64) }), inputs, outputs);
};

export const adam: WebGpuKernel<object> = (gpu, _params, inputs, outputs) => {
  const n = sizeOf(outputs[0]!.shape);
  gpu.launch(kernelOf(optimizerAdam, { uniforms: { n }, workgroups: foldedGrid(gpu.traits, n, 64) }), inputs, outputs);
};

/** Elements that a workgroup of the kernels over several parameters takes. */
const PER_GROUP = 256;

/** Parameters by dispatch: two, or five where a device binds sixteen buffers. */
function slotsOf(gpu: Gpu): readonly number[] {
  return gpu.traits.maxStorageBuffers >= 16 ? [5, 2] : [2];
}

export function sgdManyRow(gpu: Gpu): FusedRow<{ readonly nesterov: boolean }> & { readonly atMost: number } {
  const slots = slotsOf(gpu);
  return {
    atMost: slots[0]!,
    forward({ nesterov }, [hyper, ...gradients], targets) {
      const sizes = gradients.map(({ shape }) => sizeOf(shape));
      const fits = (first: number, count: number): boolean =>
        first + count <= sizes.length &&
        sizes.slice(first, first + count).every((size) => size <= PER_GROUP * gpu.traits.maxWorkgroups);
      for (let first = 0; first < gradients.length;) {
        const count = slots.find((n) => fits(first, n)) ?? 1;
        const some = gradients.slice(first, first + count);
        const changed = targets.slice(2 * first, 2 * (first + count));
        if (count === 1) sgd(gpu, { nesterov }, [some[0]!, hyper!], changed);
        else launchMany(gpu, nesterov, hyper!, some, changed);
        first += count;
      }
    },
  };
}

function launchMany(gpu: Gpu, nesterov: boolean, hyper: Operand, gradients: readonly Operand[], targets: readonly Operand[]): void {
  const sizes = gradients.map(({ shape }) => sizeOf(shape));
  const launch = {
    constants: { NESTEROV: Number(nesterov) },
    // In whole vec4s: a workgroup takes a parameter's size from its place.
    uniforms: { sizes: Array.from({ length: Math.ceil(sizes.length / 4) * 4 }, (_, i) => sizes[i] ?? 0) },
    workgroups: [Math.ceil(largestOf(sizes) / PER_GROUP), sizes.length, 1] as const,
  };
  const kernel = sizes.length === 5 ? kernelOf(optimizerSgdFive, launch) : kernelOf(optimizerSgdTwo, launch);
  gpu.launch(kernel, [hyper, ...gradients], targets);
}
