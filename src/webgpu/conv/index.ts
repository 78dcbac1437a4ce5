/** @file The primitives of convolution and pooling on WebGPU: each call takes the fastest kernel that covers its geometry. */
import type { ConvGeometry } from '../../backend.ts';
import type { WebGpuKernel } from '../kernel.ts';
import { depthwiseFilter, depthwiseForward, depthwiseInput, depthwiseVariant } from './depthwise.ts';
import { launchFilter } from './filter.ts';
import { conv2dAny, conv2dFilterAny, conv2dInputAny } from './general.ts';
import { forwardRoles, inputRoles, launchTile } from './tile.ts';

export { maxPoolIndices } from './general.ts';

export const conv2d: WebGpuKernel<ConvGeometry> = (gpu, geometry, [x, w], [y]) => {
  const depthwise = depthwiseVariant(gpu.facts, w!.shape, geometry);
  if (depthwise) depthwiseForward(gpu, depthwise, geometry, x!, w!, y!);
  else if (!launchTile(gpu, forwardRoles(x!.shape, w!.shape, y!.shape, geometry), [x!, w!], y!))
    conv2dAny(gpu, geometry, [x!, w!], [y!]);
};

export const conv2dInput: WebGpuKernel<ConvGeometry> = (gpu, geometry, [g, w], [x]) => {
  const depthwise = depthwiseVariant(gpu.facts, w!.shape, geometry);
  if (depthwise) depthwiseInput(gpu, depthwise, geometry, g!, w!, x!);
  else if (!launchTile(gpu, inputRoles(g!.shape, w!.shape, x!.shape, geometry), [g!, w!], x!))
    conv2dInputAny(gpu, geometry, [g!, w!], [x!]);
};

export const conv2dFilter: WebGpuKernel<ConvGeometry> = (gpu, geometry, [x, g], [w]) => {
  const depthwise = depthwiseVariant(gpu.facts, w!.shape, geometry);
  if (depthwise) depthwiseFilter(gpu, depthwise, geometry, x!, g!, w!);
  else if (!launchFilter(gpu, geometry, x!, g!, w!)) conv2dFilterAny(gpu, geometry, [x!, g!], [w!]);
};
