/**
 * @file SNAS with an autoregressive p(Z), equation 6: each choice's distribution depends on what was drawn at the choices before it.
 *
 * logits_c = log alpha_c + sum_{c' < c} Z_c' W_{c', c}, in the order of choices. Relaxed samples are drawn in this order and the gradient flows
 * through all of them. With W = 0 it is the factorised p(Z) of equation 7.
 */
import type { Device } from '../core/tensor.ts';
import { gumbelSoftmax, oneHotArgmax } from '../distributions/gumbel.ts';
import { noGrad } from '../core/grad-mode.ts';
import { add, concat, matmul, reshape, slice } from '../core/ops.ts';
import type { Key } from '../core/random.ts';
import { scope } from '../core/scope.ts';
import type { Architecture } from '../snas/space/architecture.ts';
import type { ChoiceWeights, SpaceLayout } from '../snas/space/layout.ts';
import type { ArchitectureStrategy, Feedback, StrategySpace, StrategyStep } from '../snas/strategies/strategy.ts';
import { softmax } from '../core/softmax.ts';
import type { Tensor } from '../core/tensor.ts';
import {
  type ArchitectureInit,
  architectureParameters,
  pathwiseGradients,
  type RelaxationInputs,
  relaxationInputs,
} from '../snas/strategies/log-alpha.ts';
import { logAlphaState } from '../snas/strategies/factorized.ts';
import { argmaxArchitecture, withProbabilities } from '../snas/strategies/probabilities.ts';

export class AutoregressiveSnas implements ArchitectureStrategy<RelaxationInputs> {
  readonly name = 'snas-autoregressive';
  readonly level = 'single';
  readonly layout: SpaceLayout;
  readonly logAlpha: ChoiceWeights;
  /** W: [options of all choices, the same], in the order of choices; only blocks above the diagonal are read. Starts at 0. */
  readonly coupling: Tensor;

  constructor(device: Device, key: Key, space: StrategySpace, init: ArchitectureInit = {}) {
    this.layout = space.layout;
    this.logAlpha = architectureParameters(device, key, space.layout, init);
    const { size } = space.layout;
    this.coupling = device.parameter(new Float64Array(size * size), [size, size]);
  }

  parameters(): readonly Tensor[] {
    return [...this.logAlpha, this.coupling];
  }

  stateDict(): ReadonlyMap<string, Tensor> {
    return logAlphaState(this.layout, this.logAlpha).set('coupling', this.coupling);
  }

  inputs(step: StrategyStep): RelaxationInputs {
    return relaxationInputs(this.name, this.layout, this.logAlpha, step);
  }

  propose({ temperature, noise }: RelaxationInputs): ChoiceWeights {
    return this.#inOrder((logits, choice) => gumbelSoftmax(logits, { noise: this.#row(noise, choice), temperature })).drawn;
  }

  gradients(z: ChoiceWeights, feedback: Feedback): readonly Tensor[] {
    return pathwiseGradients(z, feedback.gradient, this.parameters());
  }

  /** Conditional probabilities along the most likely options: the marginals have no closed form unless W = 0. */
  probabilities(): ChoiceWeights {
    return noGrad(() => scope(() => this.#inOrder((logits) => oneHotArgmax(logits)).probabilities));
  }

  derive(): Promise<Architecture> {
    return withProbabilities(this, (p) => argmaxArchitecture(this.layout, p));
  }

  /** A choice's row as [1, options]. */
  #row(weights: ChoiceWeights, choice: number): Tensor {
    const { matrix, row } = this.layout.place(choice);
    return slice(weights[matrix]!, [row], [row + 1]);
  }

  /** Draws choice by choice; `draw` takes a choice's logits [1, options]. */
  #inOrder(draw: (logits: Tensor, choice: number) => Tensor): {
    readonly drawn: ChoiceWeights;
    readonly probabilities: ChoiceWeights;
  } {
    const { layout } = this;
    const drawn: Tensor[] = [];
    const probabilities: Tensor[] = [];
    let before = 0;
    for (const [c, { options }] of layout.choices.entries()) {
      let logits = this.#row(this.logAlpha, c);
      if (c > 0) {
        const past = reshape(concat(drawn, 1), [1, before]);
        logits = add(logits, matmul(past, slice(this.coupling, [0, before], [before, before + options.length])));
      }
      before += options.length;
      drawn.push(draw(logits, c));
      probabilities.push(softmax(logits));
    }
    const asMatrices = (rows: readonly Tensor[]): ChoiceWeights =>
      layout.matrices.map(({ choices }) => concat(choices.map((c) => rows[c]!)));
    return { drawn: asMatrices(drawn), probabilities: asMatrices(probabilities) };
  }
}
