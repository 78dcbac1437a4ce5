/** @file Matrix product on WebGPU. */
import { foldedGrid } from './grid.ts';
import type { WebGpuKernel } from './kernel.ts';
import { matmul as plain } from './shaders.gen.ts';

export const matmul: WebGpuKernel<{ readonly transposeA: boolean; readonly transposeB: boolean }> = (
  gpu,
  { transposeA, transposeB },
  [a, b],
  [y],
) => {
  const [m, n] = y!.shape.slice(-2) as [number, number];
  const k = a!.shape.at(transposeA ? -2 : -1)!;
  const batch = y!.shape.length === 3 ? y!.shape[0]! : 1;
  gpu.launch(
    {
      kind: 'wgsl',
      name: 'matmul',
      code: plain,
      uniforms: [m, n, k, batch, ...(transposeA ? [1, m] : [k, 1]), ...(transposeB ? [1, k] : [n, 1])],
      workgroups: foldedGrid(gpu.facts, batch * m * n, 64),
    },
    [a!, b!],
    [y!],
  );
};
