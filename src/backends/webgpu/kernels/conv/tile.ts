/** @file Convolution and its input gradient in register tiles, for every geometry and for 3x3 of stride 1. */
import type { Operand } from '../../../../contract/backend.ts';
import type { Gpu } from '../../kernel.ts';
import { kernelOf, type Uniforms } from '../../runtime/shader.ts';
import { convTile3x3, convTilePacked, convTileSubgroups } from '../../shaders.gen.ts';
import { packWeights } from './pack-weights.ts';
import { blockOf, flattened, type ConvPass } from './pass.ts';

/** Channels that a lane takes: more share a loaded pixel, but must not be many more than there are. */
function channelsPerLane(outputs: number): number {
  return outputs > 8 ? 16 : outputs > 4 ? 8 : outputs > 1 ? 4 : 1;
}

interface Tiles {
  readonly lanes: number;
  readonly blocks: number;
  readonly columns: number;
  readonly channels: number;
  readonly channelBlocks: number;
  readonly workgroups: readonly [number, number, number];
}

/** How the general kernels cut what is written; undefined where that exceeds the adapter's grid. */
function cut(gpu: Gpu, { written, ratio, outputs, groups }: ConvPass): Tiles | undefined {
  const [n, , height, width] = written as readonly [number, number, number, number];
  const channels = channelsPerLane(outputs);
  const columns = Math.ceil(width / ratio[1]);
  const blocks = Math.ceil(Math.ceil(height / ratio[0]) / 4);
  const lanes = n * blocks * columns;
  const channelBlocks = Math.ceil(outputs / channels);
  const workgroups = [Math.ceil(lanes / 64), channelBlocks * groups, ratio[0] * ratio[1]] as const;
  if (workgroups.some((v) => v > gpu.traits.maxWorkgroups)) return undefined;
  return { lanes, blocks, columns, channels, channelBlocks, workgroups };
}

/** The general shaders' `struct Geometry` up to the weights. */
function geometryOf(pass: ConvPass, { lanes, blocks, columns, channelBlocks }: Tiles): GeometryUniforms {
  const { inputs, outputs } = pass;
  const [, sourceChannels, sourceHeight, sourceWidth] = pass.source as readonly [number, number, number, number];
  const [, channels, height, width] = pass.written as readonly [number, number, number, number];
  const [kh, kw] = pass.kernel;
  const [strideY, strideX] = pass.stride;
  const [originY, originX] = pass.origin;
  const [stepY, stepX] = pass.step;
  const [ratioY, ratioX] = pass.ratio;
  return {
    ...{ lanes, blocks, columns, channelBlocks },
    ...{ sourceChannels, sourceHeight, sourceWidth, inputs },
    ...{ channels, height, width, outputs },
    ...{ kh, kw, strideY, strideX },
    ...{ originY, originX, stepY, stepX, ratioY, ratioX },
  };
}

type GeometryUniforms = Omit<Uniforms<typeof convTilePacked>, 'weightGroup' | 'weightBlock'>;

/** Every geometry, weights spread by subgroup broadcasts. */
export function launchSubgroupTile(gpu: Gpu, given: ConvPass, inputs: readonly [Operand, Operand], output: Operand): boolean {
  const pass = flattened(given);
  const tiles = cut(gpu, pass);
  if (!tiles) return false;
  const { weightGroup, weightOut, weightIn } = pass;
  const kernel = kernelOf(convTileSubgroups, {
    constants: { CHANNELS: tiles.channels, BLOCK: blockOf(pass), WIDE: gpu.traits.subgroupMinSize >= 8 ? 1 : 0 },
    uniforms: { ...geometryOf(pass, tiles), weightGroup, weightOut, weightIn },
    workgroups: tiles.workgroups,
  });
  gpu.launch(kernel, inputs, [output]);
  return true;
}

/** Every geometry, packed weights. */
export function launchPackedTile(gpu: Gpu, given: ConvPass, [source, w]: readonly [Operand, Operand], output: Operand): boolean {
  const pass = flattened(given);
  const tiles = cut(gpu, pass);
  if (!tiles) return false;
  const packed = packWeights(gpu, pass, w, false);
  const kernel = kernelOf(convTilePacked, {
    constants: { CHANNELS: tiles.channels, BLOCK: blockOf(pass) },
    uniforms: { ...geometryOf(pass, tiles), weightGroup: packed.group, weightBlock: packed.block },
    workgroups: tiles.workgroups,
  });
  gpu.launch(kernel, [source, packed.weights], [output]);
  return true;
}

/** 3x3 of stride and dilation 1: pixels are loaded once for nine taps. */
export function launchTile3x3(gpu: Gpu, pass: ConvPass, [source, w]: readonly [Operand, Operand], output: Operand): boolean {
  const { inputs, outputs, groups, step, origin } = pass;
  const [n, channels, height, width] = pass.written as readonly [number, number, number, number];
  const [, sourceChannels, sourceHeight, sourceWidth] = pass.source as readonly [number, number, number, number];
  const blocksY = Math.ceil(height / 4);
  const blocksX = Math.ceil(width / 4);
  const lanes = n * blocksY * blocksX;
  const channelBlocks = Math.ceil(outputs / 4);
  const workgroups = [Math.ceil(lanes / 64), channelBlocks * groups, 1] as const;
  if (workgroups.some((v) => v > gpu.traits.maxWorkgroups)) return false;
  // The gradient's taps go backwards from its origin: from the other end they go forwards.
  const isReversed = step[0] < 0;
  const top = isReversed ? 2 - origin[0] : -origin[0];
  const left = isReversed ? 2 - origin[1] : -origin[1];
  const packed = packWeights(gpu, pass, w, isReversed);
  const kernel = kernelOf(convTile3x3, {
    constants: { BLOCK: blockOf(pass) > 0 ? 16 : 0 },
    uniforms: {
      ...{ lanes, blocksY, blocksX, channelBlocks },
      ...{ sourceChannels, sourceHeight, sourceWidth, inputs },
      ...{ channels, height, width, outputs },
      ...{ top, left, weightGroup: packed.group },
    },
    workgroups,
  });
  gpu.launch(kernel, [source, packed.weights], [output]);
  return true;
}
