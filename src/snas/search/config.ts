/** @file What a search is told and what it tells: settings, options, and the figures of an epoch. */
import type { Augmentation, BatchSource, Dataset } from '../../data/index.ts';
import { sourceOf } from '../../data/index.ts';
import { OptionError } from '../../contract/errors.ts';
import type { StopSignal } from '../../contract/stop-signal.ts';
import type { BlackBoxFactory, BlackBoxOptions } from '../cost/black-box.ts';
import type { BudgetLimits, BudgetReport } from '../cost/budget.ts';
import type { Score } from '../child/evaluation.ts';
import type { Task } from '../child/task.ts';
import type { SpaceCost } from '../cost/space-cost.ts';
import type { Architecture } from '../space/architecture.ts';
import type { NetworkFactory, SpaceDefinition } from '../space/search-space.ts';
import type { NetworkConfig } from '../spaces/darts/network-config.ts';
import type { ArchitectureStrategy } from '../strategies/strategy.ts';
import type { SearchSpace } from '../space/search-space.ts';

/** Everything that decides a search's result, with the data and the device. Settings that were tried: see `PRESETS`. */
export interface SearchConfig {
  /** Sizes of the default space, cells of DARTS's operations. Another is `SearchOptions.space`. */
  readonly network?: NetworkConfig;
  readonly seed: number;
  readonly epochs: number;
  readonly batchSize: number;
  /** SGD on the weights, with a cosine from lr to lrEnd over the run. */
  readonly weights: {
    readonly lr: number;
    readonly lrEnd: number;
    readonly momentum: number;
    readonly weightDecay: number;
    /** Largest global norm of the weights' gradient. */
    readonly clip: number;
  };
  /** Adam on log alpha. */
  readonly architecture: { readonly lr: number; readonly betas: readonly [number, number]; readonly weightDecay: number };
  /** Linear from start to end over the steps asked for. */
  readonly temperature: { readonly start: number; readonly end: number };
  /** Weight of the expected resource cost in the objective. */
  readonly eta: number;
  /** Probability that a sample loses an operation's output (never a skip's). */
  readonly dropPath: number;
  readonly augment?: Augmentation;
  /** Batches whose statistics a child's batch norms average. */
  readonly calibrationBatches: number;
}

/** Images in memory, or any other source of batches. */
export interface SearchData {
  readonly train: Dataset | BatchSource;
  readonly validation: Dataset | BatchSource;
}

export interface SearchOptions {
  /** A network with choices: a function that makes it, or a space with a name and rules of its own. Default: DARTS cells of `config.network`. */
  readonly space?: SpaceDefinition | NetworkFactory;
  /** Default: cross-entropy and accuracy; of a data set of no classes, whose labels are numbers, `regression`. */
  readonly task?: Task;
  /** Default: SNAS. A function is given the space, once that is made. */
  readonly strategy?: ArchitectureStrategy | ((space: SearchSpace) => ArchitectureStrategy);
  /** What options cost, of which eta is the price. A function is given the space, once that is made. */
  readonly cost?: SpaceCost | ((space: SearchSpace) => SpaceCost);
  /**
   * A cost known only as one number for a whole child, such as `measuredLatency()`, penalised by eta through the score function (`BlackBoxCost`). The search
   * is then repeatable only if the black box is.
   */
  readonly blackBox?: BlackBoxOptions & { readonly box: BlackBoxFactory };
  /** What the whole child may have at most: parameters, and multiply-adds (`flops`) of one example. Their price is adapted in every step (`Budget`). */
  readonly budget?: BudgetLimits;
  /** Run each step as it is written, instead of capturing the first and replaying it: slower, and the same to the bit. Default false. */
  readonly eager?: boolean;
}

export interface EpochMetrics {
  readonly epoch: number;
  readonly step: number;
  /** Mean training loss and accuracy of the sampled parents of this epoch. */
  readonly loss: number;
  readonly trainAccuracy: number;
  /** Validation accuracy of the parent, one sampled architecture a batch, with batch statistics. */
  readonly parentAccuracy: number;
  /** Validation accuracy of the derived child, no retraining, batch-norm statistics recomputed. */
  readonly childAccuracy: number;
  /** Mean entropy of a choice's distribution, nats. */
  readonly entropy: number;
  /** Entropy of the architecture that is computed, nats (`jointEntropy`); only of spaces in which choices stand in one another. */
  readonly jointEntropy?: number;
  /** C at softmax(log alpha); of a black box the moving average of what it said; 0 without a cost. */
  readonly expectedCost: number;
  /** Of a search with a budget: what the whole child is expected to have, and the price of each resource. */
  readonly budget?: readonly Pick<BudgetReport, 'resource' | 'expected' | 'multiplier'>[];
  readonly temperature: number;
  readonly lr: number;
  /** Training images a second; 0 where the steps of the epoch were done before the search was resumed. */
  readonly imagesPerSecond: number;
}

export interface StepReport {
  readonly epoch: number;
  readonly step: number;
  readonly steps: number;
  /** Mean loss of the epoch so far. */
  readonly loss: number;
}

export interface RunOptions {
  /** Called after each kernel that is compiled before the first step. */
  readonly onWarmUp?: (compiled: number, of: number) => void;
  /** Called every few steps, when the loss has been read. */
  readonly onStep?: (report: StepReport) => void;
  /** Called after each step with its number; may return a promise. */
  readonly afterStep?: (step: number) => void | Promise<void>;
  /** Ends the run after the step, or the batch of an evaluation, that is under way, by throwing the signal's reason. */
  readonly signal?: StopSignal;
}

export interface ChildScore extends Score {
  readonly architecture: Architecture;
  /** Accuracy with the supernet's running statistics instead of recomputed ones. */
  readonly accuracyWithRunningStatistics: number;
}

/** Refuses settings that make no sense, by name. */
export function checkConfig(config: SearchConfig, data: SearchData): void {
  const positive = (name: string, value: number): void => {
    if (!(Number.isInteger(value) && value >= 1)) throw new OptionError(`search: ${name} ${value} must be an integer >= 1`);
  };
  positive('epochs', config.epochs);
  positive('batch size', config.batchSize);
  if (!(config.dropPath >= 0 && config.dropPath < 1))
    throw new OptionError(`search: drop path ${config.dropPath} must be in [0, 1)`);
  if (!(config.temperature.end > 0 && config.temperature.start >= config.temperature.end)) {
    throw new OptionError(
      `search: temperature goes from ${config.temperature.start} down to ${config.temperature.end}, which must be > 0`,
    );
  }
  for (const part of ['train', 'validation'] as const) {
    const examples = sourceOf(data[part]).length;
    if (examples < config.batchSize) {
      throw new OptionError(`search: ${examples} ${part} images make no batch of ${config.batchSize}`);
    }
  }
}
