/** @file Matrix products on the SIMD kernels: small ones as pointwise convolutions or as dot products, large ones blocked. */
import type { SimdKernels } from '../../kernel.ts';
import { addressOf } from '../../runtime/buffer.ts';
import { type Call, callWithScratch, productCost, ranges, type Work } from '../../runtime/calls.ts';
import type { Linker } from '../../runtime/linker.ts';
import { PlanCache, type PlanWords } from '../../runtime/plan.ts';
import { dotProductsPlans, outputTilesPlans } from '../conv/plans.ts';
import type { DotProductsForm, OutputTilesForm } from '../conv/forms.ts';
import { gemmModule, gemmScratch } from './blocked.ts';

/** Elements of b up to which it stays in cache unpacked. */
const SMALL = 16_384;
/** Inner indices up to which a single chain of additions is exact enough. */
const SHORT = 512;

/** Inner indices from which on the plain loops, which add in float64, take over. */
const LONGEST = 16_384;

const POINT = [{ row: 0, column: 0, weight: 0 }] as const;

export function matmulKernels(linker: Linker): SimdKernels<'matmul'> {
  const plans = new PlanCache(linker.heap);
  return {
    matmul: ({ transposeA, transposeB }, [a, b], [y]) => {
      // Innermost first, so that a product without batches has a batch of 1.
      const [n = 1, m = 1, batch = 1] = y.shape.toReversed();
      const k = a.shape.at(transposeA ? -2 : -1) ?? 1;
      if (k === 0 || k > LONGEST) return undefined;
      const size: Product = { batch, m, n, k };
      const key = (kind: string): string => [kind, batch, m, n, k].join(' ');
      const cost = productCost(batch * m * n * k);
      const planned = (kind: string, make: (most: number) => readonly PlanWords[]): Work => [
        {
          cost,
          make: (most) =>
            plans.get(`${key(kind)} ${most}`, () => make(most)).map((plan) => plan.call(addressOf(b), addressOf(a), addressOf(y))),
        },
      ];
      if (!transposeB && k <= SHORT && (k * n <= SMALL || m < 16)) {
        const kind = transposeA ? 'tn' : 'nn';
        return planned(kind, (most) => asConvolution(linker, size, transposeA, most));
      }
      if (transposeB && !transposeA && m * n <= SMALL) return planned('nt', (most) => asDotProducts(linker, size, most));
      return [
        {
          cost,
          make: (most) => blocked(linker, size, addressOf(a), transposeA, addressOf(b), transposeB, addressOf(y), most),
        },
      ];
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
function asConvolution(linker: Linker, { batch, m, n, k }: Product, transposeA: boolean, most: number): readonly PlanWords[] {
  const form: OutputTilesForm = {
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
  };
  return outputTilesPlans(linker, form, most);
}

/** a's rows against b's rows. */
function asDotProducts(linker: Linker, { batch, m, n, k }: Product, most: number): readonly PlanWords[] {
  const form: DotProductsForm = {
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
  };
  return dotProductsPlans(linker, form, most);
}

/** Rows that a range is a multiple of. */
const ROW_UNIT = 16;

function blocked(
  linker: Linker,
  { batch, m, n, k }: Product,
  a: number,
  transposeA: boolean,
  b: number,
  transposeB: boolean,
  y: number,
  most: number,
): readonly Call[] {
  const { gemm } = linker.load('gemm', gemmModule);
  const [aRow, aColumn] = transposeA ? [4, m * 4] : [k * 4, 4];
  const [bRow, bColumn] = transposeB ? [4, k * 4] : [n * 4, 4];
  // Each range packs all of b.
  const rows = ranges(m, Math.ceil(most / batch), ROW_UNIT);
  return Array.from({ length: batch }, (_, i) =>
    rows.map(([from, to]) =>
      callWithScratch(
        gemmScratch(to - from),
        gemm,
        ...[a + i * m * k * 4 + from * aRow, aRow, aColumn],
        ...[b + i * k * n * 4, bRow, bColumn],
        ...[y + (i * m + from) * n * 4, to - from, n, k],
      ),
    ),
  ).flat();
}
