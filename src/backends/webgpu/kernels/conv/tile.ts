/** @file Convolution and its input gradient in register tiles, for every geometry and for 3x3 of stride 1. */
import type { Operand } from '../../../../contract/backend.ts';
import type { Gpu } from '../../kernel.ts';
import { convTilePacked, convTile3x3, convTileSubgroups } from '../../shaders.gen.ts';
import { packWeights } from './pack-weights.ts';
import { flattened, type Roles } from './roles.ts';

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
function cut(gpu: Gpu, { written, ratio, outputs, groups }: Roles): Tiles | undefined {
  const [n, , height, width] = written as readonly [number, number, number, number];
  const channels = channelsPerLane(outputs);
  const columns = Math.ceil(width / ratio[1]);
  const blocks = Math.ceil(Math.ceil(height / ratio[0]) / 4);
  const lanes = n * blocks * columns;
  const channelBlocks = Math.ceil(outputs / channels);
  const workgroups = [Math.ceil(lanes / 64), channelBlocks * groups, ratio[0] * ratio[1]] as const;
  if (workgroups.some((v) => v > gpu.facts.maxWorkgroups)) return undefined;
  return { lanes, blocks, columns, channels, channelBlocks, workgroups };
}

/** The words of the general shaders' `struct Geometry` up to the weights. */
function geometryWords(roles: Roles, { lanes, blocks, columns, channelBlocks }: Tiles): number[] {
  return [
    ...[lanes, blocks, columns, channelBlocks],
    ...roles.source.slice(1),
    roles.inputs,
    ...roles.written.slice(1),
    roles.outputs,
    ...roles.kernel,
    ...roles.stride,
    ...roles.origin,
    ...roles.step,
    ...roles.ratio,
  ];
}

/** Every geometry, weights spread by subgroup broadcasts. */
export function launchSubgroupTile(gpu: Gpu, given: Roles, inputs: readonly [Operand, Operand], output: Operand): boolean {
  const roles = flattened(given);
  const tiles = cut(gpu, roles);
  if (!tiles) return false;
  gpu.launch(
    {
      kind: 'wgsl',
      name: 'conv2d tile subgroups',
      code: convTileSubgroups.code,
      constants: { CHANNELS: tiles.channels, WIDE: gpu.facts.subgroupMinSize >= 8 ? 1 : 0 },
      uniforms: [...geometryWords(roles, tiles), roles.weightGroup, roles.weightOut, roles.weightIn],
      workgroups: tiles.workgroups,
    },
    inputs,
    [output],
  );
  return true;
}

/** Every geometry, packed weights. */
export function launchPackedTile(gpu: Gpu, given: Roles, [source, w]: readonly [Operand, Operand], output: Operand): boolean {
  const roles = flattened(given);
  const tiles = cut(gpu, roles);
  if (!tiles) return false;
  const packed = packWeights(gpu, roles, w, false);
  gpu.launch(
    {
      kind: 'wgsl',
      name: 'conv2d tile',
      code: convTilePacked.code,
      constants: { CHANNELS: tiles.channels },
      uniforms: [...geometryWords(roles, tiles), packed.group, packed.block],
      workgroups: tiles.workgroups,
    },
    [source, packed.weights],
    [output],
  );
  return true;
}

/** 3x3 of stride and dilation 1: pixels are loaded once for nine taps. */
export function launchTile3x3(gpu: Gpu, roles: Roles, [source, w]: readonly [Operand, Operand], output: Operand): boolean {
  const { written, outputs, groups, step, origin } = roles;
  const [n, , height, width] = written as readonly [number, number, number, number];
  const blocksY = Math.ceil(height / 4);
  const blocksX = Math.ceil(width / 4);
  const lanes = n * blocksY * blocksX;
  const channelBlocks = Math.ceil(outputs / 4);
  const workgroups = [Math.ceil(lanes / 64), channelBlocks * groups, 1] as const;
  if (workgroups.some((v) => v > gpu.facts.maxWorkgroups)) return false;
  // The gradient's taps go backwards from its origin: from the other end they go forwards.
  const isReversed = step[0] < 0;
  const [top, left] = isReversed ? [2 - origin[0], 2 - origin[1]] : [-origin[0], -origin[1]];
  const packed = packWeights(gpu, roles, w, isReversed);
  gpu.launch(
    {
      kind: 'wgsl',
      name: 'conv2d tile 3x3',
      code: convTile3x3.code,
      uniforms: [
        ...[lanes, blocksY, blocksX, channelBlocks],
        ...roles.source.slice(1),
        roles.inputs,
        ...written.slice(1),
        outputs,
        ...[top, left, packed.group],
      ],
      workgroups,
    },
    [source, packed.weights],
    [output],
  );
  return true;
}
