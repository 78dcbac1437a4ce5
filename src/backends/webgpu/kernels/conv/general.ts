/** @file The kernels of convolution and of pooling's indices that cover every geometry: one invocation an output element. */
import type { ConvGeometry, Operand, PoolGeometry } from '../../../../contract/backend.ts';
import { type Shape, sizeOf } from '../../../../contract/shape.ts';
import type { Gpu, WebGpuKernel } from '../../kernel.ts';
import { convGeneral, poolMaximumIndices as maxPoolIndicesCode } from '../../shaders.gen.ts';

/** A grid of `groups` workgroups, folded into two dimensions where one would exceed the limit. */
export function grid(groups: number, limit: number): readonly [number, number, number] {
  const rows = Math.ceil(groups / limit);
  return [Math.max(1, Math.ceil(groups / rows)), Math.max(1, rows), 1];
}

/** The words of the shaders' `struct Geometry`, up to `size`. */
export function convWords(x: Shape, w: Shape, g: Shape, geometry: ConvGeometry): number[] {
  const { stride, padding, dilation, groups } = geometry;
  return [...x, ...w, g[2]!, g[3]!, ...stride, padding[0][0], padding[1][0], ...dilation, groups];
}

function launch(gpu: Gpu, entryPoint: string, words: readonly number[], inputs: readonly Operand[], output: Operand): void {
  const size = sizeOf(output.shape);
  gpu.launch(
    {
      kind: 'wgsl',
      name: `${entryPoint} general`,
      code: convGeneral.code,
      entryPoint,
      uniforms: [...words, size],
      workgroups: grid(Math.ceil(size / 64), gpu.facts.maxWorkgroups),
    },
    inputs,
    [output],
  );
}

export const conv2dAny: WebGpuKernel<ConvGeometry> = (gpu, geometry, [x, w], [y]) => {
  launch(gpu, 'conv2d', convWords(x!.shape, w!.shape, y!.shape, geometry), [x!, w!], y!);
};

export const conv2dInputAny: WebGpuKernel<ConvGeometry> = (gpu, geometry, [g, w], [x]) => {
  launch(gpu, 'conv2dInput', convWords(x!.shape, w!.shape, g!.shape, geometry), [g!, w!], x!);
};

export const conv2dFilterAny: WebGpuKernel<ConvGeometry> = (gpu, geometry, [x, g], [w]) => {
  launch(gpu, 'conv2dFilter', convWords(x!.shape, w!.shape, g!.shape, geometry), [x!, g!], w!);
};

export const maxPoolIndices: WebGpuKernel<PoolGeometry> = (gpu, { kernel, stride, padding, dilation }, [x], [y]) => {
  const [, , h, w] = x!.shape as readonly [number, number, number, number];
  const [, , oh, ow] = y!.shape as readonly [number, number, number, number];
  const size = sizeOf(y!.shape);
  gpu.launch(
    {
      kind: 'wgsl',
      name: 'maxPoolIndices',
      code: maxPoolIndicesCode.code,
      uniforms: [h, w, oh, ow, ...kernel, ...stride, padding[0][0], padding[1][0], ...dilation, size],
      workgroups: grid(Math.ceil(size / 64), gpu.facts.maxWorkgroups),
    },
    [x!],
    [y!],
  );
};
