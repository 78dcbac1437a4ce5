/** @file take and put on WebGPU. */
import { sizeOf } from '../../../contract/shape.ts';
import { foldedGrid } from '../runtime/grid.ts';
import { kernelOf } from '../runtime/shader.ts';
import type { WebGpuKernel } from '../kernel.ts';
import { indexingPut, indexingTake } from '../shaders.gen.ts';

export const take: WebGpuKernel<object> = (gpu, _params, [x, index], [y]) => {
  const [rows, n] = x!.shape as [number, number];
  const m = index!.shape[1]!;
  const workgroups = foldedGrid(gpu.traits, sizeOf(y!.shape), 64);
  gpu.launch(kernelOf(indexingTake, { uniforms: { rows, n, m }, workgroups }), [x!, index!], [y!]);
};

export const put: WebGpuKernel<object> = (gpu, _params, [g, index], [x]) => {
  const [rows, n] = x!.shape as [number, number];
  const m = index!.shape[1]!;
  const workgroups = foldedGrid(gpu.traits, sizeOf(x!.shape), 64);
  gpu.launch(kernelOf(indexingPut, { uniforms: { rows, n, m, zero: 0 }, workgroups }), [g!, index!], [x!]);
};
