/** @file The kernels of convolution that cover every geometry: one invocation an output element. */
import type { ConvGeometry, Operand } from '../../../../contract/backend.ts';
import { type Shape, sizeOf } from '../../../../contract/shape.ts';
import { foldedGrid } from '../../runtime/grid.ts';
import { kernelOf, type Uniforms } from '../../runtime/shader.ts';
import type { Gpu, WebGpuKernel } from '../../kernel.ts';
import { convGeneral } from '../../shaders.gen.ts';

type GeometryUniforms = Omit<Uniforms<typeof convGeneral>, 'size' | 'zero'>;

/** The shader's `struct Geometry` up to the number of elements. */
function geometryOf(x: Shape, weight: Shape, g: Shape, geometry: ConvGeometry): GeometryUniforms {
  const [n, c, h, w] = x as readonly [number, number, number, number];
  const [o, inputs, kh, kw] = weight as readonly [number, number, number, number];
  const [, , oh, ow] = g as readonly [number, number, number, number];
  const [sy, sx] = geometry.stride;
  const [[top], [left]] = geometry.padding;
  const [dy, dx] = geometry.dilation;
  return { n, c, h, w, o, inputs, kh, kw, oh, ow, sy, sx, top, left, dy, dx, groups: geometry.groups };
}

function launch(
  gpu: Gpu,
  entryPoint: (typeof convGeneral)['entryPoints'][number],
  geometry: GeometryUniforms,
  inputs: readonly Operand[],
  output: Operand,
): void {
  const size = sizeOf(output.shape);
  const uniforms = { ...geometry, size, zero: 0 };
  gpu.launch(kernelOf(convGeneral, { entryPoint, uniforms, workgroups: foldedGrid(gpu.traits, size, 64) }), inputs, [output]);
}

export const conv2dAny: WebGpuKernel<ConvGeometry> = (gpu, geometry, [x, w], [y]) => {
  launch(gpu, 'conv2d', geometryOf(x!.shape, w!.shape, y!.shape, geometry), [x!, w!], y!);
};

export const conv2dInputAny: WebGpuKernel<ConvGeometry> = (gpu, geometry, [g, w], [x]) => {
  launch(gpu, 'conv2dInput', geometryOf(x!.shape, w!.shape, g!.shape, geometry), [g!, w!], x!);
};

export const conv2dFilterAny: WebGpuKernel<ConvGeometry> = (gpu, geometry, [x, g], [w]) => {
  launch(gpu, 'conv2dFilter', geometryOf(x!.shape, w!.shape, g!.shape, geometry), [x!, g!], w!);
};
