/** @file The stacked network: stem, cells with reductions at 1/3 and 2/3 of the depth, pooling, classifier; supernet and child. */
import type { Device } from '../../../core/tensor.ts';
import { LimitError, OptionError } from '../../../contract/errors.ts';
import { BatchNorm2d, Conv2d, Linear, Sequential } from '../../../nn/layers.ts';
import { Layer } from '../../../nn/module.ts';
import { globalAvgPool2d } from '../../../core/pool.ts';
import { foldIn, type Key } from '../../../core/random.ts';
import type { Tensor } from '../../../core/tensor.ts';
import { type ChildModel, pathMask, type TrainableChild } from '../../space/path-masks.ts';
import { auxiliaryHead } from './auxiliary-head.ts';
import { type CellShape, ChildCell, type EdgeMask, MixedCell } from './cell.ts';
import { type CellType, type Genotype, OPERATIONS } from './genotype.ts';
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

/** The parent network: every operation on every edge, weighted by the Z of the forward pass that it is in. */
export class Supernet extends Layer {
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

  /** Logits [n, classes] of images [n, c, h, w], inside a forward pass of its search space. */
  forward(images: Tensor): Tensor {
    let s0 = this.stem.forward(images);
    let s1 = s0;
    for (const cell of this.cells) [s0, s1] = [s1, cell.forward(s0, s1)];
    return this.classifier.forward(globalAvgPool2d(s1));
  }
}

export interface ChildOptions {
  /** Batch norms learn weight and bias: on for training from scratch, off for a child that inherits. Default true. */
  readonly affine?: boolean;
  /** Adds DARTS's auxiliary classifier after the second reduction, used in training only. Default false. */
  readonly auxiliary?: boolean;
}

/** A child network: the cells of a genotype, computing only the chosen operations. */
export class ChildNetwork extends Layer implements TrainableChild {
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
  forward(images: Tensor, options: { readonly pathMask?: EdgeMask } = {}): Tensor {
    return this.forwardBoth(images, options)[0];
  }

  /** Logits, and those of the auxiliary classifier in training mode where there is one. */
  forwardBoth(images: Tensor, options: { readonly pathMask?: EdgeMask } = {}): readonly [Tensor, Tensor | undefined] {
    let s0 = this.stem.forward(images);
    let s1 = s0;
    let auxiliary: Tensor | undefined;
    for (const [index, cell] of this.cells.entries()) {
      [s0, s1] = [s1, cell.forward(s0, s1, { index, pathMask: options.pathMask })];
      if (index === this.#auxiliaryAfter && this.auxiliary && this.training) auxiliary = this.auxiliary.forward(s1);
    }
    return [this.classifier.forward(globalAvgPool2d(s1)), auxiliary];
  }

  /** A row of masks for each chosen operation of each cell; skip connections have one that is not used. */
  asChildModel(): ChildModel {
    let paths = 0;
    const first = this.cells.map(({ chosen }) => (paths += chosen.length) - chosen.length);
    const skip = OPERATIONS.indexOf('skip_connect');
    return {
      network: this,
      paths,
      forward: (x, masks) => {
        if (!masks) return this.forwardBoth(x);
        const edgeMask: EdgeMask = (cell, edge, column) => (column === skip ? undefined : pathMask(masks, first[cell]! + edge));
        return this.forwardBoth(x, { pathMask: edgeMask });
      },
    };
  }
}
