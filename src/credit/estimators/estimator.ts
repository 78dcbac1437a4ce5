/** @file What all gradient estimators share: the question, common random numbers, and the interface. */
import { ShapeError } from '../../contract/errors.ts';
import { showShape } from '../../contract/shape.ts';
import type { Device } from '../../core/tensor.ts';
import { oneHotArgmax } from '../../distributions/index.ts';
import { noGrad } from '../../core/grad-mode.ts';
import { logSumExp } from '../../core/composites.ts';
import { add, alias, broadcastTo, div, exp, log, mul, neg, reshape, sub, sum, where } from '../../core/ops.ts';
import { foldIn, type Key, uniforms } from '../../core/random.ts';
import { softmax } from '../../core/softmax.ts';
import type { Tensor } from '../../core/tensor.ts';
import type { ArchitectureFixture } from './fixture.ts';

/** A batch of samples, the same for every estimator. */
export interface Draw {
  readonly fixture: ArchitectureFixture;
  readonly samples: number;
  /** log alpha, one copy a sample, [s, e, n]: gradients with respect to it are per sample. */
  readonly logits: Tensor;
  /** softmax of the logits, [e, n]. */
  readonly pi: Tensor;
  readonly temperature: number;
  /** Gumbel noise [s, e, n]. */
  readonly noise: Tensor;
  /** The exact sample D = one-hot argmax(logits + noise), [s, e, n]. */
  readonly hard: Tensor;
  /** For noise beyond the shared one. */
  readonly key: Key;
}

export interface Passes {
  readonly forward: number;
  readonly backward: number;
  /** How many of the passes compute the chosen operation of each edge alone; the others compute all operations. Default 0. */
  readonly chosenForward?: number;
  readonly chosenBackward?: number;
}

/**
 * What passes cost, in forward passes of one architecture: a pass over all n operations of every edge costs n, and a backward pass twice what its
 * forward pass does (one product for the input's gradient, one for the weights').
 */
export function operationCount(passes: Passes, operations: number): number {
  const { forward, backward, chosenForward = 0, chosenBackward = 0 } = passes;
  const ofAll = forward - chosenForward + 2 * (backward - chosenBackward);
  return operations * ofAll + chosenForward + 2 * chosenBackward;
}

/** An estimator of d E[f(D)] / d logits. */
export interface Estimator {
  readonly name: string;
  /** Whether its expectation is the exact gradient of the discrete objective. */
  readonly unbiased: boolean;
  /** Whether the temperature matters to it. */
  readonly relaxed: boolean;
  /** Samples that are used together, and so are dependent; default 1. */
  readonly group?: number;
  /** Passes through the network that one sample takes; for grouped samples, each one's part. May depend on the number of edges. */
  readonly passes: Passes | ((fixture: ArchitectureFixture) => Passes);
  /** Passes that fitting took before the first sample. Default: none. */
  readonly fitting?: Passes;
  /** One estimate a sample, [s, e, n]. Called with recording on, inside a scope. */
  estimate(draw: Draw): Tensor;
}

/** Draws a batch. To be called inside a scope. */
export function makeDraw(
  fixture: ArchitectureFixture,
  logits: readonly (readonly number[])[],
  temperature: number,
  samples: number,
  noise: Tensor,
  key: Key,
): Draw {
  const edges = fixture.edges.length;
  const shape = [samples, edges, fixture.operations];
  const l = fixture.device.tensor(logits.flat(), [edges, fixture.operations]);
  return {
    fixture,
    samples,
    logits: alias(broadcastTo(l, shape)),
    pi: noGrad(() => softmax(l)),
    temperature,
    noise,
    hard: oneHotArgmax(add(l, noise)),
    key,
  };
}

/** Losses [s] at gates z [s, e, n]. ShapeError where the fixture's network gives something else. */
export function lossesAt(draw: Draw, z: Tensor): Tensor {
  const { losses } = draw.fixture.network(z).run();
  if (losses.rank !== 1 || losses.size !== draw.samples) {
    throw new ShapeError(
      `lossesAt: the network's losses have shape ${showShape(losses.shape)} for ${draw.samples} samples; one loss a sample is needed, [${draw.samples}]`,
    );
  }
  return losses;
}

/** The score of the discrete sample, D - pi, [s, e, n]. */
export function discreteScore(draw: Draw): Tensor {
  return noGrad(() => sub(draw.hard, draw.pi));
}

/** score [s, e, n] times a credit or loss that is [s] or [s, e]. */
export function scoreTimes(score: Tensor, credit: Tensor): Tensor {
  return mul(score, reshape(credit, [credit.shape[0]!, credit.shape[1] ?? 1, 1]));
}

/** Exponential numbers of mean 1, for the conditional Gumbels. */
export function exponentials(device: Device, k: Key, shape: readonly number[]): Tensor {
  const length = shape.reduce((a, b) => a * b, 1);
  return device.tensor(
    uniforms(k, length).map((u) => -Math.log(u)),
    shape,
  );
}

/**
 * Perturbed logits l + G given that their argmax is D, as a differentiable function of the logits: the maximum is
 * T = -log E_D + logsumexp l, the others -log(E_i / alpha_i + e^-T), with E_i independent exponentials.
 * Source: Maddison and Tarlow 2017; Paulus, Maddison and Krause, "Rao-Blackwellizing the straight-through Gumbel-softmax", 2021.
 */
export function conditionalPerturbed(draw: Draw, purpose: number): Tensor {
  const { logits, hard, fixture } = draw;
  const e = exponentials(fixture.device, foldIn(draw.key, purpose), logits.shape);
  const chosen = sum(mul(e, hard), -1, { keepDims: true });
  const top = sub(logSumExp(logits, -1, { keepDims: true }), log(chosen));
  const others = neg(log(add(div(e, exp(logits)), exp(neg(top)))));
  return where(hard, top, others);
}
