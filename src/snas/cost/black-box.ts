/**
 * @file A cost that is known only as one number for a whole child (a measured latency), in the objective through the score function.
 *
 * dE[C]/dlog alpha = E[(C(Z) - b) dlog p(Z)/dlog alpha], Z one-hot, for any b that does not depend on Z (`scoreFunctionBlackBox`).
 */
import { grad } from '../../core/autograd.ts';
import { NonFiniteError, OptionError } from '../../contract/errors.ts';
import { noGrad } from '../../core/grad-mode.ts';
import type { StateDict } from '../../nn/module.ts';
import { scope } from '../../core/scope.ts';
import type { Shape } from '../../contract/shape.ts';
import type { Tensor } from '../../core/tensor.ts';
import { scoreFunctionBlackBox } from './expected-cost.ts';
import { type Architecture, architectureOf, argmaxOf } from '../space/architecture.ts';
import { type ChoiceWeights, disposeWeights, hostRows, oneHotWeights } from '../space/layout.ts';
import type { SearchSpace } from '../space/search-space.ts';
import type { ArchitectureStrategy, StrategyStep } from '../strategies/strategy.ts';

/** Something that says what one child costs, and nothing about why. */
export interface BlackBox {
  /** The cost of a child, in the unit in which eta is a price: about 0 for the empty network and 1 for the most expensive. */
  price(child: Architecture): number | Promise<number>;
  /** What a checkpoint must keep of it, by name (the unit of a relative price). */
  state?(): StateDict;
  loadState?(state: StateDict): void;
  dispose?(): void;
}

/** Makes a black box for a search's space; `inputs` is the shape of its batches, [n, ...]. */
export type BlackBoxFactory = (space: SearchSpace, inputs: Shape) => BlackBox;

export interface BlackBoxOptions {
  /** Steps from one measurement to the next. Default 4. */
  readonly every?: number;
  /** Decay of the moving average of past costs, the baseline. Default 0.9. */
  readonly decay?: number;
}

/** The measured child as a step takes it: its one-hot Z, and the scalar eta every (cost - baseline) that weighs its score. */
export type MeasuredChild = { readonly z: ChoiceWeights; readonly coefficient: Tensor };

/**
 * The penalty eta E[C] of a black box in a search, measured on the sampled child of every `every`-th step.
 *
 * The sampled child takes of each choice the argmax of the step's Z. With Z = softmax((log alpha + G) / lambda) the argmax does not depend on
 * lambda: it is the argmax of log alpha + G, and that has exactly the distribution softmax(log alpha) (Gumbel-max). So the children that are
 * measured are exact draws of the categorical p(Z), at any temperature, and the categorical score of the argmax is exact: nothing is
 * relaxed, and no Concrete density (whose score grows without bound as lambda falls) is needed. It is an unbiased estimate of the gradient of the expected
 * cost of the discrete child.
 *
 * A measured step counts for the `every` steps that it stands for, so that eta is the same price whatever `every` is. The baseline holds
 * costs of earlier steps alone, so it does not depend on this step's Z and leaves the expectation as it is; the first measurement sets it and moves nothing.
 */
export class BlackBoxCost {
  readonly every: number;
  readonly #strategy: ArchitectureStrategy;
  readonly #logits: ChoiceWeights;
  readonly #box: BlackBox;
  readonly #eta: number;
  readonly #decay: number;
  /** Moving average without the bias of its start: m := d m + (1 - d) c, w := d w + (1 - d), value m / w. */
  #average: readonly [m: number, w: number] = [0, 0];
  #measured: { readonly step: number; readonly options: readonly number[]; readonly coefficient: number } | undefined;

  /** OptionError for a strategy whose Z is not sampled choice by choice from softmax(log alpha). */
  constructor(strategy: ArchitectureStrategy, box: BlackBox, options: BlackBoxOptions & { readonly eta: number }) {
    const { every = 4, decay = 0.9, eta } = options;
    if (!(Number.isInteger(every) && every >= 1)) throw new OptionError(`black-box cost: every ${every} must be an integer >= 1`);
    if (!(decay >= 0 && decay < 1)) throw new OptionError(`black-box cost: decay ${decay} must be in [0, 1)`);
    if (!strategy.sampled) {
      throw new OptionError(
        `black-box cost: ${strategy.name} does not sample each choice from softmax(log alpha), so its Z has no score to weigh a cost with; ` +
          'take a strategy that does (snas, gdas, dsnas, reinforce), or a cost that is linear in Z',
      );
    }
    this.every = every;
    this.#strategy = strategy;
    this.#logits = strategy.sampled;
    this.#box = box;
    this.#eta = eta;
    this.#decay = decay;
  }

  /** The moving average of the costs measured so far; undefined before the first. */
  get average(): number | undefined {
    const [m, w] = this.#average;
    return w === 0 ? undefined : m / w;
  }

  /** Measures the sampled child of the coming step, if it is one of every `every`. `at` is what the step itself will be given. */
  async measure(step: number, at: StrategyStep): Promise<void> {
    if (step % this.every !== 0) return;
    const options = await this.#sampledChild(at);
    const price = await this.#box.price(architectureOf(this.#strategy.layout, options));
    if (!Number.isFinite(price))
      throw new NonFiniteError(`black-box cost: a child costs ${price} in step ${step}; it must be finite`);
    const baseline = this.average ?? price;
    this.#measured = { step, options, coefficient: this.#eta * this.every * (price - baseline) };
    const [m, w] = this.#average;
    const d = this.#decay;
    this.#average = [d * m + (1 - d) * price, d * w + (1 - d)];
  }

  /**
   * What enters a captured step: the child that was measured for it. In steps without a measurement its Z is 0, and so is the coefficient.
   */
  inputs(step: number): MeasuredChild {
    const { layout } = this.#strategy;
    const { device } = this.#logits[0]!;
    const measured = this.#measured?.step === step ? this.#measured : undefined;
    const z = measured
      ? oneHotWeights(device, layout, measured.options)
      : layout.matrices.map((_, m) => device.zeros(layout.shape(m)));
    return { z, coefficient: device.tensor(measured?.coefficient ?? 0, []) };
  }

  /** The estimated gradient of eta E[C] by the strategy's parameters, from what `inputs` gave. */
  gradients({ coefficient, z }: MeasuredChild): readonly Tensor[] {
    return scope(() => grad(scoreFunctionBlackBox(this.#logits, z, coefficient), this.#strategy.parameters(), { unused: 'zeros' }));
  }

  /** The baseline, and what the box must keep. */
  state(): StateDict {
    return { average: { shape: [2], data: Float64Array.from(this.#average) }, ...this.#box.state?.() };
  }

  loadState(state: StateDict): void {
    const [m, w] = state['average']?.data ?? [];
    if (m === undefined || w === undefined) throw new OptionError('black-box cost: average is missing from the saved state');
    this.#average = [m, w];
    this.#box.loadState?.(state);
  }

  dispose(): void {
    this.#box.dispose?.();
  }

  async #sampledChild(at: StrategyStep): Promise<number[]> {
    const z = scope(() => noGrad(() => this.#strategy.propose(this.#strategy.inputs(at))));
    try {
      return argmaxOf(await hostRows(this.#strategy.layout, z));
    } finally {
      disposeWeights(z);
    }
  }
}
