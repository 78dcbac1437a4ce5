/** @file Random bits and uniforms on WebGPU. */
import { sizeOf } from '../../../contract/shape.ts';
import { foldedGrid } from '../runtime/grid.ts';
import { kernelOf } from '../runtime/shader.ts';
import type { WebGpuKernel } from '../kernel.ts';
import { randomBits as bitsShader, randomUniform as uniformShader } from '../shaders.gen.ts';

export const randomBits: WebGpuKernel<object> = (gpu, _params, [key], [y]) => {
  const n = sizeOf(y!.shape);
  gpu.launch(kernelOf(bitsShader, { uniforms: { n }, workgroups: foldedGrid(gpu.traits, n, 64) }), [key!], [y!]);
};

export const bitsToUniform: WebGpuKernel<object> = (gpu, _params, [bits], [y]) => {
  const n = sizeOf(y!.shape);
  gpu.launch(kernelOf(uniformShader, { uniforms: { n }, workgroups: foldedGrid(gpu.traits, n, 64) }), [bits!], [y!]);
};
