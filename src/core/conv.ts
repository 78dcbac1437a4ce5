/**
 * @file Convolution as one trilinear form, T(x, w, g) = sum over outputs of g * conv(x, w).
 *
 * Its three partial derivatives conv2d (in g), conv2dInput (in x) and conv2dFilter (in w) are each linear in the two other
 * arguments, and each one's VJPs are the two others: closed, so every order of derivative with stride, padding, dilation and
 * groups comes from these three.
 */
import type { ConvGeometry } from '../contract/backend.ts';
import { apply } from './primitive.ts';
import { ShapeError } from '../contract/errors.ts';
import { add, reshape } from './ops.ts';
import { checkInteger, checkShape, dims, type Shape, showShape } from '../contract/shape.ts';
import type { Tensor } from './tensor.ts';
import { settled, windowGeometry, type WindowOptions, windowOutput } from '../contract/window.ts';

export interface Conv2dOptions extends WindowOptions {
  /** Channels are split into this many groups that do not mix; equal to the channels it is depthwise. Default 1. */
  readonly groups?: number;
  /** [o], added to every pixel of output channel o. */
  readonly bias?: Tensor;
}

/**
 * Cross-correlation (what PyTorch calls convolution): x [n, c, h, w], weight [o, c / groups, kh, kw] -> [n, o, oh, ow].
 * y[n, o, p, q] = sum over c, i, j of x[n, c, p s - pad + i d, q s - pad + j d] weight[o, c, i, j].
 * VJP: conv2dInput, conv2dFilter.
 */
export function conv2d(x: Tensor, weight: Tensor, options: Conv2dOptions = {}): Tensor {
  const geometry = convGeometry('conv2d', options);
  const { c } = dims('conv2d', x, 'n c h w');
  const { o, i } = dims('conv2d', weight, 'o i kh kw');
  const { groups } = geometry;
  if (c !== i * groups || o % groups !== 0) {
    throw new ShapeError(
      `conv2d: input ${showShape(x.shape)} and weight ${showShape(weight.shape)} with groups ${groups}: ` +
        `the weight needs ${c / groups} channels (input channels / groups), and ${o} output channels must divide into ${groups} groups`,
    );
  }
  if (options.bias && (options.bias.rank !== 1 || options.bias.shape[0] !== o)) {
    throw new ShapeError(`conv2d: bias ${showShape(options.bias.shape)} must be [${o}] for weight ${showShape(weight.shape)}`);
  }
  const y = forward(x, weight, settled(geometry, weight.shape.slice(2), x.shape.slice(2)));
  return options.bias ? add(y, reshape(options.bias, [1, o, 1, 1])) : y;
}

function convGeometry(op: string, options: Conv2dOptions): ConvGeometry {
  const groups = options.groups ?? 1;
  checkInteger(op, 'groups', groups, 1, 2 ** 31 - 1);
  return { ...windowGeometry(op, options, 1), groups };
}

function forward(x: Tensor, w: Tensor, geometry: ConvGeometry): Tensor {
  const { n, h, w: width } = dims('conv2d', x, 'n c h w');
  const { o, kh, kw } = dims('conv2d', w, 'o i kh kw');
  const shape = [n, o, windowOutput('conv2d', geometry, 0, h, kh), windowOutput('conv2d', geometry, 1, width, kw)];
  return apply('conv2d', geometry, [x, w], shape, [
    (g) => inputPartial(g, w, x.shape, geometry),
    (g) => filterPartial(x, g, w.shape, geometry),
  ]);
}

function inputPartial(g: Tensor, w: Tensor, shape: Shape, geometry: ConvGeometry): Tensor {
  return apply('conv2dInput', geometry, [g, w], shape, [
    (gx) => forward(gx, w, geometry),
    (gx) => filterPartial(gx, g, w.shape, geometry),
  ]);
}

function filterPartial(x: Tensor, g: Tensor, shape: Shape, geometry: ConvGeometry): Tensor {
  return apply('conv2dFilter', geometry, [x, g], shape, [
    (gw) => inputPartial(g, gw, x.shape, geometry),
    (gw) => forward(x, gw, geometry),
  ]);
}

/** dT/dx: g [n, o, oh, ow], weight -> the input's shape (which output size and geometry leave open, so it is given). */
export function conv2dInput(g: Tensor, weight: Tensor, inputShape: Shape, options: Conv2dOptions = {}): Tensor {
  const geometry = convGeometry('conv2dInput', options);
  checkShape('conv2dInput', inputShape, 'inputShape');
  checkOutput('conv2dInput', g.shape, inputShape, weight.shape, geometry);
  return inputPartial(g, weight, inputShape, settled(geometry, weight.shape.slice(2), inputShape.slice(2)));
}

/** dT/dw: x [n, c, h, w], g [n, o, oh, ow] -> the weight's shape. */
export function conv2dFilter(x: Tensor, g: Tensor, weightShape: Shape, options: Conv2dOptions = {}): Tensor {
  const geometry = convGeometry('conv2dFilter', options);
  checkShape('conv2dFilter', weightShape, 'weightShape');
  checkOutput('conv2dFilter', g.shape, x.shape, weightShape, geometry);
  return filterPartial(x, g, weightShape, settled(geometry, weightShape.slice(2), x.shape.slice(2)));
}

function checkOutput(op: string, got: Shape, input: Shape, weight: Shape, geometry: ConvGeometry): void {
  const { n, c, h, w } = dims(op, { shape: input }, 'n c h w');
  const { o, i, kh, kw } = dims(op, { shape: weight }, 'o i kh kw');
  const expected = [n, o, windowOutput(op, geometry, 0, h, kh), windowOutput(op, geometry, 1, w, kw)];
  if (c !== i * geometry.groups || o % geometry.groups !== 0 || expected.some((d, k) => d !== got[k]) || got.length !== 4) {
    throw new ShapeError(
      `${op}: input ${showShape(input)} and weight ${showShape(weight)} with groups ${geometry.groups} ` +
        `make an output of ${showShape(expected)}, but the cotangent has ${showShape(got)}`,
    );
  }
}
