/** @file Matrix product on WebGPU: register tiles, spread by subgroups where there are some, and a plain kernel for small shapes. */
import type { Operand } from '../../../contract/backend.ts';
import { foldedGrid } from '../runtime/grid.ts';
import type { Gpu, GpuFacts, WebGpuKernel } from '../kernel.ts';
import { permute } from './layout.ts';
import { matmulPlain as plain, matmulSubgroups, matmulSubgroupsOfFour, matmulTile } from '../shaders.gen.ts';

interface MatmulParams {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

interface Tile {
  readonly name: string;
  readonly code: string;
  readonly rows: number;
  readonly columns: number;
  readonly lanes: number;
}

/** Below this many products a tile is not worth the time its pipeline takes to compile. */
const LEAST_FOR_TILE = 2 ** 18;
/** From here on the largest tile is worth the seconds that a software adapter takes to compile it. */
const LEAST_FOR_LARGE_TILE = 2 ** 24;

function chooseTile({ subgroups, subgroupMinSize, subgroupMaxSize }: GpuFacts, products: number): Tile {
  const oneSize = subgroups && subgroupMinSize === subgroupMaxSize;
  if (oneSize && products >= LEAST_FOR_LARGE_TILE) {
    if (subgroupMinSize >= 8) {
      return { name: 'matmul subgroups', code: matmulSubgroups.code, rows: 16, columns: 8, lanes: subgroupMinSize };
    }
    if (subgroupMinSize === 4)
      return { name: 'matmul subgroups of 4', code: matmulSubgroupsOfFour.code, rows: 16, columns: 8, lanes: 4 };
  }
  return { name: 'matmul tile', code: matmulTile.code, rows: 8, columns: 4, lanes: oneSize ? Math.max(4, subgroupMinSize) : 32 };
}

export const matmul: WebGpuKernel<MatmulParams> = (gpu, params, [a, b], [y]) => {
  const [m, n] = y!.shape.slice(-2) as [number, number];
  const k = a!.shape.at(params.transposeA ? -2 : -1)!;
  const batch = y!.shape.length === 3 ? y!.shape[0]! : 1;
  const tile = chooseTile(gpu.facts, m * n * k);
  const workgroups = [Math.ceil(n / (tile.lanes * tile.columns)), Math.ceil(m / tile.rows), batch] as const;
  if (m * n * k < LEAST_FOR_TILE || m < 4 || n < 4 || Math.max(...workgroups) > gpu.facts.maxWorkgroups) {
    matmulPlain(gpu, params, a!, b!, y!);
    return;
  }
  gpu.launch(
    {
      kind: 'wgsl',
      name: tile.name,
      code: tile.code,
      // The shader for four lanes has them built in.
      ...(tile.code !== matmulSubgroupsOfFour.code && { constants: { LANES: tile.lanes } }),
      uniforms: [m, n, k, ...(params.transposeA ? [1, m] : [k, 1])],
      workgroups,
    },
    [a!, params.transposeB ? swapped(gpu, b!) : b!],
    [y!],
  );
};

/** One invocation an element: little to compile, and what is left when tiles do not fit. */
export function matmulPlain(gpu: Gpu, { transposeA, transposeB }: MatmulParams, a: Operand, b: Operand, y: Operand): void {
  const [m, n] = y.shape.slice(-2) as [number, number];
  const k = a.shape.at(transposeA ? -2 : -1)!;
  const batch = y.shape.length === 3 ? y.shape[0]! : 1;
  gpu.launch(
    {
      kind: 'wgsl',
      name: 'matmul',
      code: plain.code,
      uniforms: [m, n, k, batch, ...(transposeA ? [1, m] : [k, 1]), ...(transposeB ? [1, k] : [n, 1])],
      workgroups: foldedGrid(gpu.facts, batch * m * n, 64),
    },
    [a, b],
    [y],
  );
}

/** A copy with the last two axes swapped: small beside the product, which then reads along memory. */
function swapped(gpu: Gpu, x: Operand): Operand {
  const axes = x.shape.map((_, i) => i);
  const order = [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!];
  const copy = gpu.temporary(order.map((axis) => x.shape[axis]!));
  permute(gpu, { axes: order }, [x], [copy]);
  return copy;
}
