/** @file Gumbel-max and Gumbel-softmax: samples of a categorical distribution, exact and relaxed, from replayable noise. */
import { OptionError, ShapeError } from '../contract/errors.ts';
import { checkRows } from '../core/checked.ts';
import { isGradEnabled, noGrad } from '../core/grad-mode.ts';
import { addNode } from '../core/tensor.ts';
import { add, detach, div, equal, greater, max, neg, reshape, sub, where } from '../core/ops.ts';
import { gumbel, type Key } from '../core/random.ts';
import { normalizeAxis, sameShape, showShape } from '../contract/shape.ts';
import { softmax } from '../core/softmax.ts';
import type { Tensor } from '../core/tensor.ts';

/** Where the Gumbel noise comes from: exactly one of the two is given. */
export interface NoiseSource {
  /** Draws noise of the logits' shape, in float64 on the host: a key means the same noise on every adapter. */
  readonly key?: Key;
  /** Standard Gumbel noise that broadcasts with the logits; given as a tensor, a captured step can be fed new noise. */
  readonly noise?: Tensor;
}

export interface GumbelMaxOptions extends NoiseSource {
  /** The axis of the categories. Default -1. */
  readonly axis?: number;
}

export interface GumbelSoftmaxOptions extends GumbelMaxOptions {
  /** lambda > 0; a tensor (broadcast with the logits) where a captured step must be able to change it. */
  readonly temperature: Tensor | number;
  /** Straight-through: the value is one-hot, the gradient is that of the relaxed sample. Default false. */
  readonly hard?: boolean;
}

/** The given noise, or noise of the logits' shape drawn from the key. */
export function noiseFor(op: string, logits: Tensor, source: NoiseSource): Tensor {
  const { key, noise } = source;
  if (noise && key === undefined) return noise;
  if (key && noise === undefined) return gumbel(logits.device, key, logits.shape);
  throw new OptionError(`${op}: pass either { key } or { noise }, the one or the other`);
}

/**
 * A temperature as a number must be positive and finite. A tensor's value is its owner's business, for only the device knows it: at 0 the
 * result is NaN, and on a device opened with `checked: true` the next read-back says so.
 */
export function checkTemperature(op: string, temperature: Tensor | number): void {
  if (typeof temperature === 'number' && !(temperature > 0 && Number.isFinite(temperature))) {
    throw new OptionError(`${op}: temperature ${temperature} must be positive and finite`);
  }
  if (typeof temperature !== 'number' && temperature.device.checked) {
    checkRows(`${op}: element {row} of the temperature is not above 0`, () => greater(temperature, 0));
  }
}

/**
 * A relaxed one-hot sample, Z = softmax((logits + G) / temperature) along `axis`, G standard Gumbel noise; each row sums to one.
 * Shape: that of logits + noise. As the temperature goes to 0, Z goes to `gumbelMax` of the same noise. Gradients flow to the
 * logits and to a temperature given as a tensor. VJP in the logits: Z (g - sum g Z) / temperature.
 * Throws OptionError unless one of key and noise is given and the temperature is positive.
 * Source: Jang et al. 2017 and Maddison et al. 2017; SNAS (Xie et al. 2019), equation 13 of the article.
 */
export function gumbelSoftmax(logits: Tensor, options: GumbelSoftmaxOptions): Tensor {
  const { temperature, hard = false, axis = -1 } = options;
  checkTemperature('gumbelSoftmax', temperature);
  const scores = add(logits, noiseFor('gumbelSoftmax', logits, options));
  const soft = softmax(div(scores, temperature), axis);
  return hard ? straightThrough(oneHotArgmax(scores, axis), soft) : soft;
}

/**
 * An exact sample: one-hot at the largest logits + G along `axis`, so category k has probability softmax(logits)_k, exact for those
 * of 2^-40 too where the noise comes from a key. Ties go to the lowest index. Not differentiable.
 */
export function gumbelMax(logits: Tensor, options: GumbelMaxOptions): Tensor {
  return noGrad(() => oneHotArgmax(add(logits, noiseFor('gumbelMax', logits, options)), options.axis));
}

/** 1 at the largest element along `axis` (default the last), or at the first NaN, 0 elsewhere; ties go to the lowest index. Not differentiable. */
export function oneHotArgmax(x: Tensor, axis = -1): Tensor {
  const at = normalizeAxis('oneHotArgmax', axis, x.rank);
  const n = x.shape[at]!;
  return noGrad(() => {
    const index = reshape(
      x.device.constant(`arange ${n}`, () => ({ data: Array.from({ length: n }, (_, i) => i), shape: [n] })),
      x.shape.map((_, i) => (i === at ? n : 1)),
    );
    // A NaN equals nothing, and is what attains a maximum that is NaN: the first of them is chosen, as argmax does elsewhere.
    const attained = add(equal(x, max(x, at, { keepDims: true })), sub(1, equal(x, x)));
    const first = neg(max(neg(where(attained, index, n)), at, { keepDims: true }));
    return equal(index, first);
  });
}

/**
 * The straight-through estimator: the value of `hard`, exactly, with the gradient of `soft`. VJP: g to soft, none to hard.
 * Source: Bengio et al. 2013.
 */
export function straightThrough(hard: Tensor, soft: Tensor): Tensor {
  if (!sameShape(hard.shape, soft.shape)) {
    throw new ShapeError(`straightThrough: ${showShape(hard.shape)} and ${showShape(soft.shape)} differ; they must have one shape`);
  }
  const out = detach(hard);
  if (isGradEnabled()) addNode('straightThrough', [soft], out, (g) => [g]);
  return out;
}
