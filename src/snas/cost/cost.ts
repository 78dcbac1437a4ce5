/**
 * @file Resource cost of an architecture, C(Z) = sum over edges of Z_ij . C(O_ij): parameters, FLOPs and memory access (eq 16).
 *
 * All three are needed to tell the operations apart: only memory access separates a skip from none, only FLOPs a pool from a
 * skip, only parameters a convolution from a pool. Formulas: the authors' code. C(Z) is linear in Z.
 */
import { largestOf } from '../../contract/extremes.ts';
import { OptionError } from '../../contract/errors.ts';
import { edgeStride } from '../space/cell.ts';
import {
  CELL_TYPES,
  type CellType,
  edgesOf,
  type Genotype,
  nodeCount,
  type OperationName,
  OPERATIONS,
  searchedEdges,
} from '../space/genotype.ts';
import { cellShapes } from '../space/network.ts';
import { type NetworkConfig, supernetSize } from '../space/network-config.ts';

export const RESOURCES = ['parameters', 'flops', 'memory'] as const;
/** Weights; multiply-adds; elements read and written (memory access cost). */
export type Resource = (typeof RESOURCES)[number];
export type Cost = Readonly<Record<Resource, number>>;

export interface OperationSize {
  readonly channels: number;
  /** Side of the square output, in pixels. */
  readonly side: number;
  readonly stride: 1 | 2;
}

/** What one operation costs for one image. Batch norms are not counted. */
export function operationCost(operation: OperationName, { channels: c, side, stride }: OperationSize): Cost {
  const area = side * side;
  // An operation of stride 2 reads four times the pixels that it writes: 3 C area more than at stride 1.
  const traffic = (maps: number): number => (maps + (stride === 2 ? 3 : 0)) * c * area;
  const convolution = (parameters: number, maps: number): Cost => ({
    parameters,
    flops: parameters * area,
    memory: traffic(maps) + parameters,
  });
  const kernel = operation.endsWith('5x5') ? 5 : 3;
  switch (operation) {
    case 'none':
      return { parameters: 0, flops: 0, memory: 0 };
    case 'max_pool_3x3':
    case 'avg_pool_3x3':
      return { parameters: 0, flops: 9 * area * c, memory: traffic(2) };
    case 'skip_connect':
      return stride === 1
        ? { parameters: 0, flops: 0, memory: 2 * c * area }
        : { parameters: c * c, flops: c * c * area, memory: 2 * area * (4 * c + c / 2) + c * c };
    case 'sep_conv_3x3':
    case 'sep_conv_5x5':
      return convolution(2 * (c * kernel * kernel + c * c), 8);
    case 'dil_conv_3x3':
    case 'dil_conv_5x5':
      return convolution(c * kernel * kernel + c * c, 4);
  }
}

export interface CostedNetwork extends NetworkConfig {
  /** Side of the square input image, in pixels. */
  readonly imageSide: number;
}

/** Costs of every operation on every edge of one cell: [edges * 8], rows in the order of `edgesOf`. */
export type EdgeCosts = Readonly<Record<Resource, Float64Array>>;

export interface CostTable {
  readonly nodes: number;
  /** Cell by cell. */
  readonly cells: readonly { readonly type: CellType; readonly costs: EdgeCosts }[];
  /** Summed over the cells of a type, which share one Z. */
  readonly byType: Readonly<Record<CellType, EdgeCosts>>;
}

/** Output side of each cell of the stacked network. */
export function cellSides(config: CostedNetwork): number[] {
  let side = Math.ceil(config.imageSide / (config.stemStride ?? 1));
  return cellShapes(config, { normal: 1, reduce: 1 }).map(({ type }) => (side = type === 'reduce' ? Math.ceil(side / 2) : side));
}

/** The costs of a supernet's edges. Stem, cell inputs and classifier are the same for every Z and are not in it. */
export function costTable(config: CostedNetwork): CostTable {
  if (!Number.isInteger(config.imageSide) || config.imageSide < 1) {
    throw new OptionError(`costTable: imageSide ${config.imageSide} must be an integer >= 1`);
  }
  supernetSize(config);
  const nodes = config.nodes ?? 4;
  const edges = edgesOf(nodes);
  const sides = cellSides(config);
  const cells = cellShapes(config, { normal: nodes, reduce: nodes }).map(({ type, channels, index }) => {
    const costs = emptyCosts(edges.length);
    edges.forEach(({ from }, e) => {
      OPERATIONS.forEach((operation, k) => {
        const cost = operationCost(operation, { channels, side: sides[index]!, stride: edgeStride(type, from) });
        for (const resource of RESOURCES) costs[resource][e * OPERATIONS.length + k] = cost[resource];
      });
    });
    return { type, costs };
  });
  const total = (type: CellType): EdgeCosts => {
    const sum = emptyCosts(edges.length);
    for (const cell of cells) {
      if (cell.type !== type) continue;
      for (const resource of RESOURCES) cell.costs[resource].forEach((v, i) => (sum[resource][i]! += v));
    }
    return sum;
  };
  return { nodes, cells, byType: { normal: total('normal'), reduce: total('reduce') } };
}

function emptyCosts(edges: number): EdgeCosts {
  const zeros = (): Float64Array => new Float64Array(edges * OPERATIONS.length);
  return { parameters: zeros(), flops: zeros(), memory: zeros() };
}

/** The summed cost of a child's chosen operations, over all cells: C(Z) at the one-hot Z. */
export function genotypeCost(genotype: Genotype, table: CostTable): Cost {
  const sum = { parameters: 0, flops: 0, memory: 0 };
  for (const type of CELL_TYPES) {
    if (nodeCount(genotype, type) !== table.nodes) {
      throw new OptionError(`genotypeCost: the ${type} cell has ${nodeCount(genotype, type)} nodes, the cost table ${table.nodes}`);
    }
    const rows = new Map(edgesOf(table.nodes).map(({ from, to }, e) => [`${from} ${to}`, e]));
    for (const { operation, from, to } of searchedEdges('genotypeCost', genotype, type)) {
      const at = rows.get(`${from} ${to}`)! * OPERATIONS.length + OPERATIONS.indexOf(operation);
      for (const resource of RESOURCES) sum[resource] += table.byType[type][resource][at]!;
    }
  }
  return sum;
}

/** The largest cost that any Z can have, resource by resource: the unit of a relative cost. */
export function largestCost(table: CostTable): Cost {
  const largest = (resource: Resource): number => {
    let sum = 0;
    for (const type of CELL_TYPES) {
      const costs = table.byType[type][resource];
      for (let e = 0; e < costs.length; e += OPERATIONS.length) sum += largestOf(costs.subarray(e, e + OPERATIONS.length));
    }
    return sum;
  };
  return { parameters: largest('parameters'), flops: largest('flops'), memory: largest('memory') };
}

/** Weights of the three resources in one scalar cost. */
export type ResourceWeights = Partial<Cost>;

/**
 * Weights that make the cost a fraction: 0 where every edge is `none`, 1 for the most expensive Z, `shares` (summing to 1) saying how much
 * each resource counts. Then eta is a price in nats for the whole network, whatever its size.
 */
export function relativeWeights(table: CostTable, shares: ResourceWeights): ResourceWeights {
  const largest = largestCost(table);
  const total = RESOURCES.reduce((sum, r) => sum + (shares[r] ?? 0), 0);
  if (!(total > 0) || RESOURCES.some((r) => (shares[r] ?? 0) < 0)) {
    throw new OptionError(`relativeWeights: shares ${JSON.stringify(shares)} must be >= 0 and not all 0`);
  }
  return Object.fromEntries(RESOURCES.filter((r) => shares[r]).map((r) => [r, shares[r]! / total / largest[r]]));
}

/** One number for each operation on each edge, [edges * 8] a cell type: the weighted sum of the resources, over all cells of the type. */
export function combinedCosts(table: CostTable, weights: ResourceWeights): Record<CellType, Float64Array> {
  const of = (type: CellType): Float64Array =>
    table.byType[type].parameters.map((_, i) =>
      RESOURCES.reduce((sum, r) => sum + (weights[r] ?? 0) * table.byType[type][r][i]!, 0),
    );
  return { normal: of('normal'), reduce: of('reduce') };
}
