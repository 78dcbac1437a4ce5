/** @file Cells: a small graph whose edges are mixed operations (in the supernet) or one chosen operation (in a child). */
import type { Device } from '../../../core/tensor.ts';
import { dropPath } from '../../../core/composites.ts';
import { OptionError } from '../../../contract/errors.ts';
import { type Layer, Module } from '../../../nn/module.ts';
import { add, concat } from '../../../core/ops.ts';
import { foldIn, type Key } from '../../../core/random.ts';
import { dims } from '../../../contract/shape.ts';
import type { Tensor } from '../../../core/tensor.ts';
import { type Choice, choice, none, type Option } from '../../space/choice.ts';
import { sumOfPlaces } from '../../space/pass.ts';
import { edgeChoice } from './choices.ts';
import {
  activeEdges,
  CELL_INPUTS,
  type CellEdge,
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
import { FactorizedReduce, operation, reluConvBn } from './operations.ts';

/** The mask [n] of `dropPath` for the operation of an edge of a cell, by the number of its chosen edge and the operation's column of Z, or undefined where nothing is dropped. */
export type EdgeMask = (cell: number, edge: number, column: number) => Tensor | undefined;

export interface ChildContext {
  readonly index: number;
  readonly pathMask?: EdgeMask | undefined;
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

/** An edge of a cell with all its operations, as a choice: edges in the same place of cells of one type share their Z. */
function mixedOperation(device: Device, key: Key, shape: CellShape, edge: CellEdge, index: number): Choice {
  const stride = edgeStride(shape.type, edge.from);
  const options = OPERATIONS.map((name, column): [OperationName, Option] => [
    name,
    operation(device, foldIn(key, column), name, shape.channels, stride, false) ?? none,
  ]);
  const { name, noise } = edgeChoice(shape.type, edge, index);
  return choice(name, Object.fromEntries(options), { noise, neverDropped: ['skip_connect'] });
}

/** A cell of the supernet. Equations 10 and 11. */
export class MixedCell extends Module {
  readonly preprocess0: Layer;
  readonly preprocess1: Layer;
  readonly edges: readonly Choice[];
  readonly shape: CellShape;
  readonly nodes: number;

  constructor(device: Device, key: Key, shape: CellShape, nodes: number) {
    super();
    this.shape = shape;
    this.nodes = nodes;
    this.preprocess0 = preprocess0(device, foldIn(key, 0), shape, false);
    this.preprocess1 = reluConvBn(device, foldIn(key, 1), shape.previous1, shape.channels, false);
    this.edges = edgesOf(nodes).map((edge, e) => mixedOperation(device, foldIn(key, 2 + e), shape, edge, e));
  }

  forward(input0: Tensor, input1: Tensor): Tensor {
    const states = [this.preprocess0.forward(input0), this.preprocess1.forward(input1)];
    const list = edgesOf(this.nodes);
    for (let to = CELL_INPUTS; to < CELL_INPUTS + this.nodes; to++) {
      const outputs = list.flatMap((edge, e) => (edge.to === to ? [this.edges[e]!.forward(states[edge.from]!)] : []));
      states.push(sumOfPlaces(outputs));
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
  forward(input0: Tensor, input1: Tensor, context: ChildContext): Tensor {
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
