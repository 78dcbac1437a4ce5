/** @file The filter gradient as an outer product in registers, for every geometry. */
import type { ConvGeometry, Operand } from '../../backend.ts';
import type { Gpu } from '../kernel.ts';
import { convFilter } from '../shaders.gen.ts';
import { lanesFor, sumOfPartials } from './partial-sums.ts';

/** Columns of the weight matrix that a lane takes. */
const COLUMNS = 8;

function rowsPerLane(outputs: number): number {
  return outputs > 8 ? 16 : outputs > 4 ? 8 : outputs > 1 ? 4 : 1;
}

export function launchFilter(gpu: Gpu, geometry: ConvGeometry, x: Operand, g: Operand, w: Operand): boolean {
  const { stride, padding, dilation, groups } = geometry;
  const [o, inputs, kh, kw] = w.shape as readonly [number, number, number, number];
  const [n, , oh, ow] = g.shape as readonly [number, number, number, number];
  const outputs = o / groups;
  const rows = rowsPerLane(outputs);
  const rowBlocks = Math.ceil(outputs / rows);
  const columnBlocks = Math.ceil((inputs * kh * kw) / COLUMNS);
  const blocks = Math.ceil(oh / 4);
  const tiles = n * blocks * ow;
  if (rowBlocks * groups > gpu.facts.maxWorkgroups || columnBlocks > gpu.facts.maxWorkgroups) return false;
  const lanes = lanesFor(gpu.facts, tiles, rowBlocks * groups * columnBlocks);
  sumOfPartials(gpu, lanes, w, (partials) =>
    gpu.launch(
      {
        kind: 'wgsl',
        name: 'conv2dFilter tile',
        code: convFilter,
        constants: { OUTPUTS: rows },
        uniforms: [
          ...[tiles, blocks, lanes, rowBlocks],
          ...x.shape.slice(1),
          inputs,
          ...g.shape.slice(1),
          outputs,
          ...[kh, kw, ...stride, padding[0][0], padding[1][0], ...dilation],
        ],
        workgroups: [lanes / 64, rowBlocks * groups, columnBlocks],
      },
      [x, g],
      [partials],
    ),
  );
  return true;
}
