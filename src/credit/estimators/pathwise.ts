/** @file Pathwise estimators: the gradient of the relaxed loss, and straight-through forms whose forward pass is discrete. */
import { OptionError } from '../../contract/errors.ts';
import { grad } from '../../core/autograd.ts';
import { RelaxedOneHotCategorical } from '../../distributions/index.ts';
import { add, alias, div, mul, sub, sum } from '../../core/ops.ts';
import { noGrad } from '../../core/grad-mode.ts';
import { softmax } from '../../core/softmax.ts';
import type { Tensor } from '../../core/tensor.ts';
import { conditionalPerturbed, type Draw, type Estimator, lossesAt } from './estimator.ts';

/** Z = softmax((l + G) / temperature), [s, e, n]. */
export function relaxedSample(draw: Draw): Tensor {
  return new RelaxedOneHotCategorical({ logits: draw.logits, temperature: draw.temperature }).rsample({ noise: draw.noise });
}

/** dL(Z)/dl: the gradient that SNAS and the Concrete relaxation follow. Exact for the relaxed objective, biased for the discrete one. */
export const pathwise: Estimator = {
  name: 'concrete pathwise',
  unbiased: false,
  relaxed: true,
  passes: { forward: 1, backward: 1 },
  estimate: (draw) => grad(sum(lossesAt(draw, relaxedSample(draw))), [draw.logits])[0],
};

/** dL/dZ at the discrete sample D, [s, e, n]: of all operations, those not chosen included. */
export function slopeAtHard(draw: Draw): Tensor {
  const z = alias(draw.hard);
  return grad(sum(lossesAt(draw, z)), [z])[0];
}

/** Forward with D, backward through Z of the same noise. Source: Jang et al. 2017; GDAS. */
export const straightThroughGumbel: Estimator = {
  name: 'straight-through',
  unbiased: false,
  relaxed: true,
  passes: { forward: 1, backward: 1 },
  estimate: (draw) => grad(relaxedSample(draw), [draw.logits], { cotangent: slopeAtHard(draw) })[0],
};

/** Straight-through with the Jacobian averaged over k draws of the noise given D: the same mean, less variance. Source: Paulus et al. 2021. */
export function gumbelRao(k = 10): Estimator {
  if (!Number.isInteger(k) || k < 1) throw new OptionError(`gumbelRao: ${k} draws; an integer of 1 or more is needed`);
  return {
    name: `Gumbel-Rao K=${k}`,
    unbiased: false,
    relaxed: true,
    passes: { forward: 1, backward: 1 },
    estimate: (draw) => {
      const slope = slopeAtHard(draw);
      const parts = Array.from({ length: k }, (_, i) => {
        // Only the softmax is differentiated: the conditional noise is a constant once drawn.
        const noise = noGrad(() => sub(conditionalPerturbed(draw, 1000 + i), draw.logits));
        const l = alias(draw.logits);
        const z = softmax(div(add(l, noise), draw.temperature));
        return grad(z, [l], { cotangent: slope })[0];
      });
      return mul(
        parts.reduce((a, b) => add(a, b)),
        1 / k,
      );
    },
  };
}
