/** @file DARTS: Z is the softmax of alpha itself, deterministic; bi-level of first or second order, or single level; top-2 children. */
import type { Device } from '../core/tensor.ts';
import { OptionError } from '../contract/errors.ts';
import type { Key } from '../core/random.ts';
import type { Genotype } from '../snas/space/genotype.ts';
import type { BilevelProblem, Feedback, StrategyInputs } from '../snas/strategies/strategy.ts';
import { softmax } from '../core/softmax.ts';
import type { Tensor } from '../core/tensor.ts';
import { FactorizedStrategy } from '../snas/strategies/factorized.ts';
import { topTwoGenotype } from './top-two.ts';
import { type MixedProductOptions, unrolledGradients } from './unrolled.ts';
import { type ArchitectureInit, pathwiseGradients } from '../snas/strategies/log-alpha.ts';
import { argmaxGenotype, withProbabilities } from '../snas/strategies/probabilities.ts';
import type { CellWeights } from '../snas/space/cell-weights.ts';

export interface DartsOptions extends ArchitectureInit {
  /** 'single': alpha follows the training loss, as the weights do. Default 'bilevel': the validation loss. */
  readonly level?: 'single' | 'bilevel';
  /** 2 looks one weight step ahead; bi-level only. Default 1. */
  readonly order?: 1 | 2;
  /** How the second order's mixed derivative is computed. Default exact. */
  readonly hessian?: MixedProductOptions['method'];
  /** The child rule: DARTS's top-2, or the argmax over all operations for comparison. Default 'top-2'. */
  readonly child?: 'top-2' | 'argmax';
}

/**
 * The expectation moved inside the network (eq 19): every operation runs on every edge, weighted by softmax(alpha). The virtual
 * step of the second order is plain gradient descent at the weights' learning rate; DARTS's code adds momentum and decay to it.
 */
export class Darts extends FactorizedStrategy {
  readonly name: string;
  readonly level: 'single' | 'bilevel';
  readonly bilevelGradients?: (problem: BilevelProblem) => readonly Tensor[];
  readonly #child: 'top-2' | 'argmax';

  constructor(device: Device, key: Key, options: DartsOptions = {}) {
    // DARTS starts alpha at 1e-3 N(0, 1).
    super(device, key, { mean: 0, std: 1e-3, ...options });
    const { level = 'bilevel', order = 1, hessian = 'exact', child = 'top-2' } = options;
    if (order === 2 && level === 'single')
      throw new OptionError('darts: order 2 looks at the validation loss; it needs level bilevel');
    this.level = level;
    this.name = level === 'single' ? 'darts-single' : `darts-${order}`;
    this.#child = child;
    if (order === 2) this.bilevelGradients = (problem) => this.#unrolled(problem, hessian);
  }

  /** All operations are mixed and nothing is drawn. */
  override get sampled(): undefined {
    return undefined;
  }

  inputs(): StrategyInputs {
    return {};
  }

  propose(): CellWeights {
    return { normal: softmax(this.logAlpha.normal), reduce: softmax(this.logAlpha.reduce) };
  }

  gradients(z: CellWeights, feedback: Feedback): readonly Tensor[] {
    return pathwiseGradients(z, feedback.gradient, this.parameters());
  }

  #unrolled(problem: BilevelProblem, method: 'exact' | 'finite-difference'): readonly Tensor[] {
    return unrolledGradients(
      {
        weights: problem.weights,
        architecture: this.parameters(),
        learningRate: problem.learningRate,
        trainingLoss: () => problem.trainingLoss(this.propose()),
        validationLoss: () => problem.validationLoss(this.propose()),
      },
      { method },
    );
  }

  override async derive(): Promise<Genotype> {
    return withProbabilities(this, (p) =>
      this.#child === 'argmax' ? argmaxGenotype(p, this.nodes) : topTwoGenotype(p, this.nodes),
    );
  }
}
