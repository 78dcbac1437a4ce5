/** @file Score-function estimators: (D - pi) (f - baseline), unbiased whatever the baseline, and DSNAS, which puts a credit in f's place. */
import { noGrad } from '../../core/grad-mode.ts';
import { matmul, neg, permute, reshape, sub } from '../../core/ops.ts';
import type { Device } from '../../core/tensor.ts';
import type { Tensor } from '../../core/tensor.ts';
import { networkCredits } from '../credits.ts';
import { discreteScore, type Draw, type Estimator, lossesAt, scoreTimes } from './estimator.ts';

const hardLosses = (draw: Draw): Tensor => noGrad(() => lossesAt(draw, draw.hard));

/** (D - pi) f. Source: Williams 1992. */
export const reinforce: Estimator = {
  name: 'REINFORCE',
  unbiased: true,
  relaxed: false,
  passes: { forward: 1, backward: 0 },
  estimate: (draw) => noGrad(() => scoreTimes(discreteScore(draw), hardLosses(draw))),
};

/** A baseline b = W f, with W [s, s] such that row r does not use f_r's own sample (or any later one). */
function withLinearBaseline(name: string, matrix: (device: Device, samples: number) => Tensor, group = 1): Estimator {
  return {
    name,
    unbiased: true,
    relaxed: false,
    group,
    passes: { forward: 1, backward: 0 },
    estimate: (draw) =>
      noGrad(() => {
        const f = hardLosses(draw);
        const b = reshape(matmul(matrix(draw.fixture.device, draw.samples), reshape(f, [draw.samples, 1])), [draw.samples]);
        return scoreTimes(discreteScore(draw), sub(f, b));
      }),
  };
}

function constantMatrix(
  name: string,
  weight: (row: number, column: number) => number,
): (device: Device, samples: number) => Tensor {
  return (device, samples) =>
    device.constant(`${name} ${samples}`, () => ({
      data: Array.from({ length: samples * samples }, (_, i) => weight(Math.floor(i / samples), i % samples)),
      shape: [samples, samples],
    }));
}

/** (D - pi) (f - mean of the batch's earlier losses). */
export const meanBaseline: Estimator = withLinearBaseline(
  'REINFORCE, mean',
  constantMatrix('mean baseline', (r, c) => (c < r ? 1 / r : 0)),
);

const DECAY = 0.95;

/** (D - pi) (f - exponential moving average of the batch's earlier losses, decay 0.95, corrected for its start): ENAS's baseline. */
export const emaBaseline: Estimator = withLinearBaseline(
  'REINFORCE, EMA',
  constantMatrix('EMA baseline', (r, c) => (c < r ? ((1 - DECAY) * DECAY ** (r - 1 - c)) / (1 - DECAY ** r) : 0)),
);

/** (D - pi) (f - mean loss of the other k - 1 samples of the group). Source: Kool, van Hoof and Welling 2019. */
export function leaveOneOut(k = 4): Estimator {
  const weights = constantMatrix(`leave-one-out ${k}`, (r, c) =>
    r !== c && Math.floor(r / k) === Math.floor(c / k) ? 1 / (k - 1) : 0,
  );
  return withLinearBaseline(`REINFORCE, leave-one-out K=${k}`, weights, k);
}

/** (D_e - pi_e) (f(D) - f(D without edge e)): the ablation credit at one-hot gates. Unbiased, for the baseline does not see D_e. */
export function counterfactual(edges: number): Estimator {
  return {
    name: 'REINFORCE, counterfactual',
    unbiased: true,
    relaxed: false,
    passes: { forward: 1 + edges, backward: 0 },
    estimate: (draw) =>
      noGrad(() =>
        scoreTimes(discreteScore(draw), permute(neg(networkCredits(draw.fixture.network(draw.hard), 'ablation')), [1, 0])),
      ),
  };
}

/** (D_e - pi_e) dL/dZ of the chosen operation at one-hot gates. Source: Hu et al., "DSNAS", CVPR 2020. */
export const dsnas: Estimator = {
  name: 'DSNAS',
  unbiased: false,
  relaxed: false,
  passes: { forward: 1, backward: 1 },
  estimate: (draw) =>
    scoreTimes(discreteScore(draw), permute(neg(networkCredits(draw.fixture.network(draw.hard), 'taylor')), [1, 0])),
};
