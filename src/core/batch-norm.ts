/** @file Batch normalisation over [n, h, w] for each channel, with batch statistics or given ones. */
import { OptionError, ShapeError } from '../contract/errors.ts';
import type { BatchNormParams } from '../contract/backend.ts';
import { type Fused, fusedByRow } from './fused.ts';
import { inPlaceByRow } from './fused-rows.ts';
import { mean, square } from './composites.ts';
import { add, assign, concat, detach, div, mul, reshape, slice, sqrt, sub } from './ops.ts';
import { checkFloats } from './primitive.ts';
import { dims, showShape } from '../contract/shape.ts';
import type { Tensor } from './tensor.ts';
import { noGrad } from './grad-mode.ts';

/**
 * (x - mean) / sqrt(var + eps) with the batch's own statistics (biased variance, two passes), and those statistics:
 * x [n, c, h, w] -> [y like x, statistics [2, c]: row 0 mean, row 1 variance]. Only y is differentiable.
 */
export const batchNormalize: Fused<readonly [Tensor], BatchNormParams, readonly [Tensor, Tensor]> = fusedByRow(
  'batchNorm2d',
  ([x]: readonly [Tensor], { eps }: BatchNormParams): readonly [Tensor, Tensor] => {
    const { c } = dims('batchNorm2d', x, 'n c h w');
    const centre = mean(x, [0, 2, 3], { keepDims: true });
    const centred = sub(x, centre);
    const spread = mean(square(centred), [0, 2, 3], { keepDims: true });
    const y = div(centred, sqrt(add(spread, eps)));
    return [y, noGrad(() => concat([reshape(centre, [1, c]), reshape(spread, [1, c])]))];
  },
);

/** `batchNormalize` followed by y = weight z + bias, weight and bias [c]: [x, weight, bias] -> [y, statistics [2, c]]. */
export const batchNormAffine: Fused<readonly [Tensor, Tensor, Tensor], BatchNormParams, readonly [Tensor, Tensor]> = fusedByRow(
  'batchNormAffine2d',
  ([x, weight, bias]: readonly [Tensor, Tensor, Tensor], params: BatchNormParams): readonly [Tensor, Tensor] => {
    const [normalised, statistics] = batchNormalize.composite([x], params);
    return [affine(normalised, weight, bias), statistics];
  },
);

function affine(x: Tensor, weight: Tensor | undefined, bias: Tensor | undefined): Tensor {
  const y = weight ? mul(x, reshape(weight, [1, weight.size, 1, 1])) : x;
  return bias ? add(y, reshape(bias, [1, bias.size, 1, 1])) : y;
}

export interface BatchNormOptions {
  /** [c] each: y = weight * normalised + bias. */
  readonly weight?: Tensor;
  readonly bias?: Tensor;
  /** [2, c]: row 0 the running mean, row 1 the running (unbiased) variance. Updated in place in training; used in evaluation. */
  readonly running?: Tensor;
  /** Use the batch's statistics (and update `running`), else use `running`. Default true. */
  readonly training?: boolean;
  /** running := (1 - momentum) running + momentum batch. Default 0.1. */
  readonly momentum?: number;
  /** Default 1e-5. */
  readonly eps?: number;
}

/** Batch normalisation with PyTorch's semantics: x [n, c, h, w] -> the same shape. */
export function batchNorm2d(x: Tensor, options: BatchNormOptions = {}): Tensor {
  const { weight, bias, running, training = true, momentum = 0.1, eps = 1e-5 } = options;
  const { n, c, h, w } = dims('batchNorm2d', x, 'n c h w');
  checkFloats(
    'batchNorm2d',
    [x, weight, bias, running].filter((t) => t !== undefined),
  );
  for (const [name, t] of Object.entries({ weight, bias })) {
    if (t && (t.rank !== 1 || t.shape[0] !== c))
      throw new ShapeError(`batchNorm2d: ${name} ${showShape(t.shape)} must be [${c}] for x ${showShape(x.shape)}`);
  }
  if (running && (running.rank !== 2 || running.shape[0] !== 2 || running.shape[1] !== c))
    throw new ShapeError(
      `batchNorm2d: running statistics ${showShape(running.shape)} must be [2, ${c}] for x ${showShape(x.shape)}`,
    );
  if (!training) {
    if (!running) throw new OptionError('batchNorm2d: evaluation needs running statistics; pass { running } or { training: true }');
    const centre = reshape(slice(running, [0], [1]), [1, c, 1, 1]);
    const spread = reshape(slice(running, [1], [2]), [1, c, 1, 1]);
    return affine(div(sub(x, centre), sqrt(add(spread, eps))), weight, bias);
  }
  const count = n * h * w;
  if (count < 2)
    throw new ShapeError(`batchNorm2d: ${showShape(x.shape)} has ${count} value(s) a channel; batch statistics need two or more`);
  const [y, statistics] = weight && bias ? batchNormAffine([x, weight, bias], { eps }) : batchNormalize([x], { eps });
  if (running) noGrad(() => updateRunning({ momentum, count }, [statistics], [running]));
  return weight && bias ? y : affine(y, weight, bias);
}

/** running := (1 - momentum) running + momentum batch, the batch's variance made unbiased: [batch [2, c]] -> [running [2, c]]. */
const updateRunning = inPlaceByRow('batchNormRunning', 'batchNorm2d', ({ momentum, count }, [statistics], [running]) => {
  // The mean's row is taken as it is.
  const rates = running!.device.constant(`batchNorm ${momentum} ${count}`, () => ({
    data: [momentum, (momentum * count) / (count - 1)],
    shape: [2, 1],
  }));
  assign(running!, add(mul(running!, 1 - momentum), mul(detach(statistics!), rates)));
});
