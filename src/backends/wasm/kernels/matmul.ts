/** @file Matrix products on the SIMD kernels: small ones as pointwise convolutions or correlations, large ones blocked. */
import { addressOf } from '../runtime/buffer.ts';
import { convolvePlan, correlatePlan } from './conv/index.ts';
import { gemmModule, gemmScratch } from './gemm.ts';
import type { SimdKernels } from '../kernel.ts';
import type { Linker } from '../runtime/linker.ts';
import { type Plan, PlanCache, type Plans } from '../runtime/plan.ts';

/** Elements of b up to which it stays in cache unpacked. */
const SMALL = 16_384;
/** Inner indices up to which a single chain of additions is exact enough. */
const SHORT = 512;

const POINT = [{ row: 0, column: 0, weight: 0 }] as const;

export function matmulKernels(linker: Linker): SimdKernels {
  const { heap } = linker;
  const plans = new PlanCache(heap);
  return {
    matmul: ({ transposeA, transposeB }, [a, b], [y]) => {
      const [m, n] = y!.shape.slice(-2) as [number, number];
      const k = a!.shape.at(transposeA ? -2 : -1)!;
      if (k === 0) return undefined;
      const batch = y!.shape.length === 3 ? y!.shape[0]! : 1;
      const size: Product = { batch, m, n, k };
      const key = (kind: string): string => [kind, batch, m, n, k].join(' ');
      const work = (found: Plans) => (): void => {
        for (const plan of found())
          plan.run(plan.address, addressOf(b!), addressOf(a!), addressOf(y!), heap.scratch(plan.scratchBytes));
      };
      if (!transposeB && k <= SHORT && (k * n <= SMALL || m < 16)) {
        const kind = transposeA ? 'tn' : 'nn';
        return work(plans.get(key(kind), () => [asConvolution(linker, size, transposeA)]));
      }
      if (transposeB && !transposeA && m * n <= SMALL) return work(plans.get(key('nt'), () => [asCorrelation(linker, size)]));
      return () => blocked(linker, size, addressOf(a!), transposeA, addressOf(b!), transposeB, addressOf(y!));
    },
  };
}

interface Product {
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** b's rows as the planes of an image, a as weights of one tap. */
function asConvolution(linker: Linker, { batch, m, n, k }: Product, transposeA: boolean): Plan {
  return convolvePlan(linker, {
    taps: POINT,
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
    out: { offset: 0, item: m * n, plane: n, pitch: n, step: 1 },
  });
}

/** a's rows against b's rows. */
function asCorrelation(linker: Linker, { batch, m, n, k }: Product): Plan {
  return correlatePlan(linker, {
    taps: POINT,
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
    gemm!(a + i * m * k * 4, aRow, aColumn, b + i * k * n * 4, bRow, bColumn, y + i * m * n * 4, m, n, k, scratch);
  }
}
