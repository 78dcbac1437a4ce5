/**
 * @file A chain of layers, each an inverted bottleneck of a chosen kernel and expansion or nothing: the space in which hardware-aware searches live
 * (ProxylessNAS, Cai et al., ICLR 2019; FBNet, Wu et al., CVPR 2019).
 */
import { checkInteger } from '../../contract/shape.ts';
import type { Device, Tensor } from '../../core/tensor.ts';
import { add } from '../../core/ops.ts';
import { globalAvgPool2d } from '../../core/pool.ts';
import { foldIn, type Key } from '../../core/random.ts';
import { BatchNorm2d, Conv2d, Identity, Linear, ReLU, Sequential } from '../../nn/layers.ts';
import { Layer } from '../../nn/module.ts';
import { type Choice, choice, type Option } from '../space/choice.ts';
import type { NetworkContext, SpaceDefinition } from '../space/search-space.ts';

const KERNELS = [3, 5, 7] as const;
const EXPANSIONS = [3, 6] as const;

export interface ChainSettings {
  /** Channels of the first layers; doubled by the layers at 1/3 and 2/3 of the depth, which halve the image. */
  readonly channels: number;
  readonly layers: number;
}

/** Expand by a 1x1 convolution, filter each channel, project back; around it the input, where it has the output's shape. */
class InvertedBottleneck extends Layer {
  readonly body: Layer;
  readonly residual: boolean;

  constructor(device: Device, key: Key, input: number, out: number, kernel: number, expansion: number, stride: number) {
    super();
    const hidden = input * expansion;
    const padding = (kernel - 1) / 2;
    this.residual = stride === 1 && input === out;
    this.body = new Sequential(
      new Conv2d(device, foldIn(key, 0), input, hidden, 1, { bias: false }),
      new BatchNorm2d(device, hidden),
      new ReLU(),
      new Conv2d(device, foldIn(key, 1), hidden, hidden, kernel, { stride, padding, groups: hidden, bias: false }),
      new BatchNorm2d(device, hidden),
      new ReLU(),
      new Conv2d(device, foldIn(key, 2), hidden, out, 1, { bias: false }),
      new BatchNorm2d(device, out),
    );
  }

  forward(x: Tensor): Tensor {
    const y = this.body.forward(x);
    return this.residual ? add(x, y) : y;
  }
}

class Network extends Layer {
  readonly stem: Layer;
  readonly layers: readonly Choice[];
  readonly classifier: Linear;

  constructor({ device, key, channels: inChannels, classes }: NetworkContext, { channels, layers }: ChainSettings) {
    super();
    this.stem = new Sequential(
      new Conv2d(device, foldIn(key, 0), inChannels, channels, 3, { padding: 1, bias: false }),
      new BatchNorm2d(device, channels),
      new ReLU(),
    );
    const reductions = new Set([Math.floor(layers / 3), Math.floor((2 * layers) / 3)]);
    let input = channels;
    this.layers = Array.from({ length: layers }, (_, i) => {
      const reduces = reductions.has(i);
      const out = reduces ? 2 * input : input;
      const layerKey = foldIn(key, 2 + i);
      const options = EXPANSIONS.flatMap((expansion) =>
        KERNELS.map((kernel): [string, Option] => [
          `k${kernel}_e${expansion}`,
          new InvertedBottleneck(device, foldIn(layerKey, 16 * expansion + kernel), input, out, kernel, expansion, reduces ? 2 : 1),
        ]),
      );
      input = out;
      // A layer that halves the image cannot be left out.
      return choice(`layer${i + 1}`, Object.fromEntries(reduces ? options : [...options, ['skip', new Identity()]]));
    });
    this.classifier = new Linear(device, foldIn(key, 1), input, classes);
  }

  forward(x: Tensor): Tensor {
    return this.classifier.forward(globalAvgPool2d(this.layers.reduce((h, layer) => layer.forward(h), this.stem.forward(x))));
  }
}

/** The space at some size. OptionError for sizes that are no positive integers. */
export function chain(settings: ChainSettings): SpaceDefinition {
  for (const [name, value] of Object.entries(settings)) checkInteger('chain', name, value as number, 1, 4096);
  return { name: 'chain', settings: { ...settings }, network: (context) => new Network(context, settings) };
}
