/** @file Matrix products on the SIMD kernels: small ones as pointwise convolutions or as dot products, large ones blocked. */
import type { SimdKernels, Work } from '../../kernel.ts';
import { addressOf } from '../../runtime/buffer.ts';
import type { Linker } from '../../runtime/linker.ts';
import { type Plan, PlanCache, type Plans } from '../../runtime/plan.ts';
import { dotProductsPlan, outputTilesPlan } from '../conv/plans.ts';
import { gemmModule, gemmScratch } from './blocked.ts';

/** Elements of b up to which it stays in cache unpacked. */
const SMALL = 16_384;
/** Inner indices up to which a single chain of additions is exact enough. */
const SHORT = 512;

/** Inner indices from which on the plain loops, which add in float64, take over. */
const LONGEST = 16_384;

const POINT = [{ row: 0, column: 0, weight: 0 }] as const;

export function matmulKernels(linker: Linker): SimdKernels<'matmul'> {
  const { heap } = linker;
  const plans = new PlanCache(heap);
  return {
    matmul: ({ transposeA, transposeB }, [a, b], [y]) => {
      // Innermost first, so that a product without batches has a batch of 1.
      const [n = 1, m = 1, batch = 1] = y.shape.toReversed();
      const k = a.shape.at(transposeA ? -2 : -1) ?? 1;
      if (k === 0 || k > LONGEST) return undefined;
      const size: Product = { batch, m, n, k };
      const key = (kind: string): string => [kind, batch, m, n, k].join(' ');
      const work = (found: Plans): Work => {
        return () => {
          for (const plan of found())
            plan.run(plan.address, addressOf(b), addressOf(a), addressOf(y), heap.scratch(plan.scratchBytes));
        };
      };
      if (!transposeB && k <= SHORT && (k * n <= SMALL || m < 16)) {
        const kind = transposeA ? 'tn' : 'nn';
        return work(plans.get(key(kind), () => [asConvolution(linker, size, transposeA)]));
      }
      if (transposeB && !transposeA && m * n <= SMALL) return work(plans.get(key('nt'), () => [asDotProducts(linker, size)]));
      return () => blocked(linker, size, addressOf(a), transposeA, addressOf(b), transposeB, addressOf(y));
    },
  };
}

interface Product {
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** b's rows as the channels of an image, a as the weights of a window of one pixel. */
function asConvolution(linker: Linker, { batch, m, n, k }: Product, transposeA: boolean): Plan {
  return outputTilesPlan(linker, {
    offsets: POINT,
    stride: [1, 1],
    height: 1,
    width: n,
    rows: 1,
    columns: n,
    items: batch,
    groups: batch,
    inputs: k,
    outputs: m,
    weight: { group: m * k, output: transposeA ? 1 : k, input: transposeA ? m : 1 },
    out: { offset: 0, item: m * n, channel: n, pitch: n, step: 1 },
  });
}

/** a's rows against b's rows. */
function asDotProducts(linker: Linker, { batch, m, n, k }: Product): Plan {
  return dotProductsPlan(linker, {
    offsets: POINT,
    stride: [1, 1],
    height: 1,
    width: k,
    rows: 1,
    columns: k,
    items: batch,
    groups: batch,
    inputs: n,
    outputs: m,
  });
}

function blocked(
  linker: Linker,
  { batch, m, n, k }: Product,
  a: number,
  transposeA: boolean,
  b: number,
  transposeB: boolean,
  y: number,
): void {
  const { gemm } = linker.load('gemm', gemmModule);
  const scratch = linker.heap.scratch(gemmScratch(m));
  const [aRow, aColumn] = transposeA ? [4, m * 4] : [k * 4, 4];
  const [bRow, bColumn] = transposeB ? [4, k * 4] : [n * 4, 4];
  for (let i = 0; i < batch; i++) {
    gemm(a + i * m * k * 4, aRow, aColumn, b + i * k * n * 4, bRow, bColumn, y + i * m * n * 4, m, n, k, scratch);
  }
}
