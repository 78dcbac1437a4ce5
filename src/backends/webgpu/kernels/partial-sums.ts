/** @file Sums by lane in a first pass, added in a fixed order by a second: how a gradient over many pixels is reduced. */
import type { Operand, WgslKernel } from '../../../contract/backend.ts';
import { sizeOf } from '../../../contract/shape.ts';
import { foldedGrid } from '../runtime/grid.ts';
import { kernelOf } from '../runtime/shader.ts';
import type { AdapterTraits, Gpu } from '../kernel.ts';
import { partialSums } from '../shaders.gen.ts';

/** Tiles that a lane should have at least, to be worth starting. */
const TILES_PER_LANE = 4;

/** Lanes (a multiple of 64) that share `tiles`, where `blocks` workgroups run side by side already. */
export function lanesFor(traits: AdapterTraits, tiles: number, blocks: number): number {
  const wanted = Math.ceil((traits.software ? 16 : 256) / blocks);
  return 64 * Math.max(1, Math.min(wanted, Math.ceil(tiles / (64 * TILES_PER_LANE))));
}

/** Adds lane sums [sums, lanes] into [sums], in order. */
export function partialSumsKernel(traits: AdapterTraits, sums: number, lanes: number): WgslKernel {
  return kernelOf(partialSums, { uniforms: { sums, lanes }, workgroups: foldedGrid(traits, sums, 64) });
}

/** Lets `launch` fill lane sums [size of output, lanes], and adds them into the output. */
export function addLaneSums(gpu: Gpu, lanes: number, output: Operand, launch: (laneSums: Operand) => void): void {
  const sums = sizeOf(output.shape);
  const laneSums = gpu.temporary([sums, lanes]);
  launch(laneSums);
  gpu.launch(partialSumsKernel(gpu.traits, sums, lanes), [laneSums], [output]);
}
