/** @file Cells: a small graph whose edges are mixed operations (in the supernet) or one chosen operation (in a child). */
import type { Device } from '../../core/tensor.ts';
import { dropPath } from '../../core/composites.ts';
import { OptionError, ShapeError } from '../../contract/errors.ts';
import { mixedSum } from '../../core/mixed-sum.ts';
import { type Layer, Module } from '../../nn/module.ts';
import { add, addAll, concat, reshape, slice } from '../../core/ops.ts';
import { foldIn, type Key } from '../../core/random.ts';
import { dims, showShape } from '../../contract/shape.ts';
import type { Tensor } from '../../core/tensor.ts';
import {
  activeEdges,
  CELL_INPUTS,
  cellOf,
  type CellType,
  type ChildOperation,
  edgesOf,
  type Genotype,
  type GenotypeEdge,
  nodeCount,
  operationNumber,
  type OperationName,
  OPERATIONS,
} from './genotype.ts';
import { FactorizedReduce, operation, reluConvBn, SharedBeginnings } from './operations.ts';

/** What one edge contributed in a forward pass: all that a credit needs. */
export interface EdgeTrace {
  readonly cell: number;
  readonly type: CellType;
  /** Row of Z. */
  readonly edge: number;
  readonly from: number;
  readonly to: number;
  /** The edge's row of Z as it entered the sum, [8]. */
  readonly z: Tensor;
  /** Outputs of the operations that were computed, with their columns of Z (`none` is absent: it is zero). */
  readonly operations: readonly { readonly column: number; readonly output: Tensor }[];
  /** O~_ij = sum_k Z_k O_k(x_i). */
  readonly output: Tensor;
  /** x_j, the node that the edge ends in: the sum over its edges. */
  node: Tensor;
}

/** The mask [n] of `dropPath` for an operation's output, or undefined where nothing is dropped. In a child `edge` counts its chosen edges. */
export type PathMask = (cell: number, edge: number, column: number) => Tensor | undefined;

/** Replaces the mixed output of an edge before it enters its node: what scaling or ablating an edge needs. */
export type OutputTap = (cell: number, edge: number, output: Tensor) => Tensor;

export interface CellContext {
  readonly index: number;
  /** Collects what every edge did, where given. */
  readonly trace?: EdgeTrace[] | undefined;
  readonly pathMask?: PathMask | undefined;
  readonly tap?: OutputTap | undefined;
}

export interface CellShape {
  readonly index: number;
  readonly type: CellType;
  /** Channels of the two inputs and of each node. */
  readonly previous2: number;
  readonly previous1: number;
  readonly channels: number;
  /** The cell before halved the image, so the input from two cells back is still twice as large. */
  readonly afterReduction: boolean;
}

function preprocess0(device: Device, key: Key, shape: CellShape, affine: boolean): Layer {
  return shape.afterReduction
    ? new FactorizedReduce(device, key, shape.previous2, shape.channels, affine)
    : reluConvBn(device, key, shape.previous2, shape.channels, affine);
}

/** Edges from the cell's inputs have stride 2 in a reduction cell; all others have stride 1. */
export function edgeStride(type: CellType, from: number): 1 | 2 {
  return type === 'reduce' && from < CELL_INPUTS ? 2 : 1;
}

/** All operations of one edge. State names: the operation's name, then the layer's. */
class MixedOperation extends Module {
  readonly layers: readonly { readonly name: OperationName; readonly column: number; readonly layer: Layer }[];

  constructor(device: Device, key: Key, channels: number, stride: 1 | 2) {
    super();
    this.layers = OPERATIONS.flatMap((name, column) => {
      const layer = operation(device, foldIn(key, column), name, channels, stride, false);
      return layer ? [{ name, column, layer }] : [];
    });
  }

  override *children(): Iterable<readonly [string, Module]> {
    for (const { name, layer } of this.layers) yield [name, layer];
  }
}

/** A cell of the supernet. */
export class MixedCell extends Module {
  readonly preprocess0: Layer;
  readonly preprocess1: Layer;
  readonly edges: readonly MixedOperation[];
  readonly shape: CellShape;
  readonly nodes: number;

  constructor(device: Device, key: Key, shape: CellShape, nodes: number) {
    super();
    this.shape = shape;
    this.nodes = nodes;
    this.preprocess0 = preprocess0(device, foldIn(key, 0), shape, false);
    this.preprocess1 = reluConvBn(device, foldIn(key, 1), shape.previous1, shape.channels, false);
    this.edges = edgesOf(nodes).map(
      ({ from }, e) => new MixedOperation(device, foldIn(key, 2 + e), shape.channels, edgeStride(shape.type, from)),
    );
  }

  /** rows: the edges' rows of Z, each [8], in the order of `edgesOf`. Equations 10 and 11. */
  forward(input0: Tensor, input1: Tensor, rows: readonly Tensor[], context: CellContext): Tensor {
    const states = [this.preprocess0.forward(input0), this.preprocess1.forward(input1)];
    const list = edgesOf(this.nodes);
    const beginnings = new SharedBeginnings();
    for (let to = CELL_INPUTS; to < CELL_INPUTS + this.nodes; to++) {
      const outputs: Tensor[] = [];
      const traces: Omit<EdgeTrace, 'node'>[] = [];
      for (const [e, edge] of list.entries()) {
        if (edge.to !== to) continue;
        const x = states[edge.from]!;
        const operations = this.edges[e]!.layers.map(({ column, layer }) => {
          const mask = context.pathMask?.(context.index, e, column);
          const y = beginnings.forward(layer, x);
          return { column, output: mask ? dropPath(y, mask) : y };
        });
        const z = rows[e]!;
        const weighted = mixedSum(
          slice(z, [1]),
          operations.map((o) => o.output),
        );
        const output = context.tap ? context.tap(context.index, e, weighted) : weighted;
        outputs.push(output);
        if (context.trace) {
          traces.push({ cell: context.index, type: this.shape.type, edge: e, from: edge.from, to, z, operations, output });
        }
      }
      const node = addAll(outputs);
      context.trace?.push(...traces.map((trace) => ({ ...trace, node })));
      states.push(node);
    }
    return concat(states.slice(CELL_INPUTS), 1);
  }
}

/** One chosen operation. Its state has the same names as in the supernet, so that weights can be inherited by name. */
class ChosenOperation extends Module {
  readonly name: ChildOperation;
  readonly column: number;
  readonly layer: Layer | undefined;

  constructor(device: Device, key: Key, name: ChildOperation, channels: number, stride: 1 | 2, affine: boolean) {
    super();
    this.name = name;
    this.column = operationNumber(name);
    this.layer = operation(device, foldIn(key, this.column), name, channels, stride, affine);
  }

  override *children(): Iterable<readonly [string, Module]> {
    if (this.layer) yield [this.name, this.layer];
  }
}

/**
 * A cell of a child network: computes only the chosen operations, and of those only the ones that carry something to the
 * output. A node that nothing enters is zero and has vanished with its edges. With batch statistics (or recomputed ones) that
 * is what the supernet computes under the one-hot Z, since there every operation maps a zero image to zero; with the
 * supernet's own running statistics a batch norm would map zero to a constant.
 */
export class ChildCell extends Module {
  readonly preprocess0: Layer;
  readonly preprocess1: Layer;
  readonly shape: CellShape;
  /** Chosen edges with their place in the supernet's numbering, and the name of their state: `edges.4`, and `edges.4.2` for a second one there. */
  readonly chosen: readonly {
    readonly edge: GenotypeEdge;
    readonly row: number;
    readonly name: string;
    readonly operation: ChosenOperation;
  }[];
  readonly concat: readonly number[];

  constructor(device: Device, key: Key, shape: CellShape, genotype: Genotype, affine: boolean) {
    super();
    this.shape = shape;
    const { concat } = cellOf(genotype, shape.type);
    this.concat = concat;
    this.preprocess0 = preprocess0(device, foldIn(key, 0), shape, affine);
    this.preprocess1 = reluConvBn(device, foldIn(key, 1), shape.previous1, shape.channels, affine);
    const all = edgesOf(nodeCount(genotype, shape.type));
    const found = new Map<number, number>();
    this.chosen = activeEdges(genotype, shape.type).map((edge) => {
      const row = all.findIndex((e) => e.from === edge.from && e.to === edge.to);
      const nth = (found.get(row) ?? 0) + 1;
      found.set(row, nth);
      const stride = edgeStride(shape.type, edge.from);
      const own = nth === 1 ? foldIn(key, 2 + row) : foldIn(foldIn(key, 2 + row), all.length + nth);
      return {
        edge,
        row,
        name: nth === 1 ? `edges.${row}` : `edges.${row}.${nth}`,
        operation: new ChosenOperation(device, own, edge.operation, shape.channels, stride, affine),
      };
    });
  }

  override *children(): Iterable<readonly [string, Module]> {
    yield ['preprocess0', this.preprocess0];
    yield ['preprocess1', this.preprocess1];
    for (const { name, operation: chosen } of this.chosen) yield [name, chosen];
  }

  /** `dropMask` drops whole samples of an operation's output (not of a skip's). */
  forward(input0: Tensor, input1: Tensor, context: CellContext): Tensor {
    const states = new Map<number, Tensor>([
      [0, this.preprocess0.forward(input0)],
      [1, this.preprocess1.forward(input1)],
    ]);
    for (const [place, { edge, operation: chosen }] of this.chosen.entries()) {
      const x = states.get(edge.from);
      if (!x || !chosen.layer) throw new OptionError(`child: edge ${edge.from} -> ${edge.to} carries nothing`);
      let y = chosen.layer.forward(x);
      const mask = context.pathMask?.(context.index, place, chosen.column);
      if (mask) y = dropPath(y, mask);
      const before = states.get(edge.to);
      states.set(edge.to, before ? add(before, y) : y);
    }
    const some = states.get(this.concat.find((i) => states.has(i)) ?? -1) ?? this.#emptyNode(states);
    return concat(
      this.concat.map((i) => states.get(i) ?? some.device.zeros(some.shape)),
      1,
    );
  }

  /** The zero tensor of a node's shape, for a cell in which every node has vanished. */
  #emptyNode(states: ReadonlyMap<number, Tensor>): Tensor {
    const x = states.get(1)!;
    const { n, c, h, w } = dims('child cell', x, 'n c h w');
    const side = (d: number): number => (this.shape.type === 'reduce' ? Math.ceil(d / 2) : d);
    return x.device.zeros([n, c, side(h), side(w)]);
  }
}

/** The rows of a Z [edges, 8] as tensors [8]: sliced once a forward pass and shared by all cells of a type. */
export function rowsOf(z: Tensor, nodes: number): Tensor[] {
  const edges = edgesOf(nodes).length;
  if (z.rank !== 2 || z.shape[0] !== edges || z.shape[1] !== OPERATIONS.length) {
    throw new ShapeError(
      `supernet: Z has shape ${showShape(z.shape)}, but a cell of ${nodes} nodes needs [${edges}, ${OPERATIONS.length}]`,
    );
  }
  return Array.from({ length: edges }, (_, e) => reshape(slice(z, [e], [e + 1]), [OPERATIONS.length]));
}
