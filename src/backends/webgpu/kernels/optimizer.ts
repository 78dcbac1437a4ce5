/** @file Optimiser steps on WebGPU, in place. */
import { sizeOf } from '../../../contract/shape.ts';
import { foldedGrid } from '../runtime/grid.ts';
import type { WebGpuKernel } from '../kernel.ts';
import { optimizerAdam as adamCode, optimizerSgd as sgdCode } from '../shaders.gen.ts';

export const sgd: WebGpuKernel<{ readonly nesterov: boolean }> = (gpu, { nesterov }, inputs, outputs) => {
  const n = sizeOf(outputs[0]!.shape);
  const workgroups = foldedGrid(gpu.facts, n, 64);
  const constants = { NESTEROV: Number(nesterov) };
  gpu.launch({ kind: 'wgsl', name: 'sgd', code: sgdCode.code, constants, uniforms: [n], workgroups }, inputs, outputs);
};

export const adam: WebGpuKernel<object> = (gpu, _params, inputs, outputs) => {
  const n = sizeOf(outputs[0]!.shape);
  const workgroups = foldedGrid(gpu.facts, n, 64);
  gpu.launch({ kind: 'wgsl', name: 'adam', code: adamCode.code, uniforms: [n], workgroups }, inputs, outputs);
};
