/** @file The operations of an edge, the eight that are searched and those of other genotypes, as layers, and the two layers that adapt a cell's inputs. */
import { conv2d } from '../../../core/conv.ts';
import { dims } from '../../../contract/shape.ts';
import type { Device } from '../../../core/tensor.ts';
import { AvgPool2d, BatchNorm2d, Conv2d, Identity, MaxPool2d, ReLU, Sequential } from '../../../nn/layers.ts';
import { Layer } from '../../../nn/module.ts';
import { concat, relu, slice } from '../../../core/ops.ts';
import { foldIn, type Key } from '../../../core/random.ts';
import type { Tensor } from '../../../core/tensor.ts';
import type { ChildOperation } from './genotype.ts';

/** relu, convolution, batch norm: adapts a cell's input to `out` channels. */
export function reluConvBn(device: Device, key: Key, input: number, out: number, affine: boolean): Layer {
  return new Sequential(
    new ReLU(),
    new Conv2d(device, key, input, out, 1, { bias: false }),
    new BatchNorm2d(device, out, { affine }),
  );
}

/**
 * Halves the image without losing the odd pixels: two 1x1 convolutions of stride 2, the second on the image shifted by one
 * pixel; their outputs are concatenated. An odd side is treated as if it had one more row (column) of zeros.
 */
export class FactorizedReduce extends Layer {
  readonly conv1: Conv2d;
  readonly conv2: Conv2d;
  readonly bn: BatchNorm2d;

  constructor(device: Device, key: Key, input: number, out: number, affine: boolean) {
    super();
    const half = Math.floor(out / 2);
    this.conv1 = new Conv2d(device, foldIn(key, 0), input, half, 1, { stride: 2, bias: false });
    this.conv2 = new Conv2d(device, foldIn(key, 1), input, out - half, 1, { stride: 2, bias: false });
    this.bn = new BatchNorm2d(device, out, { affine });
  }

  forward(x: Tensor): Tensor {
    const rectified = relu(x);
    const { h, w } = dims('factorized reduce', rectified, 'n c h w');
    const shifted = slice(rectified, [0, 0, 1, 1]);
    const second = conv2d(shifted, this.conv2.weight, {
      stride: 2,
      padding: [
        [0, h % 2],
        [0, w % 2],
      ],
    });
    return this.bn.forward(concat([this.conv1.forward(rectified), second], 1));
  }
}

/** Depthwise-separable block: relu, depthwise kernel, pointwise, batch norm. */
function depthwiseSeparable(
  device: Device,
  key: Key,
  c: number,
  kernel: number,
  stride: number,
  dilation: number,
  affine: boolean,
): Layer[] {
  const padding = (dilation * (kernel - 1)) / 2;
  return [
    new ReLU(),
    new Conv2d(device, foldIn(key, 0), c, c, kernel, { stride, padding, dilation, groups: c, bias: false }),
    new Conv2d(device, foldIn(key, 1), c, c, 1, { bias: false }),
    new BatchNorm2d(device, c, { affine }),
  ];
}

/** An operation on c channels as a layer, or undefined for `none`, whose output is zero and is never computed. */
export function operation(
  device: Device,
  key: Key,
  name: ChildOperation,
  c: number,
  stride: 1 | 2,
  affine: boolean,
): Layer | undefined {
  const pooled = (pool: Layer): Layer => new Sequential(pool, new BatchNorm2d(device, c, { affine }));
  const separable = (kernel: number, dilation = 1): Layer =>
    new Sequential(
      ...depthwiseSeparable(device, foldIn(key, 0), c, kernel, stride, dilation, affine),
      ...depthwiseSeparable(device, foldIn(key, 1), c, kernel, 1, dilation, affine),
    );
  const dilated = (kernel: number): Layer => new Sequential(...depthwiseSeparable(device, key, c, kernel, stride, 2, affine));
  const full = (kernel: number): Layer =>
    new Sequential(
      new ReLU(),
      new Conv2d(device, key, c, c, kernel, { stride, padding: (kernel - 1) / 2, bias: false }),
      new BatchNorm2d(device, c, { affine }),
    );
  // The row of the kernel first, at the stride along the width, as in NASNet as DARTS has it.
  const rowThenColumn = (kernel: number): Layer => {
    const padding = (kernel - 1) / 2;
    return new Sequential(
      new ReLU(),
      new Conv2d(device, foldIn(key, 0), c, c, [1, kernel], { stride: [1, stride], padding: [0, padding], bias: false }),
      new Conv2d(device, foldIn(key, 1), c, c, [kernel, 1], { stride: [stride, 1], padding: [padding, 0], bias: false }),
      new BatchNorm2d(device, c, { affine }),
    );
  };
  switch (name) {
    case 'none':
      return undefined;
    case 'max_pool_3x3':
      return pooled(new MaxPool2d(3, { stride, padding: 1 }));
    case 'avg_pool_3x3':
      return pooled(new AvgPool2d(3, { stride, padding: 1 }));
    case 'skip_connect':
      return stride === 1 ? new Identity() : new FactorizedReduce(device, key, c, c, affine);
    case 'sep_conv_3x3':
      return separable(3);
    case 'sep_conv_5x5':
      return separable(5);
    case 'dil_conv_3x3':
      return dilated(3);
    case 'dil_conv_5x5':
      return dilated(5);
    case 'max_pool_5x5':
      return pooled(new MaxPool2d(5, { stride, padding: 2 }));
    case 'max_pool_7x7':
      return pooled(new MaxPool2d(7, { stride, padding: 3 }));
    case 'avg_pool_5x5':
      return pooled(new AvgPool2d(5, { stride, padding: 2 }));
    case 'sep_conv_7x7':
      return separable(7);
    case 'dil_sep_conv_3x3':
      return separable(3, 2);
    case 'conv_1x1':
    case 'nor_conv_1x1':
      return full(1);
    case 'conv_3x3':
    case 'nor_conv_3x3':
      return full(3);
    case 'nor_conv_7x7':
      return full(7);
    case 'conv_3x1_1x3':
      return rowThenColumn(3);
    case 'conv_7x1_1x7':
      return rowThenColumn(7);
  }
}
