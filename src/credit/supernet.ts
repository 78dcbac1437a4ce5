/** @file A supernet on one batch as a gated network, so that every credit and conservation report applies to it. */
import { OptionError } from '../contract/errors.ts';
import { alias } from '../core/ops.ts';
import type { LabelledImages } from '../data/index.ts';
import type { EdgeTrace } from '../snas/space/cell.ts';
import { CELL_INPUTS, CELL_TYPES, type CellType, edgesOf } from '../snas/space/genotype.ts';
import type { Supernet } from '../snas/space/network.ts';
import { crossEntropy } from '../core/cross-entropy.ts';
import type { Tensor } from '../core/tensor.ts';
import type { GatedEdge, GatedNetwork } from './gated.ts';

/** Node numbers of cell c start at c * this. */
const NODES_A_CELL = 64;

/** An edge of one cell, with its place. */
export interface SupernetEdge extends GatedEdge {
  readonly cell: number;
  readonly type: CellType;
  /** Row of Z. */
  readonly edge: number;
}

/** All edges of all cells. Edges in the same place of cells of one type share a group: they are tied where Z is shared. */
export function supernetEdges(supernet: Supernet): SupernetEdge[] {
  if (supernet.nodes + CELL_INPUTS > NODES_A_CELL)
    throw new OptionError(`supernetEdges: at most ${NODES_A_CELL - CELL_INPUTS} nodes a cell`);
  const list = edgesOf(supernet.nodes);
  return supernet.cells.flatMap((cell, c) =>
    list.map(({ from, to }, edge) => ({
      name: `cell ${c} ${cell.shape.type} ${from}-${to}`,
      from: c * NODES_A_CELL + from,
      to: c * NODES_A_CELL + to,
      group: CELL_TYPES.indexOf(cell.shape.type) * list.length + edge,
      cell: c,
      type: cell.shape.type,
      edge,
    })),
  );
}

/**
 * The network with one Z a cell, [edges, 8] each, held fixed on one batch: one sample, whose loss is the batch's mean cross-entropy.
 * Set batch norms to batch statistics, without tracking, around its use: `withBatchStatistics` of reparam/snas.
 */
export function supernetNetwork(supernet: Supernet, z: readonly Tensor[], { images, labels }: LabelledImages): GatedNetwork {
  const edges = supernetEdges(supernet);
  const perCell = edgesOf(supernet.nodes).length;
  return {
    edges,
    run: (tap) => {
      const trace: EdgeTrace[] = [];
      const logits = supernet.forward(images, z, {
        trace,
        // The trace must hold what enters the node, so the tap is applied even where nothing is asked of it.
        tap: (cell, edge, output) => (tap ? tap(cell * perCell + edge, output) : alias(output)),
      });
      const nodes = new Map(trace.map((t) => [t.cell * NODES_A_CELL + t.to, t.node] as const));
      return { losses: crossEntropy(logits, labels), nodes };
    },
  };
}
