/** @file C(Z) on the device, and three estimators of dE[C(Z)]/dlog alpha: through the sample, in closed form, by the score function. */
import { RelaxedOneHotCategorical } from '../../distributions/concrete.ts';
import { add, detach, log, mul, reshape, sub, sum } from '../../core/ops.ts';
import { logSoftmax, softmax } from '../../core/softmax.ts';
import type { Tensor } from '../../core/tensor.ts';
import { ShapeError } from '../../contract/errors.ts';
import { sameShape, showShape } from '../../contract/shape.ts';
import type { ChoiceWeights } from '../space/layout.ts';
import type { SpaceCost } from './space-cost.ts';

/** Cost of each choice under Z, [choices] a matrix: Z . C(O), of costs [choices, options] a matrix. */
export function choiceCosts(z: ChoiceWeights, costs: ChoiceWeights): ChoiceWeights {
  return z.map((rows, m) => {
    const mine = costs[m];
    if (!mine || z.length !== costs.length || !sameShape(rows.shape, mine.shape)) {
      throw new ShapeError(`cost: Z ${showShape(rows.shape)}, but costs ${mine ? showShape(mine.shape) : 'are missing'}`);
    }
    return sum(mul(rows, mine), 1);
  });
}

/**
 * log C(Z), as the authors' code has it. NOT linear in Z: eq 16 no longer splits over choices, E[log C] is not log E[C], and each choice's
 * penalty depends on what all the others cost. C(Z) must be positive.
 */
export function logCost(z: ChoiceWeights, cost: SpaceCost): Tensor {
  return log(cost.of(z));
}

/** E[C(Z)] for Z one-hot with probabilities softmax(log alpha), choices independent, exactly: C at softmax(log alpha), for it is linear in each Z. */
export function expectedCost(logits: ChoiceWeights, cost: SpaceCost): Tensor {
  return cost.of(logits.map((rows) => softmax(rows)));
}

/** log p(Z) of one-hot rows, one number a choice, [choices]: Z . logSoftmax(log alpha). Z is held fixed. */
export function oneHotLogProb(logits: Tensor, z: Tensor): Tensor {
  return sum(mul(logSoftmax(logits), detach(z)), 1);
}

/**
 * A scalar whose gradient in log alpha is the score-function estimate sum_c (C_c - b) dlog p(Z_c)/dlog alpha. Z and the cost are held
 * fixed. Each choice's score meets that choice's own cost, which the linearity of eq 16 allows and which lowers the variance: costs are by choice, of a
 * space in which no choice stands in another. Without `temperature`, Z is one-hot and p categorical; with it, Z is a Concrete sample and p its
 * density, in log space.
 */
export function scoreFunctionCost(
  logits: ChoiceWeights,
  z: ChoiceWeights,
  costs: ChoiceWeights,
  options: { readonly temperature?: number | Tensor; readonly baseline?: number | Tensor } = {},
): Tensor {
  const { temperature, baseline = 0 } = options;
  const each = choiceCosts(z, costs);
  const terms = logits.map((rows, m) => {
    const fixedZ = detach(z[m]!);
    const logP =
      temperature === undefined
        ? oneHotLogProb(rows, fixedZ)
        : new RelaxedOneHotCategorical({ logits: rows, temperature }).logProb({ z: fixedZ });
    return sum(mul(logP, detach(sub(each[m]!, baseline))));
  });
  return terms.reduce((a, b) => add(a, b));
}

/**
 * The same for a cost that is only known as one number for the whole architecture (a measured latency, or C(Z) where choices stand in one
 * another): a scalar with the gradient (cost - b) sum_c dlog p(Z_c)/dlog alpha. z one-hot, `measured` and `baseline` scalars without a graph.
 */
export function scoreFunctionBlackBox(
  logits: ChoiceWeights,
  z: ChoiceWeights,
  measured: Tensor | number,
  baseline: Tensor | number = 0,
): Tensor {
  const logP = logits.map((rows, m) => sum(oneHotLogProb(rows, z[m]!))).reduce((a, b) => add(a, b));
  const { device } = logits[0]!;
  const value = typeof measured === 'number' ? device.scalar(measured) : measured;
  return mul(logP, detach(reshape(sub(value, baseline), [])));
}
