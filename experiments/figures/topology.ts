/** @file What is left of a cell: its live edges and nodes, how many inputs a node has, and how deep it is. */
import { activeEdges, CELL_TYPES, type CellType, type Genotype } from 'reparam/snas';

/** A cell's nodes 0 and 1 are its inputs: the outputs of cells k-2 and k-1. */
const INPUTS = 2;

/** Edges of both cells that carry something. */
export function liveEdges(genotype: Genotype): number {
  return CELL_TYPES.reduce((n, type) => n + activeEdges(genotype, type).length, 0);
}

/** Nodes of both cells that something enters. */
export function liveNodes(genotype: Genotype): number {
  return CELL_TYPES.reduce((n, type) => n + inDegrees(genotype, type).length, 0);
}

/** Live edges into each live node of a cell. */
export function inDegrees(genotype: Genotype, type: CellType): number[] {
  const into = new Map<number, number>();
  for (const { to } of activeEdges(genotype, type)) into.set(to, (into.get(to) ?? 0) + 1);
  return [...into.values()];
}

/** Live edges of a cell from its inputs, or from one of them: 0 is the output of cell k-2, 1 that of k-1. */
export function inputEdges(genotype: Genotype, type: CellType, input?: number): number {
  return activeEdges(genotype, type).filter(({ from }) => (input === undefined ? from < INPUTS : from === input)).length;
}

/** Edges on the longest way from an input to a node. */
export function depth(genotype: Genotype, type: CellType): number {
  const reached = new Map<number, number>();
  for (const { from, to } of activeEdges(genotype, type).toSorted((a, b) => a.to - b.to)) {
    reached.set(to, Math.max(reached.get(to) ?? 0, (reached.get(from) ?? 0) + 1));
  }
  return Math.max(0, ...reached.values());
}
