/** @file Weights in vec4s over four written channels, for kernels that spread them without subgroups. */
import type { Operand } from '../../../../contract/backend.ts';
import { foldedGrid } from '../../runtime/grid.ts';
import { kernelOf } from '../../runtime/shader.ts';
import type { Gpu } from '../../kernel.ts';
import { convPackWeights } from '../../shaders.gen.ts';
import type { ConvPass } from './pass.ts';

export interface Packed {
  readonly weights: Operand;
  /** Distances in vec4s between groups, and between blocks of four written channels. */
  readonly group: number;
  readonly block: number;
}

/** packed[group, block of written channels, summed channel, tap]: small beside the weights' use, which is once a pixel. */
export function packWeights(gpu: Gpu, pass: ConvPass, w: Operand, isReversed: boolean): Packed {
  const { groups, outputs, inputs, weightGroup, weightOut, weightIn } = pass;
  const area = pass.kernel[0] * pass.kernel[1];
  const blocks = Math.ceil(outputs / 4);
  const size = groups * blocks * inputs * area;
  const weights = gpu.temporary([size, 4]);
  const kernel = kernelOf(convPackWeights, {
    uniforms: { size, blocks, outputs, inputs, area, weightGroup, weightOut, weightIn, reversed: Number(isReversed) },
    workgroups: foldedGrid(gpu.traits, size, 64),
  });
  gpu.launch(kernel, [w], [weights]);
  return { weights, group: blocks * inputs * area, block: inputs * area };
}
