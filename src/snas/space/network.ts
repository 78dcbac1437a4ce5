/** @file The stacked network: stem, cells with reductions at 1/3 and 2/3 of the depth, pooling, classifier; supernet and child. */
import type { Device } from '../../core/tensor.ts';
import { LimitError, OptionError } from '../../contract/errors.ts';
import { BatchNorm2d, Conv2d, Linear, Sequential } from '../../nn/layers.ts';
import { type Layer, Module } from '../../nn/module.ts';
import { assign } from '../../core/ops.ts';
import { globalAvgPool2d } from '../../core/pool.ts';
import { foldIn, type Key } from '../../core/random.ts';
import type { Tensor } from '../../core/tensor.ts';
import { auxiliaryHead } from './auxiliary-head.ts';
import {
  type CellContext,
  type CellShape,
  ChildCell,
  type EdgeTrace,
  MixedCell,
  type OutputTap,
  type PathMask,
  rowsOf,
} from './cell.ts';
import type { CellWeights } from './cell-weights.ts';
import type { CellType, Genotype } from './genotype.ts';
import { type NetworkConfig, supernetSize } from './network-config.ts';

const STEM_MULTIPLIER = 3;
/** Deeper than any network that can be trained, and few enough to be listed. */
const MAX_CELLS = 10_000;

/** Which cells reduce: those at 1/3 and 2/3 of the depth. */
export function cellTypes(cells: number): CellType[] {
  if (!Number.isInteger(cells) || cells < 1) throw new OptionError(`network: cells ${cells} must be an integer >= 1`);
  if (cells > MAX_CELLS) throw new LimitError(`network: ${cells} cells are more than ${MAX_CELLS}: take fewer`);
  const reductions = new Set([Math.floor(cells / 3), Math.floor((2 * cells) / 3)]);
  return Array.from({ length: cells }, (_, i) => (reductions.has(i) ? 'reduce' : 'normal'));
}

/** Channels of every cell; `concat` is how many nodes a cell of each type puts out. */
export function cellShapes(config: NetworkConfig, concat: { readonly [type in CellType]: number }): CellShape[] {
  let { channels } = config;
  let previous2 = STEM_MULTIPLIER * channels;
  let previous1 = previous2;
  let afterReduction = false;
  return cellTypes(config.cells).map((type, index) => {
    if (type === 'reduce') channels *= 2;
    const shape = { index, type, previous2, previous1, channels, afterReduction };
    previous2 = previous1;
    previous1 = concat[type] * channels;
    afterReduction = type === 'reduce';
    return shape;
  });
}

function makeStem(device: Device, key: Key, config: NetworkConfig): Layer {
  const out = STEM_MULTIPLIER * config.channels;
  const conv = new Conv2d(device, key, config.inChannels, out, 3, { padding: 1, stride: config.stemStride ?? 1, bias: false });
  return new Sequential(conv, new BatchNorm2d(device, out));
}

function outputChannels(shapes: readonly CellShape[], concat: { readonly [type in CellType]: number }): number {
  const last = shapes.at(-1)!;
  return concat[last.type] * last.channels;
}

export interface SupernetOptions {
  readonly trace?: EdgeTrace[];
  readonly pathMask?: PathMask;
  readonly tap?: OutputTap;
}

/** The parent network: every operation on every edge, weighted by Z. */
export class Supernet extends Module {
  readonly stem: Layer;
  readonly cells: readonly MixedCell[];
  readonly classifier: Linear;
  readonly config: NetworkConfig;
  readonly nodes: number;

  constructor(device: Device, key: Key, config: NetworkConfig) {
    super();
    supernetSize(config);
    this.config = config;
    this.nodes = config.nodes ?? 4;
    const concat = { normal: this.nodes, reduce: this.nodes };
    const shapes = cellShapes(config, concat);
    this.stem = makeStem(device, foldIn(key, 0), config);
    this.cells = shapes.map((shape) => new MixedCell(device, foldIn(key, 2 + shape.index), shape, this.nodes));
    this.classifier = new Linear(device, foldIn(key, 1), outputChannels(shapes, concat), config.classes);
  }

  /**
   * Logits [n, classes] of images [n, c, h, w]. z: one Z [edges, 8] a cell type, shared by all its cells (as in the authors'
   * code), or one a cell, in order.
   */
  forward(images: Tensor, z: CellWeights | readonly Tensor[], options: SupernetOptions = {}): Tensor {
    const rows = zRows(z, this.cells, this.nodes);
    let s0 = this.stem.forward(images);
    let s1 = s0;
    for (const [index, cell] of this.cells.entries()) {
      const context: CellContext = { index, trace: options.trace, pathMask: options.pathMask, tap: options.tap };
      [s0, s1] = [s1, cell.forward(s0, s1, rows[index]!, context)];
    }
    return this.classifier.forward(globalAvgPool2d(s1));
  }
}

function zRows(z: CellWeights | readonly Tensor[], cells: readonly MixedCell[], nodes: number): (readonly Tensor[])[] {
  if (!('normal' in z)) {
    if (z.length !== cells.length)
      throw new OptionError(`supernet: ${z.length} Z for ${cells.length} cells; give one a cell, or one a cell type`);
    return z.map((one) => rowsOf(one, nodes));
  }
  const byType = { normal: rowsOf(z.normal, nodes), reduce: rowsOf(z.reduce, nodes) };
  return cells.map((cell) => byType[cell.shape.type]);
}

export interface ChildOptions {
  /** Batch norms learn weight and bias: on for training from scratch, off for a child that inherits. Default true. */
  readonly affine?: boolean;
  /** Adds DARTS's auxiliary classifier after the second reduction, used in training only. Default false. */
  readonly auxiliary?: boolean;
}

/** A child network: the cells of a genotype, computing only the chosen operations. */
export class ChildNetwork extends Module {
  readonly stem: Layer;
  readonly cells: readonly ChildCell[];
  readonly classifier: Linear;
  readonly auxiliary?: Layer;
  readonly config: NetworkConfig;
  readonly genotype: Genotype;
  readonly #auxiliaryAfter: number;

  constructor(device: Device, key: Key, config: NetworkConfig, genotype: Genotype, options: ChildOptions = {}) {
    super();
    const { affine = true, auxiliary = false } = options;
    this.config = config;
    this.genotype = genotype;
    const concat = { normal: genotype.normalConcat.length, reduce: genotype.reduceConcat.length };
    const shapes = cellShapes(config, concat);
    this.stem = makeStem(device, foldIn(key, 0), config);
    this.cells = shapes.map((shape) => new ChildCell(device, foldIn(key, 2 + shape.index), shape, genotype, affine));
    this.classifier = new Linear(device, foldIn(key, 1), outputChannels(shapes, concat), config.classes);
    this.#auxiliaryAfter = Math.floor((2 * config.cells) / 3);
    if (auxiliary) {
      const shape = shapes[this.#auxiliaryAfter]!;
      this.auxiliary = auxiliaryHead(device, foldIn(key, 2 + shapes.length), concat[shape.type] * shape.channels, config.classes);
    }
  }

  /** Logits [n, classes]. */
  forward(images: Tensor, options: { readonly pathMask?: PathMask } = {}): Tensor {
    return this.forwardBoth(images, options)[0];
  }

  /** Logits, and those of the auxiliary classifier in training mode where there is one. */
  forwardBoth(images: Tensor, options: { readonly pathMask?: PathMask } = {}): readonly [Tensor, Tensor | undefined] {
    let s0 = this.stem.forward(images);
    let s1 = s0;
    let auxiliary: Tensor | undefined;
    for (const [index, cell] of this.cells.entries()) {
      [s0, s1] = [s1, cell.forward(s0, s1, { index, pathMask: options.pathMask })];
      if (index === this.#auxiliaryAfter && this.auxiliary && this.training) auxiliary = this.auxiliary.forward(s1);
    }
    return [this.classifier.forward(globalAvgPool2d(s1)), auxiliary];
  }
}

/**
 * The child of a trained supernet: it inherits every tensor that it has in common with its parent (same names, same shapes),
 * running statistics included. No retraining.
 */
export function inherit(parent: Supernet, genotype: Genotype, key: Key): ChildNetwork {
  const child = new ChildNetwork(parent.classifier.weight.device, key, parent.config, genotype, { affine: false });
  const source = new Map([...parent.stateTensors()].map((s) => [s.name, s.tensor]));
  for (const { name, tensor } of child.stateTensors()) {
    const from = source.get(name);
    if (!from) throw new OptionError(`inherit: the supernet has no ${name}; was the genotype found in another search space?`);
    assign(tensor, from);
  }
  return child;
}
