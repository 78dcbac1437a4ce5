/** @file Trainable parameters and multiply-adds of a child network, by formula, without building it. */
import { edgeStride } from '../space/cell.ts';
import { type CostedNetwork, cellSides } from '../cost/cost.ts';
import { activeEdges, type Genotype, type OperationName } from '../space/genotype.ts';
import { cellShapes } from '../space/network.ts';

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
      const { weights, norms } = operationSize(operation, c, edgeStride(shape.type, from));
      convolution(weights, sides[i]!);
      batchNorm(norms * c);
    }
  }
  const last = shapes.at(-1)!;
  const features = concat[last.type] * last.channels;
  parameters += features * config.classes + config.classes;
  multiplyAdds += features * config.classes;
  return { parameters, multiplyAdds };
}

/** Weights of an operation's convolutions, all at its output side, and how many batch norms it has. */
function operationSize(operation: OperationName, c: number, stride: 1 | 2): { readonly weights: number; readonly norms: number } {
  const kernel = operation.endsWith('5x5') ? 25 : 9;
  if (operation.startsWith('sep')) return { weights: 2 * (c * kernel + c * c), norms: 2 };
  if (operation.startsWith('dil')) return { weights: c * kernel + c * c, norms: 1 };
  if (operation === 'skip_connect') return stride === 2 ? { weights: c * c, norms: 1 } : { weights: 0, norms: 0 };
  return operation === 'none' ? { weights: 0, norms: 0 } : { weights: 0, norms: 1 };
}
