/** @file Gated networks: what a credit needs of a network, be it a small fixture or a supernet. */
import { OptionError } from '../contract/errors.ts';
import { reshape, sum } from '../core/ops.ts';
import type { Tensor } from '../core/tensor.ts';

/** Called with each edge's mixed output O~; what it returns is summed into the node instead. */
export type EdgeTap = (edge: number, output: Tensor) => Tensor;

/** Called with each edge's row of Z, [s, options] or [options]; what it returns, of the same shape, mixes the options instead. */
export type RowTap = (edge: number, row: Tensor) => Tensor;

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
 * A network with edges that can be scaled. x_j = sum over edges (i, j) of tap(O~_ij(x_i)), O~_ij = sum_k rowTap(Z_ij)_k O_k(x_i);
 * `run` computes the losses anew each time, recorded, with everything else (noise, weights, data) held fixed. A network that calls no
 * `rowTap` has every credit but those that look at options.
 */
export interface GatedNetwork {
  readonly edges: readonly GatedEdge[];
  run(tap?: EdgeTap, rowTap?: RowTap): GatedRun;
}

/** Edges that share one Z, as one: all tied places of a choice. */
export interface EdgeGroup {
  /** `GatedEdge.group`, or the edge's own number where it has none. */
  readonly group: number;
  /** Its edges, by index, in their order. */
  readonly edges: readonly number[];
}

/** The groups of a network in the order of their first edges. OptionError where an edge without a group has the number of one. */
export function groupsOf({ edges }: GatedNetwork): EdgeGroup[] {
  const named = new Set(edges.map(({ group }) => group));
  const groups = new Map<number, number[]>();
  edges.forEach(({ group, name }, e) => {
    if (group === undefined && named.has(e))
      throw new OptionError(`groupsOf: edge ${name} has no group, and its number ${e} is that of a group; give all edges a group`);
    const number = group ?? e;
    groups.set(number, [...(groups.get(number) ?? []), e]);
  });
  return Array.from(groups, ([group, members]) => ({ group, edges: members }));
}

/** Sum over everything but the samples: [s, ...] -> [s]. */
export function perSample(x: Tensor, samples: number): Tensor {
  return sum(reshape(x, [samples, x.size / samples]), 1);
}
