/** @file Sums by lane in a first pass, added in a fixed order by a second: how a gradient over many pixels is reduced. */
import type { Operand, WgslKernel } from '../../../contract/backend.ts';
import { sizeOf } from '../../../contract/shape.ts';
import { foldedGrid } from '../runtime/grid.ts';
import type { Gpu, GpuFacts } from '../kernel.ts';
import { partialSums } from '../shaders.gen.ts';

/** Tiles that a lane should have at least, to be worth starting. */
const TILES_PER_LANE = 4;

/** Lanes (a multiple of 64) that share `tiles`, where `blocks` workgroups run side by side already. */
export function lanesFor(facts: GpuFacts, tiles: number, blocks: number): number {
  const wanted = Math.ceil((facts.software ? 16 : 256) / blocks);
  return 64 * Math.max(1, Math.min(wanted, Math.ceil(tiles / (64 * TILES_PER_LANE))));
}

/** Adds partials [sums, lanes] into [sums], in order. */
export function partialSumsKernel(facts: GpuFacts, sums: number, lanes: number): WgslKernel {
  return {
    kind: 'wgsl',
    name: 'partial sums',
    code: partialSums.code,
    uniforms: [sums, lanes],
    workgroups: foldedGrid(facts, sums, 64),
  };
}

/** Lets `launch` fill partials [size of output, lanes], and adds them into the output. */
export function sumOfPartials(gpu: Gpu, lanes: number, output: Operand, launch: (partials: Operand) => void): void {
  const sums = sizeOf(output.shape);
  const partials = gpu.temporary([sums, lanes]);
  launch(partials);
  gpu.launch(partialSumsKernel(gpu.facts, sums, lanes), [partials], [output]);
}
