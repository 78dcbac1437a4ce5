/** @file Score-function estimators: (D - pi) (f - baseline), unbiased whatever the baseline, and DSNAS, which puts a credit in f's place. */
import { OptionError } from '../../contract/errors.ts';
import { stack } from '../../core/composites.ts';
import { noGrad } from '../../core/grad-mode.ts';
import { add, matmul, mul, neg, permute, reshape, slice, sub } from '../../core/ops.ts';
import type { Device } from '../../core/tensor.ts';
import type { Tensor } from '../../core/tensor.ts';
import { networkCredits } from '../credits.ts';
import { discreteScore, type Draw, type Estimator, lossesAt, type Passes, scoreTimes } from './estimator.ts';

const hardLosses = (draw: Draw): Tensor => noGrad(() => lossesAt(draw, draw.hard));

/** (D - pi) f. Source: Williams 1992. */
export const reinforce: Estimator = {
  name: 'REINFORCE',
  unbiased: true,
  relaxed: false,
  passes: { forward: 1, backward: 0, chosenForward: 1 },
  estimate: (draw) => noGrad(() => scoreTimes(discreteScore(draw), hardLosses(draw))),
};

/** Grouped samples need whole groups: OptionError names the estimator. */
export function checkGroups(name: string, group: number, samples: number): void {
  if (samples % group !== 0) {
    throw new OptionError(`${name}: groups of ${group} do not divide ${samples} samples; ask for a multiple of ${group}`);
  }
}

/** A baseline b = W f, with W [s, s] such that row r does not use f_r's own sample (or any later one). */
function withLinearBaseline(name: string, matrix: (device: Device, samples: number) => Tensor, group = 1): Estimator {
  return {
    name,
    unbiased: true,
    relaxed: false,
    group,
    passes: { forward: 1, backward: 0, chosenForward: 1 },
    estimate: (draw) =>
      noGrad(() => {
        checkGroups(name, group, draw.samples);
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
  if (!Number.isInteger(k) || k < 2) throw new OptionError(`leaveOneOut: groups of ${k}; an integer of 2 or more is needed`);
  const weights = constantMatrix(`leave-one-out ${k}`, (r, c) =>
    r !== c && Math.floor(r / k) === Math.floor(c / k) ? 1 / (k - 1) : 0,
  );
  return withLinearBaseline(`REINFORCE, leave-one-out K=${k}`, weights, k);
}

/** (D_e - pi_e) (f(D) - f(D without edge e)): the ablation credit at one-hot gates. Unbiased, for the baseline does not see D_e. */
export const counterfactual: Estimator = {
  name: 'REINFORCE, counterfactual',
  unbiased: true,
  relaxed: false,
  passes: ({ edges }) => chosen(1 + edges.length),
  estimate: (draw) =>
    noGrad(() =>
      scoreTimes(discreteScore(draw), permute(neg(networkCredits(draw.fixture.network(draw.hard), 'ablation')), [1, 0])),
    ),
};

/**
 * (D_e - pi_e) (f(D) - E[f | the other edges' choices]): the mean over this edge's own operations as its baseline, which takes a forward pass for each
 * of the others. Unbiased, for the baseline does not see D_e. Source: Foerster et al., "Counterfactual multi-agent policy gradients" (COMA), 2018.
 */
export const conditionalMean: Estimator = {
  name: 'REINFORCE, conditional mean',
  unbiased: true,
  relaxed: false,
  passes: ({ edges, operations }) => chosen(1 + edges.length * (operations - 1)),
  estimate: (draw) =>
    noGrad(() => {
      const f = hardLosses(draw);
      const { edges, operations, device } = draw.fixture;
      const rows = edges.map((_, e) => {
        const others = device.tensor(
          edges.map((_edge, i) => Number(i !== e)),
          [1, edges.length, 1],
        );
        const kept = mul(draw.hard, others);
        const means = Array.from({ length: operations }, (_op, k) => {
          const one = Array.from({ length: edges.length * operations }, (_x, i) => Number(i === e * operations + k));
          const loss = lossesAt(draw, add(kept, device.tensor(one, [1, edges.length, operations])));
          return mul(loss, reshape(slice(draw.pi, [e, k], [e + 1, k + 1]), [1]));
        });
        return sub(
          f,
          means.reduce((a, b) => add(a, b)),
        );
      });
      return scoreTimes(discreteScore(draw), stack(rows, 1));
    }),
};

function chosen(forward: number): Passes {
  return { forward, backward: 0, chosenForward: forward };
}

/** (D_e - pi_e) dL/dZ of the chosen operation at one-hot gates. Source: Hu et al., "DSNAS", CVPR 2020. */
export const dsnas: Estimator = {
  name: 'DSNAS',
  unbiased: false,
  relaxed: false,
  passes: { forward: 1, backward: 1, chosenForward: 1, chosenBackward: 1 },
  estimate: (draw) =>
    scoreTimes(discreteScore(draw), permute(neg(networkCredits(draw.fixture.network(draw.hard), 'taylor')), [1, 0])),
};
