/** @file The primitives of convolution on WebGPU: each call takes the fastest kernel that covers its geometry. */
import type { ConvGeometry, Operand } from '../../../../contract/backend.ts';
import type { Gpu, WebGpuKernel } from '../../kernel.ts';
import { depthwiseFilter, depthwiseForward, depthwiseInput, depthwiseVariant } from './depthwise.ts';
import { launchFilter, launchFilter3x3, launchFilterPointwise } from './filter.ts';
import { conv2dAny, conv2dFilterAny, conv2dInputAny } from './general.ts';
import { launchPointwise } from './pointwise.ts';
import { forwardPass, inputPass, type ConvPass } from './pass.ts';
import { launchPackedTile, launchSubgroupTile, launchTile3x3 } from './tile.ts';

const isOne = (values: readonly number[]): boolean => values.every((v) => v === 1);

/** 3x3 with stride and dilation 1. */
function isPlain3x3({ kernel, stride, ratio, step }: ConvPass): boolean {
  return kernel[0] === 3 && kernel[1] === 3 && isOne([...stride, ...ratio, ...step.map(Math.abs)]);
}

/** Products of an output from which on the plain kernel, which adds them in blocks, takes over. */
const LONGEST = 8192;

/**
 * Subgroups of eight lanes or more spread weights at the price of a broadcast. With smaller ones, or none, the kernel that loads a pixel once
 * for nine taps is twice as fast; other geometries still gain from subgroups of four.
 */
function launchDense(gpu: Gpu, pass: ConvPass, inputs: readonly [Operand, Operand], output: Operand): boolean {
  // Tiles add all products of an output in a row.
  if (pass.inputs * pass.kernel[0] * pass.kernel[1] > LONGEST) return false;
  const { subgroups, subgroupMinSize } = gpu.traits;
  const isWide = subgroups && subgroupMinSize >= 8;
  if (launchPointwise(gpu, pass, inputs, output)) return true;
  if (!isWide && isPlain3x3(pass) && launchTile3x3(gpu, pass, inputs, output)) return true;
  return subgroups && subgroupMinSize >= 4
    ? launchSubgroupTile(gpu, pass, inputs, output)
    : launchPackedTile(gpu, pass, inputs, output);
}

export const conv2d: WebGpuKernel<ConvGeometry> = (gpu, geometry, [x, w], [y]) => {
  const depthwise = depthwiseVariant(gpu.traits, w!.shape, geometry);
  if (depthwise) depthwiseForward(gpu, depthwise, geometry, x!, w!, y!);
  else if (!launchDense(gpu, forwardPass(x!.shape, w!.shape, y!.shape, geometry), [x!, w!], y!))
    conv2dAny(gpu, geometry, [x!, w!], [y!]);
};

export const conv2dInput: WebGpuKernel<ConvGeometry> = (gpu, geometry, [g, w], [x]) => {
  const depthwise = depthwiseVariant(gpu.traits, w!.shape, geometry);
  if (depthwise) depthwiseInput(gpu, depthwise, geometry, g!, w!, x!);
  else if (!launchDense(gpu, inputPass(g!.shape, w!.shape, x!.shape, geometry), [g!, w!], x!))
    conv2dInputAny(gpu, geometry, [g!, w!], [x!]);
};

export const conv2dFilter: WebGpuKernel<ConvGeometry> = (gpu, geometry, [x, g], [w]) => {
  const depthwise = depthwiseVariant(gpu.traits, w!.shape, geometry);
  if (depthwise) depthwiseFilter(gpu, depthwise, geometry, x!, g!, w!);
  else if (![launchFilterPointwise, launchFilter3x3, launchFilter].some((launch) => launch(gpu, geometry, x!, g!, w!)))
    conv2dFilterAny(gpu, geometry, [x!, g!], [w!]);
};
