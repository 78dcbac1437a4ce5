/** @file Layers: convolution, batch norm, linear, pools, activations and containers, with PyTorch's names and defaults. */
import { conv2d } from '../core/conv.ts';
import type { Device } from '../core/tensor.ts';
import { batchNorm2d } from '../core/batch-norm.ts';
import { linear } from '../core/composites.ts';
import { flatten, relu } from '../core/ops.ts';
import { avgPool2d, globalAvgPool2d, maxPool2d } from '../core/pool.ts';
import { foldIn, type Key } from '../core/random.ts';
import type { Tensor } from '../core/tensor.ts';
import { OptionError } from '../contract/errors.ts';
import { checkInteger } from '../contract/shape.ts';
import { asPair, type Pair, type WindowOptions } from '../contract/window.ts';
import { defaultBound, uniformParameter } from './init.ts';
import { Layer, type StateTensor } from './module.ts';

export interface Conv2dLayerOptions extends WindowOptions {
  readonly groups?: number;
  /** Default true. */
  readonly bias?: boolean;
}

/** Convolution: weight [out, in / groups, kh, kw], bias [out], uniform in +-1 / sqrt(fan in). */
export class Conv2d extends Layer {
  readonly weight: Tensor;
  readonly bias?: Tensor;
  readonly options: WindowOptions & { readonly groups: number };

  constructor(device: Device, key: Key, inChannels: number, outChannels: number, kernel: Pair, options: Conv2dLayerOptions = {}) {
    super();
    const { groups = 1, bias = true, ...window } = options;
    checkInteger('Conv2d', 'inChannels', inChannels, 1);
    checkInteger('Conv2d', 'outChannels', outChannels, 1);
    checkInteger('Conv2d', 'groups', groups, 1);
    if (inChannels % groups !== 0 || outChannels % groups !== 0) {
      throw new OptionError(`Conv2d: ${inChannels} and ${outChannels} channels do not divide into ${groups} groups`);
    }
    const shape = [outChannels, inChannels / groups, ...asPair('Conv2d', 'kernel', kernel, 1)];
    const bound = defaultBound(shape);
    this.weight = uniformParameter(device, foldIn(key, 0), shape, bound);
    if (bias) this.bias = uniformParameter(device, foldIn(key, 1), [outChannels], bound);
    this.options = { ...window, groups };
  }

  forward(x: Tensor): Tensor {
    return conv2d(x, this.weight, this.bias ? { ...this.options, bias: this.bias } : this.options);
  }
}

export interface BatchNorm2dOptions {
  readonly eps?: number;
  readonly momentum?: number;
  /** Learn weight and bias. Default true. */
  readonly affine?: boolean;
}

/** Batch norm with running statistics; `trackRunning` off leaves them alone in training mode. */
export class BatchNorm2d extends Layer {
  readonly weight?: Tensor;
  readonly bias?: Tensor;
  /** [2, c]: running mean, running variance; saved as running_mean and running_var. */
  readonly running: Tensor;
  readonly eps: number;
  momentum: number;
  trackRunning = true;

  constructor(device: Device, channels: number, options: BatchNorm2dOptions = {}) {
    super();
    checkInteger('BatchNorm2d', 'channels', channels, 1);
    const { eps = 1e-5, momentum = 0.1, affine = true } = options;
    this.eps = eps;
    this.momentum = momentum;
    if (affine) {
      this.weight = device.parameter(Array.from({ length: channels }, () => 1));
      this.bias = device.parameter(Array.from({ length: channels }, () => 0));
    }
    this.running = device.parameter(
      [...Array.from({ length: channels }, () => 0), ...Array.from({ length: channels }, () => 1)],
      [2, channels],
    );
  }

  protected override *ownTensors(): Iterable<StateTensor> {
    if (this.weight) yield { name: 'weight', tensor: this.weight, trainable: true };
    if (this.bias) yield { name: 'bias', tensor: this.bias, trainable: true };
    yield { name: 'running', tensor: this.running, trainable: false, rows: ['running_mean', 'running_var'] };
  }

  forward(x: Tensor): Tensor {
    return batchNorm2d(x, {
      training: this.training,
      eps: this.eps,
      momentum: this.momentum,
      ...(this.weight && { weight: this.weight }),
      ...(this.bias && { bias: this.bias }),
      ...((!this.training || this.trackRunning) && { running: this.running }),
    });
  }
}

/** x W^T + b: weight [out, in], bias [out]. */
export class Linear extends Layer {
  readonly weight: Tensor;
  readonly bias?: Tensor;

  constructor(device: Device, key: Key, inFeatures: number, outFeatures: number, options: { readonly bias?: boolean } = {}) {
    super();
    checkInteger('Linear', 'inFeatures', inFeatures, 1);
    checkInteger('Linear', 'outFeatures', outFeatures, 1);
    const shape = [outFeatures, inFeatures];
    const bound = defaultBound(shape);
    this.weight = uniformParameter(device, foldIn(key, 0), shape, bound);
    if (options.bias ?? true) this.bias = uniformParameter(device, foldIn(key, 1), [outFeatures], bound);
  }

  forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias);
  }
}

export class ReLU extends Layer {
  forward(x: Tensor): Tensor {
    return relu(x);
  }
}

/** The input as it is. */
export class Identity extends Layer {
  forward(x: Tensor): Tensor {
    return x;
  }
}

/** [n, c, h, w] -> [n, c h w]. */
export class Flatten extends Layer {
  forward(x: Tensor): Tensor {
    return flatten(x, 1);
  }
}

export class MaxPool2d extends Layer {
  readonly kernel: Pair;
  readonly options: WindowOptions;
  constructor(kernel: Pair, options: WindowOptions = {}) {
    super();
    this.kernel = kernel;
    this.options = options;
  }
  forward(x: Tensor): Tensor {
    return maxPool2d(x, this.kernel, this.options);
  }
}

/** Average pool that does not count padding. */
export class AvgPool2d extends Layer {
  readonly kernel: Pair;
  readonly options: WindowOptions;
  constructor(kernel: Pair, options: WindowOptions = {}) {
    super();
    this.kernel = kernel;
    this.options = options;
  }
  forward(x: Tensor): Tensor {
    return avgPool2d(x, this.kernel, this.options);
  }
}

/** [n, c, h, w] -> [n, c]. */
export class GlobalAvgPool2d extends Layer {
  forward(x: Tensor): Tensor {
    return globalAvgPool2d(x);
  }
}

/** Layers one after another; state names are '0.weight', '1.weight', ... as in PyTorch. */
export class Sequential extends Layer {
  readonly layers: readonly Layer[];
  constructor(...layers: Layer[]) {
    super();
    this.layers = layers;
  }
  override *children(): Iterable<readonly [string, Layer]> {
    for (const [i, layer] of this.layers.entries()) yield [String(i), layer];
  }
  forward(x: Tensor): Tensor {
    return this.layers.reduce((h, layer) => layer.forward(h), x);
  }
}
