/**
 * @file What a search asks of an architecture strategy: propose Z, receive gradients or rewards, name a child.
 *
 * One training step is: `inputs` draws what is random on the host; `propose` turns it into Z on the device; the search
 * computes the loss of the network under Z and one backward pass to the weights and to Z; `gradients` turns loss and dloss/dZ
 * into gradients of the strategy's parameters. A pathwise strategy pulls dloss/dZ back through Z; a policy gradient
 * uses the loss as reward; both are the same to the search, which can also replay the whole step, since what changes from step to
 * step enters through `inputs`. A strategy sees the choices of a space and the sizes of their matrices, and nothing of the network.
 */
import type { Key } from '../../core/random.ts';
import type { Tensor } from '../../core/tensor.ts';
import type { Architecture } from '../space/architecture.ts';
import type { ChoiceWeights, SpaceLayout } from '../space/layout.ts';
import type { SpaceDefinition } from '../space/search-space.ts';

/** What a strategy is made for: the choices, and rules of the space that it may ask for. */
export interface StrategySpace {
  readonly layout: SpaceLayout;
  /** The space's name and rules; absent where only the choices are known. */
  readonly definition?: Pick<SpaceDefinition, 'name' | 'strongest'>;
}

export interface StrategyStep {
  /** The key of this step's architecture noise. */
  readonly key: Key;
  /** lambda of eq 13; strategies without a relaxation ignore it. */
  readonly temperature: number;
}

/** Tensors by name, or lists of them: what a strategy draws for one step. */
export type StrategyInputs = Readonly<Record<string, Tensor | readonly Tensor[]>>;

export interface Feedback {
  /** The objective of this batch under the proposed Z, a scalar: loss + eta C(Z). */
  readonly loss: Tensor;
  /** Its derivative by Z. */
  readonly gradient: ChoiceWeights;
}

/** What a strategy that looks past the next weight update needs: both losses as functions of Z at the present weights. */
export interface BilevelProblem {
  readonly weights: readonly Tensor[];
  /** The step size xi of the virtual weight update, a scalar. */
  readonly learningRate: Tensor;
  readonly trainingLoss: (z: ChoiceWeights) => Tensor;
  readonly validationLoss: (z: ChoiceWeights) => Tensor;
}

/** A strategy, and the names of what it draws for a step. */
export interface ArchitectureStrategy<Inputs extends StrategyInputs = StrategyInputs> {
  readonly name: string;
  /** The choices that it is for. */
  readonly layout: SpaceLayout;
  /** Which data the architecture's loss is measured on: the weights' own batch (single level), or validation (bi-level). */
  readonly level: 'single' | 'bilevel';
  /** What an optimiser updates with `gradients`; empty for strategies that do not learn. */
  parameters(): readonly Tensor[];
  /** All state by name, parameters included, for checkpoints. */
  stateDict(): ReadonlyMap<string, Tensor>;
  /** The random and scheduled numbers of a step, drawn on the host: the same names and shapes every step. */
  inputs(step: StrategyStep): Inputs;
  /** Z from the parameters and what `inputs` drew, with its graph, so that gradients can flow back to the parameters. */
  propose(inputs: Inputs): ChoiceWeights;
  /** Gradients of the expected objective, one for each parameter, to be descended. `z` is what `propose` returned. */
  gradients(z: ChoiceWeights, feedback: Feedback): readonly Tensor[];
  /** Replaces propose and gradients for the architecture's step, where a strategy needs more than one pass. */
  bilevelGradients?(problem: BilevelProblem): readonly Tensor[];
  /**
   * log alpha of a strategy that draws every choice by itself: the argmax of a row of its Z is a draw from softmax(log alpha)
   * of that row. Absent elsewhere. It is what the score of a black-box cost is taken of.
   */
  readonly sampled?: ChoiceWeights | undefined;
  /** Probability of each option of each choice, rows summing to 1: for the entropy, the cost and the picture. */
  probabilities(): ChoiceWeights;
  /** The child that the strategy would give now. */
  derive(): Promise<Architecture>;
}
