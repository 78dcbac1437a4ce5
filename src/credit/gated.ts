/** @file Gated networks: what a credit needs of a network, be it a small fixture or a supernet. */
import { reshape, sum } from '../core/ops.ts';
import type { Tensor } from '../core/tensor.ts';

/** Called with each edge's mixed output O~; what it returns is summed into the node instead. */
export type EdgeTap = (edge: number, output: Tensor) => Tensor;

export interface GatedEdge {
  readonly name: string;
  /** The nodes that the edge joins, by number; nodes of different cells have different numbers. */
  readonly from: number;
  readonly to: number;
  /** Edges with the same group share one Z (the tied cells of a supernet). Default: a group of its own. */
  readonly group?: number;
}

export interface GatedRun {
  /**
   * One loss per independent sample, [s]; a scalar counts as one sample. Sample r must depend only on row r of every edge's
   * output (its leading axis has s rows, or there is one sample).
   */
  readonly losses: Tensor;
  /** Values of the nodes that edges lead into, by node number, as tensors through which all that is downstream is computed. */
  readonly nodes: ReadonlyMap<number, Tensor>;
}

/**
 * A network with edges that can be scaled. x_j = sum over edges (i, j) of tap(O~_ij(x_i)); `run` computes the losses anew each
 * time, recorded, with everything else (noise, weights, data) held fixed.
 */
export interface GatedNetwork {
  readonly edges: readonly GatedEdge[];
  run(tap?: EdgeTap): GatedRun;
}

/** Sum over everything but the samples: [s, ...] -> [s]. */
export function perSample(x: Tensor, samples: number): Tensor {
  return sum(reshape(x, [samples, x.size / samples]), 1);
}
