/** @file Weights in vec4s over four written channels, for kernels that spread them without subgroups. */
import type { Operand } from '../../../../contract/backend.ts';
import { foldedGrid } from '../../runtime/grid.ts';
import type { Gpu } from '../../kernel.ts';
import { convPackWeights } from '../../shaders.gen.ts';
import type { Roles } from './roles.ts';

export interface Packed {
  readonly weights: Operand;
  /** Distances in vec4s between groups, and between blocks of four written channels. */
  readonly group: number;
  readonly block: number;
}

/** packed[group, block of written channels, summed channel, tap]: small beside the weights' use, which is once a pixel. */
export function packWeights(gpu: Gpu, roles: Roles, w: Operand, isReversed: boolean): Packed {
  const taps = roles.kernel[0] * roles.kernel[1];
  const blocks = Math.ceil(roles.outputs / 4);
  const size = roles.groups * blocks * roles.inputs * taps;
  const weights = gpu.temporary([size, 4]);
  gpu.launch(
    {
      kind: 'wgsl',
      name: 'conv2d pack weights',
      code: convPackWeights.code,
      uniforms: [
        ...[size, blocks, roles.outputs, roles.inputs, taps],
        ...[roles.weightGroup, roles.weightOut, roles.weightIn],
        isReversed ? 1 : 0,
      ],
      workgroups: foldedGrid(gpu.facts, size, 64),
    },
    [w],
    [weights],
  );
  return { weights, group: blocks * roles.inputs * taps, block: roles.inputs * taps };
}
