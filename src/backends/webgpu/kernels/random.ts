/** @file Random bits and uniforms on WebGPU. */
import { sizeOf } from '../../../contract/shape.ts';
import { foldedGrid } from '../runtime/grid.ts';
import type { WebGpuKernel } from '../kernel.ts';
import { randomUniform as uniformCode, randomBits as bitsCode } from '../shaders.gen.ts';

export const randomBits: WebGpuKernel<object> = (gpu, _params, [key], [y]) => {
  const n = sizeOf(y!.shape);
  const workgroups = foldedGrid(gpu.facts, n, 64);
  gpu.launch({ kind: 'wgsl', name: 'random bits', code: bitsCode.code, uniforms: [n], workgroups }, [key!], [y!]);
};

export const bitsToUniform: WebGpuKernel<object> = (gpu, _params, [bits], [y]) => {
  const n = sizeOf(y!.shape);
  const workgroups = foldedGrid(gpu.facts, n, 64);
  gpu.launch({ kind: 'wgsl', name: 'bits to uniform', code: uniformCode.code, uniforms: [n], workgroups }, [bits!], [y!]);
};
