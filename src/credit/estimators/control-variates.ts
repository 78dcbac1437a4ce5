/**
 * @file REBAR and RELAX: score-function estimators with a differentiable control variate of zero mean, so they stay unbiased.
 *
 * g = (f(D) - c(zt)) (D - pi) + dc(z)/dl - dc(zt)/dl, where z = l + G, D its argmax, and zt = l + G redrawn given D. The
 * variate -c(zt) (D - pi) + dc(z)/dl - dc(zt)/dl has mean zero for every c. REBAR: c = eta f(softmax(z / temperature)), source Tucker et
 * al. 2017; RELAX: c free, here REBAR's plus a small network, trained to lessen the variance, source Grathwohl et al. 2018.
 */
import { grad } from '../../core/autograd.ts';
import { enableGrad, noGrad } from '../../core/grad-mode.ts';
import { linear, square } from '../../core/composites.ts';
import { add, detach, div, exp, mul, reshape, sub, sum, tanh } from '../../core/ops.ts';
import { Adam } from '../../optim/index.ts';
import { foldIn, gumbel, type Key, normals } from '../../core/random.ts';
import { keep, scope } from '../../core/scope.ts';
import { softmax } from '../../core/softmax.ts';
import type { Tensor } from '../../core/tensor.ts';
import type { ArchitectureFixture } from './fixture.ts';
import {
  conditionalPerturbed,
  discreteScore,
  type Draw,
  type Estimator,
  lossesAt,
  makeDraw,
  type Passes,
  scoreTimes,
} from './estimator.ts';

/** c: perturbed logits [s, e, n] -> [s]. */
type Surrogate = (draw: Draw, perturbed: Tensor) => Tensor;

/** The control variate alone: mean zero whatever the surrogate. With createGraph its derivative in the surrogate's parameters exists. */
export function controlVariate(draw: Draw, surrogate: Surrogate, createGraph = false): Tensor {
  const perturbed = add(draw.logits, draw.noise);
  const conditional = conditionalPerturbed(draw, 2000);
  const free = surrogate(draw, perturbed);
  const given = surrogate(draw, conditional);
  const [slopes] = grad(sum(sub(free, given)), [draw.logits], { createGraph });
  return sub(slopes, scoreTimes(discreteScore(draw), createGraph ? given : detach(given)));
}

/** f at the sample itself; c at z and at the conditional one, with a gradient through each. */
const PASSES: Passes = { forward: 3, backward: 2, chosenForward: 1 };

function timesPasses(samples: number, backward: number): Passes {
  return { forward: 3 * samples, backward: backward * samples, chosenForward: samples };
}

function withVariate(name: string, surrogate: Surrogate, fitting: Passes): Estimator {
  return {
    name,
    unbiased: true,
    relaxed: true,
    passes: PASSES,
    fitting,
    estimate: (draw) => {
      const f = noGrad(() => lossesAt(draw, draw.hard));
      return add(scoreTimes(discreteScore(draw), f), controlVariate(draw, surrogate));
    },
  };
}

const relaxedLoss: Surrogate = (draw, perturbed) => lossesAt(draw, softmax(div(perturbed, draw.temperature)));

/** What the adaptive estimators are fitted to: independent of the samples that judge them, so they stay unbiased. */
export interface Fitting {
  readonly fixture: ArchitectureFixture;
  readonly logits: readonly (readonly number[])[];
  readonly temperature: number;
  readonly key: Key;
  /** Samples a fitting batch. Default 256. */
  readonly samples?: number;
}

function fittingDraw({ fixture, logits, temperature, key, samples = 256 }: Fitting, step: number): Draw {
  const k = foldIn(key, step);
  const noise = gumbel(fixture.device, foldIn(k, 0), [samples, fixture.edges.length, fixture.operations]);
  return makeDraw(fixture, logits, temperature, samples, noise, foldIn(k, 1));
}

/** REBAR with eta fitted on one batch: the regression coefficient of the plain estimate on the variate. */
export function rebar(fitting: Fitting): Estimator {
  const eta = enableGrad(() =>
    scope(() => {
      const draw = fittingDraw(fitting, 0);
      const plain = noGrad(() => scoreTimes(discreteScore(draw), lossesAt(draw, draw.hard)));
      const variate = controlVariate(draw, relaxedLoss);
      return keep(noGrad(() => mul(div(sum(mul(plain, variate)), sum(square(variate))), -1)));
    }),
  );
  return withVariate('REBAR', (draw, perturbed) => mul(relaxedLoss(draw, perturbed), eta), timesPasses(fitting.samples ?? 256, 2));
}

const HIDDEN = 8;

/** RELAX: c = e^a f(softmax(z e^-b)) + u . tanh(W z + v), its parameters trained by Adam on the mean squared estimate. */
export function relax(fitting: Fitting, steps = 120): Estimator {
  const { fixture } = fitting;
  const { device } = fixture;
  const width = fixture.edges.length * fixture.operations;
  const samples = fitting.samples ?? 128;
  const parameters = {
    scale: device.parameter(0),
    logTemperature: device.parameter(Math.log(fitting.temperature)),
    w: device.parameter(
      normals(foldIn(fitting.key, 1_000_001), HIDDEN * width).map((v) => 0.3 * v),
      [HIDDEN, width],
    ),
    v: device.parameter(new Float64Array(HIDDEN), [HIDDEN]),
    u: device.parameter(new Float64Array(HIDDEN), [HIDDEN]),
  };
  const surrogate: Surrogate = (draw, perturbed) => {
    const { scale, logTemperature, w, v, u } = parameters;
    const relaxed = mul(lossesAt(draw, softmax(div(perturbed, exp(logTemperature)))), exp(scale));
    const free = sum(mul(tanh(linear(reshape(perturbed, [draw.samples, width]), w, v)), u), 1);
    return add(relaxed, free);
  };
  const list = Object.values(parameters);
  const optimizer = new Adam(list, { lr: 0.02 });
  for (let step = 1; step <= steps; step++) {
    enableGrad(() =>
      scope(() => {
        const draw = fittingDraw({ ...fitting, samples }, step);
        const f = noGrad(() => lossesAt(draw, draw.hard));
        const estimate = add(scoreTimes(discreteScore(draw), f), controlVariate(draw, surrogate, true));
        optimizer.step(grad(mul(sum(square(estimate)), 1 / draw.samples), list));
      }),
    );
  }
  // A step's own gradient goes backwards through both of the estimate's.
  return withVariate('RELAX', surrogate, timesPasses(steps * samples, 4));
}
