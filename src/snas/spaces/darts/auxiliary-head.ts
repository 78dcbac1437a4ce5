/** @file DARTS's auxiliary classifier, a second loss half way up a deep child in training; made to fit other sides than CIFAR-10's. */
import type { Device } from '../../../core/tensor.ts';
import { ShapeError } from '../../../contract/errors.ts';
import { BatchNorm2d, Conv2d, Flatten, Linear, ReLU, Sequential } from '../../../nn/layers.ts';
import { Layer } from '../../../nn/module.ts';
import { avgPool2d } from '../../../core/pool.ts';
import { foldIn, type Key } from '../../../core/random.ts';
import { dims, showShape } from '../../../contract/shape.ts';
import type { Tensor } from '../../../core/tensor.ts';

/**
 * Average pool that leaves 2 x 2 of square features of side s >= 2: stride max(1, floor(3 s / 8)), window s - stride. For the 8 x 8 of CIFAR-10 that
 * is DARTS's own: window 5, stride 3. ShapeError for a side of 1, of which 2 x 2 cannot be made.
 */
export class PoolToTwo extends Layer {
  forward(x: Tensor): Tensor {
    const { h, w } = dims('auxiliary head', x, 'n c h w');
    if (h !== w || h < 2) {
      throw new ShapeError(
        `auxiliary head: features ${showShape(x.shape)} after the second reduction; it needs square ones of side 2 or more: larger images, a stem of stride 1, or no auxiliary head`,
      );
    }
    const stride = Math.max(1, Math.floor((3 * h) / 8));
    return avgPool2d(x, h - stride, { stride });
  }
}

/** relu, pool to 2 x 2, 1x1 to 128, bn, relu, 2x2 to 768, bn, relu, linear: features [n, channels, s, s] to logits [n, classes]. */
export function auxiliaryHead(device: Device, key: Key, channels: number, classes: number): Layer {
  return new Sequential(
    new ReLU(),
    new PoolToTwo(),
    new Conv2d(device, foldIn(key, 0), channels, 128, 1, { bias: false }),
    new BatchNorm2d(device, 128),
    new ReLU(),
    new Conv2d(device, foldIn(key, 1), 128, 768, 2, { bias: false }),
    new BatchNorm2d(device, 768),
    new ReLU(),
    new Flatten(),
    new Linear(device, foldIn(key, 2), 768, classes),
  );
}
