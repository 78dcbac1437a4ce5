/** @file DARTS: Z is the softmax of alpha itself, deterministic; bi-level of first or second order, or single level; top-2 children. */
import type { Device } from '../core/tensor.ts';
import { OptionError } from '../contract/errors.ts';
import type { Key } from '../core/random.ts';
import type { Architecture } from '../snas/space/architecture.ts';
import type { BilevelProblem, Feedback, StrategyInputs, StrategySpace } from '../snas/strategies/strategy.ts';
import { softmax } from '../core/softmax.ts';
import type { Tensor } from '../core/tensor.ts';
import { FactorizedStrategy } from '../snas/strategies/factorized.ts';
import { hostRows } from '../snas/space/layout.ts';
import { type MixedProductOptions, unrolledGradients } from './unrolled.ts';
import { type ArchitectureInit, pathwiseGradients } from '../snas/strategies/log-alpha.ts';
import { argmaxArchitecture, withProbabilities } from '../snas/strategies/probabilities.ts';
import type { ChoiceWeights } from '../snas/space/layout.ts';

export interface DartsOptions extends ArchitectureInit {
  /** 'single': alpha follows the training loss, as the weights do. Default 'bilevel': the validation loss. */
  readonly level?: 'single' | 'bilevel';
  /** 2 looks one weight step ahead; bi-level only. Default 1. */
  readonly order?: 1 | 2;
  /** How the second order's mixed derivative is computed. Default exact. */
  readonly hessian?: MixedProductOptions['method'];
  /**
   * The child rule: the space's own for the strongest options (of DARTS cells, top-2), or the argmax over all options. Default 'strongest' where the
   * space has such a rule, else 'argmax'.
   */
  readonly child?: 'strongest' | 'argmax';
}

/**
 * The expectation moved inside the network (eq 19): every operation runs on every edge, weighted by softmax(alpha). The virtual
 * step of the second order is plain gradient descent at the weights' learning rate; DARTS's code adds momentum and decay to it.
 */
export class Darts extends FactorizedStrategy {
  readonly name: string;
  readonly level: 'single' | 'bilevel';
  readonly bilevelGradients?: (problem: BilevelProblem) => readonly Tensor[];
  readonly #strongest: StrategySpace['definition'];

  constructor(device: Device, key: Key, space: StrategySpace, options: DartsOptions = {}) {
    // DARTS starts alpha at 1e-3 N(0, 1).
    super(device, key, space, { mean: 0, std: 1e-3, ...options });
    const { level = 'bilevel', order = 1, hessian = 'exact', child } = options;
    if (order === 2 && level === 'single')
      throw new OptionError('darts: order 2 looks at the validation loss; it needs level bilevel');
    this.level = level;
    this.name = level === 'single' ? 'darts-single' : `darts-${order}`;
    if (child === 'strongest' && !space.definition?.strongest) {
      throw new OptionError(
        `darts: child 'strongest' asks the space ${space.definition?.name ?? ''} for a rule that it does not have; take 'argmax'`,
      );
    }
    this.#strongest = child === 'argmax' ? undefined : space.definition;
    if (order === 2) this.bilevelGradients = (problem) => this.#unrolled(problem, hessian);
  }

  /** All operations are mixed and nothing is drawn. */
  override get sampled(): undefined {
    return undefined;
  }

  inputs(): StrategyInputs {
    return {};
  }

  propose(): ChoiceWeights {
    return this.logAlpha.map((rows) => softmax(rows));
  }

  gradients(z: ChoiceWeights, feedback: Feedback): readonly Tensor[] {
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

  override async derive(): Promise<Architecture> {
    return withProbabilities(this, async (p) => {
      const strongest = this.#strongest?.strongest;
      return strongest ? strongest(await hostRows(this.layout, p)) : argmaxArchitecture(this.layout, p);
    });
  }
}
