/** @file Genotype: which operation stands on which edge of the normal and of the reduction cell. */
import { largestOf } from '../../../contract/extremes.ts';
import { GenotypeError } from '../../../contract/errors.ts';
import { quote } from '../../../contract/quote.ts';

/** The eight operations of an edge, in the order of Z's columns. */
export const OPERATIONS = [
  'none',
  'max_pool_3x3',
  'avg_pool_3x3',
  'skip_connect',
  'sep_conv_3x3',
  'sep_conv_5x5',
  'dil_conv_3x3',
  'dil_conv_5x5',
] as const;

export type OperationName = (typeof OPERATIONS)[number];

/** Operations that other spaces' genotypes name, and a child can have: NASNet, AmoebaNet, NNI's and NAS-Bench-201's. */
export const OTHER_OPERATIONS = [
  'max_pool_5x5',
  'max_pool_7x7',
  'avg_pool_5x5',
  'sep_conv_7x7',
  'dil_sep_conv_3x3',
  'conv_1x1',
  'conv_3x3',
  'nor_conv_1x1',
  'nor_conv_3x3',
  'nor_conv_7x7',
  'conv_3x1_1x3',
  'conv_7x1_1x7',
] as const;

/** Every operation that an edge of a child can have. */
export type ChildOperation = OperationName | (typeof OTHER_OPERATIONS)[number];

const CHILD_OPERATIONS: readonly ChildOperation[] = [...OPERATIONS, ...OTHER_OPERATIONS];

/** All of them, for errors that list them. */
export function operationNames(): readonly ChildOperation[] {
  return CHILD_OPERATIONS;
}

/** The number of an operation: its column of Z for the eight that are searched, else one above them. */
export function operationNumber(operation: ChildOperation): number {
  return CHILD_OPERATIONS.indexOf(operation);
}

export const CELL_TYPES = ['normal', 'reduce'] as const;
export type CellType = (typeof CELL_TYPES)[number];

/** Inputs of a cell: the outputs of the two previous cells are its nodes 0 and 1; intermediate nodes follow. */
export const CELL_INPUTS = 2;

/** An edge of a cell's graph, from node `from` to intermediate node `to`; from < to. */
export interface CellEdge {
  readonly from: number;
  readonly to: number;
}

export interface GenotypeEdge extends CellEdge {
  readonly operation: ChildOperation;
}

/**
 * Two cells. Edges are in order of `to`. A cell from SNAS lists every edge, `none` included; one from DARTS lists two edges
 * a node; one from NASNet may have two edges between the same nodes. The cell's output is the concatenation of the nodes in `normalConcat` (`reduceConcat`).
 */
export interface Genotype {
  readonly normal: readonly GenotypeEdge[];
  readonly normalConcat: readonly number[];
  readonly reduce: readonly GenotypeEdge[];
  readonly reduceConcat: readonly number[];
}

/** Edges of a cell with `nodes` intermediate nodes, in the order of Z's rows: all into node 2, all into node 3, ... */
export function edgesOf(nodes: number): CellEdge[] {
  if (!Number.isInteger(nodes) || nodes < 1)
    throw new GenotypeError(`edgesOf: a cell has at least one intermediate node, not ${nodes}`);
  return Array.from({ length: nodes }, (_, n) => n + CELL_INPUTS).flatMap((to) =>
    Array.from({ length: to }, (_, from) => ({ from, to })),
  );
}

/** The edges and the output nodes of one cell of a genotype. */
export function cellOf(
  genotype: Genotype,
  type: CellType,
): { readonly edges: readonly GenotypeEdge[]; readonly concat: readonly number[] } {
  return type === 'normal'
    ? { edges: genotype.normal, concat: genotype.normalConcat }
    : { edges: genotype.reduce, concat: genotype.reduceConcat };
}

/** Intermediate nodes of a cell, those without an edge that does something included. */
export function nodeCount(genotype: Genotype, type: CellType): number {
  const { edges, concat } = cellOf(genotype, type);
  return largestOf([CELL_INPUTS, ...edges.map((e) => e.to), ...concat]) + 1 - CELL_INPUTS;
}

/**
 * The edges of a cell that carry something to its output: not `none`, not from a node that nothing enters, and not into a node
 * from which nothing reaches the output. A node that none of these enters has vanished.
 */
export function activeEdges(genotype: Genotype, type: CellType): GenotypeEdge[] {
  const { edges, concat } = cellOf(genotype, type);
  const fed = new Set(Array.from({ length: CELL_INPUTS }, (_, i) => i));
  const carrying: GenotypeEdge[] = [];
  for (const edge of edges.toSorted((a, b) => a.to - b.to)) {
    if (edge.operation === 'none' || !fed.has(edge.from)) continue;
    fed.add(edge.to);
    carrying.push(edge);
  }
  const used = new Set(concat);
  return carrying
    .toReversed()
    .filter((edge) => {
      if (used.has(edge.to)) used.add(edge.from);
      return used.has(edge.to);
    })
    .toReversed();
}

/** The last node that a cell may have: two digits more than any cell that was published, and few enough to be counted in a moment. */
export const MAX_NODE = 999;

/** Refuses what is not a genotype: unknown operations, edges against the order, an output that is not a node. */
export function checkGenotype(genotype: Genotype): Genotype {
  for (const type of CELL_TYPES) {
    const { edges, concat } = cellOf(genotype, type);
    let last = CELL_INPUTS;
    for (const { operation, from, to } of edges) {
      const where = `genotype: ${type} cell, edge ${from} -> ${to}`;
      if (!isOperation(operation))
        throw new GenotypeError(
          `${where}: unknown operation ${quote(String(operation))}; it is one of ${CHILD_OPERATIONS.join(', ')}`,
        );
      if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || to < CELL_INPUTS || from >= to) {
        throw new GenotypeError(
          `${where}: an edge goes from a node to a later intermediate node (0 and 1 are the inputs, ${CELL_INPUTS} is the first)`,
        );
      }
      if (to > MAX_NODE) throw new GenotypeError(`${where}: node ${to} is above ${MAX_NODE}, the last that a cell may have`);
      if (to < last)
        throw new GenotypeError(`${where}: edges are listed in order of the node they enter, and node ${last} came before`);
      last = to;
    }
    if (edges.length === 0) throw new GenotypeError(`genotype: the ${type} cell has no edge`);
    if (concat.length === 0) throw new GenotypeError(`genotype: the ${type} cell has no output node`);
    concat.forEach((node, i) => {
      if (!Number.isInteger(node) || node < CELL_INPUTS || node > MAX_NODE || concat.indexOf(node) !== i) {
        throw new GenotypeError(
          `genotype: ${type} cell, output node ${String(node)}: outputs are distinct intermediate nodes, ${CELL_INPUTS} to ${MAX_NODE}`,
        );
      }
    });
  }
  return genotype;
}

export function isOperation(name: unknown): name is ChildOperation {
  return CHILD_OPERATIONS.some((operation) => operation === name);
}

/**
 * The edges of a cell by what the supernet has: one of the eight operations an edge. GenotypeError, in the name of `op`, for a genotype of
 * another search space.
 */
export function searchedEdges(
  op: string,
  genotype: Genotype,
  type: CellType,
): (CellEdge & { readonly operation: OperationName })[] {
  const seen = new Set<string>();
  return cellOf(genotype, type).edges.map(({ operation, from, to }) => {
    const where = `${op}: ${type} cell, edge ${from} -> ${to}`;
    const searched = OPERATIONS.find((o) => o === operation);
    if (!searched)
      throw new GenotypeError(`${where}: ${operation} is none of the operations that are searched: ${OPERATIONS.join(', ')}`);
    if (seen.has(`${from} ${to}`)) throw new GenotypeError(`${where}: listed twice; a supernet has one operation an edge`);
    seen.add(`${from} ${to}`);
    return { operation: searched, from, to };
  });
}

/** The genotype of one operation index (column of Z) an edge, rows in the order of `edgesOf`: every edge is listed. */
export function genotypeFromChoices(choices: { readonly [type in CellType]: readonly number[] }, nodes: number): Genotype {
  const edges = edgesOf(nodes);
  const concat = Array.from({ length: nodes }, (_, i) => i + CELL_INPUTS);
  const cell = (type: CellType): GenotypeEdge[] => {
    const chosen = choices[type];
    if (chosen.length !== edges.length) {
      throw new GenotypeError(
        `genotypeFromChoices: ${chosen.length} choices for the ${edges.length} edges of a ${type} cell of ${nodes} nodes`,
      );
    }
    return edges.map((edge, i) => {
      const operation = OPERATIONS[chosen[i]!];
      if (!operation)
        throw new GenotypeError(
          `genotypeFromChoices: ${chosen[i]} is not the index of an operation (0 to ${OPERATIONS.length - 1})`,
        );
      return { operation, ...edge };
    });
  };
  return checkGenotype({ normal: cell('normal'), normalConcat: concat, reduce: cell('reduce'), reduceConcat: concat });
}

/** One-hot rows [edges * 8], row-major: 1 in each edge's column of Z, else 0. */
export function oneHotRows(columns: readonly number[]): number[] {
  return columns.flatMap((column) => OPERATIONS.map((_name, k) => (k === column ? 1 : 0)));
}

/** One-hot rows [edges * 8] (row-major, order of `edgesOf`) of a cell; edges that the genotype does not list are `none`. */
export function oneHotOf(genotype: Genotype, type: CellType): number[] {
  const edges = searchedEdges('oneHotOf', genotype, type);
  const chosen = new Map(edges.map((e) => [`${e.from} ${e.to}`, e.operation]));
  const all = edgesOf(nodeCount(genotype, type));
  return oneHotRows(all.map(({ from, to }) => OPERATIONS.indexOf(chosen.get(`${from} ${to}`) ?? 'none')));
}
