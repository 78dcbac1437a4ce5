/** @file Trainable parameters and multiply-adds of a child network, by formula, without building it. */
import { edgeStride } from './cell.ts';
import { type CostedNetwork, cellSides } from './cost-table.ts';
import { activeEdges, type ChildOperation, type Genotype } from './genotype.ts';
import { cellShapes } from './network.ts';

export interface ChildSize {
  /** Trainable parameters, batch norms' weight and bias included, auxiliary head not. */
  readonly parameters: number;
  /** Multiply-adds of convolutions and the linear layer for one image. */
  readonly multiplyAdds: number;
}

/** The size of the evaluation network that `ChildNetwork` builds from a genotype (affine batch norms, no auxiliary head). */
export function childSize(genotype: Genotype, config: CostedNetwork): ChildSize {
  const concat = { normal: genotype.normalConcat.length, reduce: genotype.reduceConcat.length };
  const shapes = cellShapes(config, concat);
  const sides = cellSides(config);
  let parameters = 0;
  let multiplyAdds = 0;
  const convolution = (weights: number, side: number): void => {
    parameters += weights;
    multiplyAdds += weights * side * side;
  };
  const batchNorm = (channels: number): void => {
    parameters += 2 * channels;
  };

  const stemSide = Math.ceil(config.imageSide / (config.stemStride ?? 1));
  const stem = shapes[0]!.previous1;
  convolution(9 * config.inChannels * stem, stemSide);
  batchNorm(stem);
  for (const [i, shape] of shapes.entries()) {
    const c = shape.channels;
    const inputSide = i === 0 ? stemSide : sides[i - 1]!;
    for (const previous of [shape.previous2, shape.previous1]) {
      convolution(previous * c, inputSide);
      batchNorm(c);
    }
    for (const { operation, from } of activeEdges(genotype, shape.type)) {
      const { weights, norms, wide = 0 } = operationSize(operation, c, edgeStride(shape.type, from));
      convolution(weights, sides[i]!);
      multiplyAdds += wide * sides[i]! ** 2;
      batchNorm(norms * c);
    }
  }
  const last = shapes.at(-1)!;
  const features = concat[last.type] * last.channels;
  parameters += features * config.classes + config.classes;
  multiplyAdds += features * config.classes;
  return { parameters, multiplyAdds };
}

interface OperationSize {
  /** Of its convolutions, which write the operation's output side. */
  readonly weights: number;
  readonly norms: number;
  /** Weights that are applied once more for each output pixel, by a convolution whose output is wider than the operation's. */
  readonly wide?: number;
}

function operationSize(operation: ChildOperation, c: number, stride: 1 | 2): OperationSize {
  const side = Number(operation.at(-1));
  const separable = c * side ** 2 + c * c;
  if (/^(sep|dil_sep)/.test(operation)) return { weights: 2 * separable, norms: 2 };
  if (operation.startsWith('dil')) return { weights: separable, norms: 1 };
  // 1 x side, whose output still has all rows, then side x 1.
  if (/^conv_.x1_/.test(operation)) return { weights: 2 * side * c * c, norms: 1, wide: (stride - 1) * side * c * c };
  if (/^(nor_)?conv/.test(operation)) return { weights: (c * side) ** 2, norms: 1 };
  if (operation === 'skip_connect') return stride === 2 ? { weights: c * c, norms: 1 } : { weights: 0, norms: 0 };
  return operation === 'none' ? { weights: 0, norms: 0 } : { weights: 0, norms: 1 };
}
