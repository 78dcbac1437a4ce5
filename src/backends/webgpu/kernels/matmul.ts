/** @file Matrix product on WebGPU: register tiles, spread by subgroups where there are some, and a plain kernel for small shapes. */
import { largestOf } from '../../../contract/extremes.ts';
import type { Operand } from '../../../contract/backend.ts';
import { foldedGrid } from '../runtime/grid.ts';
import { kernelOf } from '../runtime/shader.ts';
import type { Gpu, AdapterTraits, WebGpuKernel } from '../kernel.ts';
import { permute } from './layout.ts';
import { sumTo } from './reduce.ts';
import { matmulPlain as plainShader, matmulSubgroups, matmulSubgroupsOfFour, matmulTile } from '../shaders.gen.ts';

interface MatmulParams {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

interface Tile {
  readonly shader: typeof matmulTile | typeof matmulSubgroups | typeof matmulSubgroupsOfFour;
  readonly rows: number;
  readonly columns: number;
  readonly lanes: number;
}

/** Below this many products a tile is not worth the time its pipeline takes to compile. */
const LEAST_FOR_TILE = 2 ** 18;
/** From here on the largest tile is worth the seconds that a software adapter takes to compile it. */
const LEAST_FOR_LARGE_TILE = 2 ** 24;

/** Terms that a tile adds in a row. */
const SHORT = 128;
const BLOCK = 32;
/** Of longer sums than this parts are made, unless there are many of them. */
const LONG = 1024;
const FEW_OUTPUTS = 2 ** 14;
/** Terms of a part that a tile adds: whole blocks. */
const TILE_PART = 16 * BLOCK;
/** Invocations of the plain kernel that fill a device, and the least that one of them should add. */
const INVOCATIONS = 4096;
const LEAST_PART = 256;

function chooseTile({ subgroups, subgroupMinSize, subgroupMaxSize }: AdapterTraits, products: number, long: boolean): Tile {
  const oneSize = subgroups && subgroupMinSize === subgroupMaxSize;
  // The large tiles add all terms in a row.
  if (oneSize && products >= LEAST_FOR_LARGE_TILE && !long) {
    if (subgroupMinSize >= 8) {
      return { shader: matmulSubgroups, rows: 16, columns: 8, lanes: subgroupMinSize };
    }
    if (subgroupMinSize === 4) return { shader: matmulSubgroupsOfFour, rows: 16, columns: 8, lanes: 4 };
  }
  return { shader: matmulTile, rows: 8, columns: 4, lanes: oneSize ? Math.max(4, subgroupMinSize) : 32 };
}

export const matmul: WebGpuKernel<MatmulParams> = (gpu, params, [a, b], [y]) => {
  const [m, n] = y!.shape.slice(-2) as [number, number];
  const k = a!.shape.at(params.transposeA ? -2 : -1)!;
  const batch = y!.shape.length === 3 ? y!.shape[0]! : 1;
  const long = k > LONG && m * n * batch <= FEW_OUTPUTS;
  const tile = chooseTile(gpu.traits, m * n * k, long);
  const [columns, rows] = [Math.ceil(n / (tile.lanes * tile.columns)), Math.ceil(m / tile.rows)];
  const { maxWorkgroups } = gpu.traits;
  const most = Math.max(1, Math.floor(maxWorkgroups / batch));
  const chunk = long ? BLOCK * Math.ceil(Math.max(TILE_PART, k / most) / BLOCK) : k;
  const parts = Math.ceil(k / chunk);
  const workgroups = [columns, rows, batch * parts] as const;
  if (m * n * k < LEAST_FOR_TILE || m < 4 || n < 4 || largestOf(workgroups) > maxWorkgroups) {
    matmulPlain(gpu, params, a!, b!, y!);
    return;
  }
  const sizes = { m, n, k, ...stridesOfA(m, k, params.transposeA) };
  const { lanes: LANES } = tile;
  const kernel =
    tile.shader === matmulTile
      ? kernelOf(matmulTile, {
          constants: { LANES, BLOCK: k > SHORT ? BLOCK : 0 },
          uniforms: { ...sizes, parts, chunk },
          workgroups,
        })
      : kernelOf(tile.shader, {
          // The shader for four lanes has them built in.
          ...(tile.shader === matmulSubgroups && { constants: { LANES } }),
          uniforms: sizes,
          workgroups,
        });
  const operands = [a!, params.transposeB ? swapped(gpu, b!) : b!];
  if (parts === 1) return gpu.launch(kernel, operands, [y!]);
  const partial = gpu.temporary([batch, parts, m * n]);
  gpu.launch(kernel, operands, [partial]);
  sumTo(gpu, {}, [partial], [{ ...y!, shape: [batch, 1, m * n] }]);
};

/** One invocation an element: little to compile, and what is left when tiles do not fit. */
export function matmulPlain(gpu: Gpu, { transposeA, transposeB }: MatmulParams, a: Operand, b: Operand, y: Operand): void {
  const [m, n] = y.shape.slice(-2) as [number, number];
  const k = a.shape.at(transposeA ? -2 : -1)!;
  const batch = y.shape.length === 3 ? y.shape[0]! : 1;
  const { bRow, bColumn } = transposeB ? { bRow: 1, bColumn: k } : { bRow: n, bColumn: 1 };
  const outputs = batch * m * n;
  const parts = Math.max(1, Math.min(Math.ceil(INVOCATIONS / outputs), Math.floor(k / LEAST_PART)));
  const kernel = kernelOf(plainShader, {
    uniforms: {
      ...{ m, n, k, batch, ...stridesOfA(m, k, transposeA), bRow, bColumn },
      ...{ parts, chunk: Math.ceil(k / parts), zero: 0 },
    },
    workgroups: foldedGrid(gpu.traits, outputs * parts, 64),
  });
  if (parts === 1) return gpu.launch(kernel, [a, b], [y]);
  const partial = gpu.temporary([outputs, parts]);
  gpu.launch(kernel, [a, b], [partial]);
  sumTo(gpu, {}, [partial], [{ ...y, shape: [outputs, 1] }]);
}

/** Strides of a's rows and columns as the product sees them: its transpose is walked and not copied. */
function stridesOfA(m: number, k: number, isTransposed: boolean): { readonly aRow: number; readonly aColumn: number } {
  return isTransposed ? { aRow: 1, aColumn: m } : { aRow: k, aColumn: 1 };
}

/** A copy with the last two axes swapped: small beside the product, which then reads along memory. */
function swapped(gpu: Gpu, x: Operand): Operand {
  const axes = x.shape.map((_, i) => i);
  const order = [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!];
  const copy = gpu.temporary(order.map((axis) => x.shape[axis]!));
  permute(gpu, { axes: order }, [x], [copy]);
  return copy;
}
