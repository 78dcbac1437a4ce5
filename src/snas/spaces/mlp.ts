/** @file A perceptron on vectors: residual layers whose hidden width and activation are chosen. */
import { checkInteger, sizeOf } from '../../contract/shape.ts';
import type { Device, Tensor } from '../../core/tensor.ts';
import { add, flatten, mul, relu, sigmoid, tanh } from '../../core/ops.ts';
import { foldIn, type Key } from '../../core/random.ts';
import { Linear, Sequential } from '../../nn/layers.ts';
import { Layer } from '../../nn/module.ts';
import { type Choice, choice, none, type Option } from '../space/choice.ts';
import type { NetworkContext, SpaceDefinition } from '../space/search-space.ts';

export interface MlpSettings {
  /** Width of what goes from layer to layer, and of the widest hidden layer. */
  readonly width: number;
  readonly layers: number;
}

/** x + W2 f(W1 x): the hidden width is one choice, none of it included; f, used in every width, another. */
class Block extends Layer {
  readonly hidden: Choice;

  constructor(device: Device, key: Key, index: number, width: number) {
    super();
    const activation = choice(`activation${index}`, { relu, tanh, silu: (x: Tensor) => mul(x, sigmoid(x)) });
    const widths = [...new Set([width, Math.ceil(width / 2), Math.ceil(width / 4)])];
    const options = widths.map((hidden, i): [string, Option] => [
      `w${hidden}`,
      new Sequential(
        new Linear(device, foldIn(key, 2 * i), width, hidden),
        activation,
        new Linear(device, foldIn(key, 2 * i + 1), hidden, width),
      ),
    ]);
    this.hidden = choice(`width${index}`, { ...Object.fromEntries(options), none });
  }

  forward(x: Tensor): Tensor {
    return add(x, this.hidden.forward(x));
  }
}

class Network extends Layer {
  readonly first: Linear;
  readonly blocks: readonly Block[];
  readonly last: Linear;

  constructor({ device, key, item, classes }: NetworkContext, { width, layers }: MlpSettings) {
    super();
    this.first = new Linear(device, foldIn(key, 0), sizeOf(item), width);
    this.blocks = Array.from({ length: layers }, (_, i) => new Block(device, foldIn(key, 2 + i), i + 1, width));
    this.last = new Linear(device, foldIn(key, 1), width, classes);
  }

  /** Outputs [n, classes] of inputs [n, ...]: images are taken as vectors. */
  forward(x: Tensor): Tensor {
    const vectors = x.rank > 2 ? flatten(x, 1) : x;
    return this.last.forward(this.blocks.reduce((h, block) => block.forward(h), this.first.forward(vectors)));
  }
}

/** The space at some size. OptionError for sizes that are no positive integers. */
export function mlp(settings: MlpSettings): SpaceDefinition {
  for (const [name, value] of Object.entries(settings)) checkInteger('mlp', name, value as number, 1, 65_536);
  return { name: 'mlp', settings: { ...settings }, network: (context) => new Network(context, settings) };
}
