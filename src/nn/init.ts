/** @file Initialisers with PyTorch's formulas, drawn from explicit keys. */
import type { Device } from '../core/tensor.ts';
import { type Key, uniforms } from '../core/random.ts';
import { type Shape, sizeOf } from '../contract/shape.ts';
import type { Tensor } from '../core/tensor.ts';

/** A parameter with elements uniform in (-bound, bound). */
export function uniformParameter(device: Device, key: Key, shape: Shape, bound: number): Tensor {
  return device.parameter(
    uniforms(key, sizeOf(shape)).map((u) => (2 * u - 1) * bound),
    shape,
  );
}

/**
 * 1 / sqrt(fan in): the bound of PyTorch's default for convolutions and linear layers, weights (kaiming_uniform with
 * a = sqrt 5) and biases alike. Fan in is the number of inputs to one output: shape[1] * shape[2] * ...
 */
export function defaultBound(weightShape: Shape): number {
  return 1 / Math.sqrt(Math.max(1, sizeOf(weightShape.slice(1))));
}

/** Bound of kaiming_uniform for ReLU: sqrt(6 / fan in). He et al., 2015. */
export function kaimingBound(weightShape: Shape): number {
  return Math.sqrt(6 / Math.max(1, sizeOf(weightShape.slice(1))));
}

/** Bound of xavier_uniform: sqrt(6 / (fan in + fan out)). Glorot and Bengio, 2010. */
export function xavierBound(weightShape: Shape): number {
  const field = sizeOf(weightShape.slice(2));
  return Math.sqrt(6 / ((weightShape[0]! + weightShape[1]!) * field));
}
