/** @file Sums by lane in a first pass, added in a fixed order by a second: how a gradient over many pixels is reduced. */
import type { Operand, WgslKernel } from '../../../contract/backend.ts';
import { sizeOf } from '../../../contract/shape.ts';
import { foldedGrid } from '../runtime/grid.ts';
import { kernelOf } from '../runtime/shader.ts';
import type { AdapterTraits, Gpu } from '../kernel.ts';
import { partialSums } from '../shaders.gen.ts';

/** Tiles that a lane should have at least, to be worth starting. */
const TILES_PER_LANE = 4;

/** Tiles that a lane may add in a row, and how many it is given where that would be more and lanes enough have room for their sums. */
const SHORT_CHAIN = 16;
const LONGEST_CHAIN = 32;
const MOST_LANE_SUMS = 2 ** 22;

/**
 * Lanes (a multiple of 64) that share `tiles`, where `blocks` workgroups run side by side already and each lane has a share of `sums`
 * sums. More lanes than the device needs keep a lane's chain of additions short.
 */
export function lanesFor(traits: AdapterTraits, tiles: number, blocks: number, sums: number): number {
  const wanted = Math.ceil((traits.software ? 16 : 256) / blocks);
  const busy = Math.max(1, Math.min(wanted, Math.ceil(tiles / (64 * TILES_PER_LANE))));
  if (tiles <= 64 * busy * LONGEST_CHAIN) return 64 * busy;
  const exact = Math.min(Math.ceil(tiles / (64 * SHORT_CHAIN)), Math.floor(MOST_LANE_SUMS / (64 * sums)), traits.maxWorkgroups);
  return 64 * Math.max(busy, exact);
}

/** Slices of the tiles, likewise, where lanes are not in groups of 64. */
export function slicesFor(tiles: number, busy: number, sums: number): number {
  if (tiles <= busy * LONGEST_CHAIN) return Math.min(tiles, busy);
  return Math.min(tiles, Math.max(busy, Math.min(Math.ceil(tiles / SHORT_CHAIN), Math.floor(MOST_LANE_SUMS / sums))));
}

/** Adds lane sums [sums, lanes] into [sums], in order. */
export function partialSumsKernel(traits: AdapterTraits, sums: number, lanes: number): WgslKernel {
  return kernelOf(partialSums, { uniforms: { sums, lanes, zero: 0 }, workgroups: foldedGrid(traits, sums, 64) });
}

/** Lets `launch` fill lane sums [size of output, lanes], and adds them into the output. */
export function addLaneSums(gpu: Gpu, lanes: number, output: Operand, launch: (laneSums: Operand) => void): void {
  const sums = sizeOf(output.shape);
  const laneSums = gpu.temporary([sums, lanes]);
  launch(laneSums);
  gpu.launch(partialSumsKernel(gpu.traits, sums, lanes), [laneSums], [output]);
}
