/** @file Pointwise convolution of stride 1, and its input gradient, on images seen as rows of vec4s. */
import type { Operand } from '../../../../contract/backend.ts';
import type { Gpu } from '../../kernel.ts';
import { kernelOf } from '../../runtime/shader.ts';
import { convPointwise } from '../../shaders.gen.ts';
import { blockOf, isPointwise, type ConvPass } from './pass.ts';

/** Launches it if it covers this pass: planes of a multiple of four pixels, more than one written channel, and subgroups. */
export function launchPointwise(gpu: Gpu, pass: ConvPass, inputs: readonly [Operand, Operand], output: Operand): boolean {
  const { source, written, outputs, groups } = pass;
  const [n, sourceChannels, height, width] = source as readonly [number, number, number, number];
  const plane = height * width;
  const { subgroups, subgroupMinSize, maxWorkgroups } = gpu.traits;
  if (!isPointwise(pass) || plane % 4 !== 0 || outputs === 1 || !subgroups || subgroupMinSize < 4) return false;
  const channels = outputs > 8 ? 16 : outputs > 4 ? 8 : 4;
  const quads = plane / 4;
  const lanes = n * quads;
  const channelBlocks = Math.ceil(outputs / channels);
  const workgroups = [Math.ceil(lanes / 64), channelBlocks * groups, 1] as const;
  if (workgroups.some((v) => v > maxWorkgroups)) return false;
  const { inputs: summed, weightGroup, weightOut, weightIn } = pass;
  const kernel = kernelOf(convPointwise, {
    constants: { CHANNELS: channels, BLOCK: blockOf(pass), WIDE: subgroupMinSize >= 8 ? 1 : 0 },
    uniforms: {
      ...{ lanes, quads, channelBlocks, inputs: summed },
      ...{ sourceChannels, channels: written[1]!, outputs },
      ...{ weightGroup, weightOut, weightIn },
    },
    workgroups,
  });
  gpu.launch(kernel, inputs, [output]);
  return true;
}
