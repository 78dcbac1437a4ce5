/** @file SNAS's policy-gradient form: the score of the Concrete density times the loss or a credit of the edge. */
import { RelaxedOneHotCategorical } from '../../distributions/index.ts';
import { noGrad } from '../../core/grad-mode.ts';
import { neg, permute } from '../../core/ops.ts';
import { creditCost, type CreditKind, networkCredits } from '../credits.ts';
import { type Draw, type Estimator, lossesAt, scoreTimes } from './estimator.ts';
import { relaxedSample } from './pathwise.ts';
import type { Tensor } from '../../core/tensor.ts';

/** The score of the Concrete density at the relaxed sample, d log p(Z) / dl, [s, e, n]: from the noise, so that nothing underflows. */
export function concreteScore(draw: Draw): Tensor {
  return new RelaxedOneHotCategorical({ logits: draw.logits, temperature: draw.temperature }).score({ noise: draw.noise });
}

/** score (L): unbiased for the relaxed objective, biased for the discrete one. */
export const scoreTimesLoss: Estimator = {
  name: 'score x loss',
  unbiased: false,
  relaxed: true,
  passes: { forward: 1, backward: 0 },
  estimate: (draw) => noGrad(() => scoreTimes(concreteScore(draw), lossesAt(draw, relaxedSample(draw)))),
};

/** score_e (-R_e) for one of the credits; with 'taylor' it is SNAS's published form. `points` is the integrated credit's. */
export function scoreTimesCredit(kind: CreditKind, points = 4): Estimator {
  return {
    name: kind === 'taylor' ? 'score x taylor (SNAS)' : `score x ${kind}`,
    unbiased: false,
    relaxed: true,
    passes: ({ edges }) => creditCost(kind, edges.length, { points }),
    estimate: (draw) =>
      noGrad(() => {
        const network = draw.fixture.network(relaxedSample(draw));
        return scoreTimes(concreteScore(draw), permute(neg(networkCredits(network, kind, { points })), [1, 0]));
      }),
  };
}
