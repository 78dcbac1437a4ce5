/** @file Pointwise convolution of stride 1, and its input gradient, on images seen as rows of vec4s. */
import type { Operand } from '../../../../contract/backend.ts';
import type { Gpu } from '../../kernel.ts';
import { convPointwise } from '../../shaders.gen.ts';
import { isPointwise, type Roles } from './roles.ts';

/** Launches it if it covers these roles: planes of a multiple of four pixels, more than one written channel, and subgroups. */
export function launchPointwise(gpu: Gpu, roles: Roles, inputs: readonly [Operand, Operand], output: Operand): boolean {
  const { source, written, outputs, groups } = roles;
  const [n, sourceChannels, height, width] = source as readonly [number, number, number, number];
  const plane = height * width;
  const { subgroups, subgroupMinSize, maxWorkgroups } = gpu.facts;
  if (!isPointwise(roles) || plane % 4 !== 0 || outputs === 1 || !subgroups || subgroupMinSize < 4) return false;
  const channels = outputs > 8 ? 16 : outputs > 4 ? 8 : 4;
  const quads = plane / 4;
  const lanes = n * quads;
  const channelBlocks = Math.ceil(outputs / channels);
  const workgroups = [Math.ceil(lanes / 64), channelBlocks * groups, 1] as const;
  if (workgroups.some((v) => v > maxWorkgroups)) return false;
  gpu.launch(
    {
      kind: 'wgsl',
      name: 'conv2d pointwise',
      code: convPointwise.code,
      constants: { CHANNELS: channels, WIDE: subgroupMinSize >= 8 ? 1 : 0 },
      uniforms: [
        ...[lanes, quads, channelBlocks, roles.inputs],
        ...[sourceChannels, written[1]!, outputs],
        ...[roles.weightGroup, roles.weightOut, roles.weightIn],
      ],
      workgroups,
    },
    inputs,
    [output],
  );
  return true;
}
