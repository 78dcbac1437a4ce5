/**
 * @file The resource costs of the eight operations by SNAS's own table: parameters, FLOPs and memory access of each on each edge (equation 16).
 * Formulas: the authors' code.
 */
import { OptionError } from '../../../contract/errors.ts';
import { type Cost, type PlaceCosts, type Resource, RESOURCES } from '../../space/resources.ts';
import { edgeStride } from './cell.ts';
import { CELL_TYPES, type CellType, edgesOf, type OperationName, OPERATIONS } from './genotype.ts';
import { cellShapes } from './network.ts';
import { type NetworkConfig, supernetSize } from './network-config.ts';

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

export interface EdgeCostTable {
  readonly nodes: number;
  /** Cell by cell. */
  readonly cells: readonly { readonly type: CellType; readonly costs: EdgeCosts }[];
}

/** Output side of each cell of the stacked network. */
export function cellSides(config: CostedNetwork): number[] {
  let side = Math.ceil(config.imageSide / (config.stemStride ?? 1));
  return cellShapes(config, { normal: 1, reduce: 1 }).map(({ type }) => (side = type === 'reduce' ? Math.ceil(side / 2) : side));
}

/** The costs of a supernet's edges. Stem, cell inputs and classifier are the same for every Z and are not in it. */
export function costTable(config: CostedNetwork): EdgeCostTable {
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
  return { nodes, cells };
}

function emptyCosts(edges: number): EdgeCosts {
  const zeros = (): Float64Array => new Float64Array(edges * OPERATIONS.length);
  return { parameters: zeros(), flops: zeros(), memory: zeros() };
}

/** The same as costs of the places of a network: cell by cell, edge by edge. */
export function placeCosts(table: EdgeCostTable): PlaceCosts[] {
  const edges = edgesOf(table.nodes).length;
  return table.cells.flatMap(({ type, costs }) =>
    Array.from({ length: edges }, (_, e): PlaceCosts => {
      const row = (resource: Resource): number[] =>
        Array.from(costs[resource].subarray(e * OPERATIONS.length, (e + 1) * OPERATIONS.length));
      return {
        choice: CELL_TYPES.indexOf(type) * edges + e,
        path: [],
        costs: { parameters: row('parameters'), flops: row('flops'), memory: row('memory') },
      };
    }),
  );
}
