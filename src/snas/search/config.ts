/** @file What a search is told and what it tells: settings, options, and the figures of an epoch. */
import type { Augmentation, Dataset } from '../../data/index.ts';
import { OptionError } from '../../contract/errors.ts';
import type { StopSignal } from '../../contract/stop-signal.ts';
import type { BlackBoxFactory, BlackBoxOptions } from '../cost/black-box.ts';
import type { Score } from '../child/evaluation.ts';
import type { Genotype } from '../space/genotype.ts';
import type { NetworkConfig } from '../space/network-config.ts';
import type { ArchitectureStrategy } from '../strategies/strategy.ts';
import type { CellWeights } from '../space/cell-weights.ts';

/** Everything that decides a search's result, with the data and the device. Settings that were tried: see `PRESETS`. */
export interface SearchConfig {
  readonly network: NetworkConfig;
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

export interface SearchData {
  readonly train: Dataset;
  readonly validation: Dataset;
}

export interface SearchOptions {
  /** Default: SNAS. */
  readonly strategy?: ArchitectureStrategy;
  /** Cost of each operation on each edge, [edges, 8] a cell type, summed over the cells of the type. */
  readonly cost?: CellWeights;
  /**
   * A cost known only as one number for a whole child, such as `measuredLatency()`, penalised by eta through the score function (`BlackBoxCost`). The search
   * is then repeatable only if the black box is.
   */
  readonly blackBox?: BlackBoxOptions & { readonly box: BlackBoxFactory };
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
  /** Mean entropy of an edge's distribution, nats. */
  readonly entropy: number;
  /** softmax(log alpha) . C, summed over edges; of a black box the moving average of what it said; 0 without a cost. */
  readonly expectedCost: number;
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
  readonly genotype: Genotype;
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
    if (data[part].labels.length < config.batchSize) {
      throw new OptionError(`search: ${data[part].labels.length} ${part} images make no batch of ${config.batchSize}`);
    }
  }
}
