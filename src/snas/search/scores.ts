/** @file How good the parent and its children are: accuracy on a data set, with batch statistics or recomputed ones, without retraining. */
import type { BatchOptions, BatchSource, ChannelStatistics, Dataset } from '../../data/index.ts';
import type { Device } from '../../core/tensor.ts';
import { foldIn, type Key } from '../../core/random.ts';
import { type EvaluationOptions, recomputeStatistics, score, type Score, withBatchStatistics } from '../child/evaluation.ts';
import { SEARCH_KEYS } from '../keys.ts';
import type { Layer } from '../../nn/module.ts';
import type { Task } from '../child/task.ts';
import type { Architecture } from '../space/architecture.ts';
import type { SearchSpace } from '../space/search-space.ts';
import type { ArchitectureStrategy } from '../strategies/strategy.ts';
import type { ChildScore, SearchConfig } from './config.ts';

export interface ScoredParts {
  readonly device: Device;
  readonly config: SearchConfig;
  readonly space: SearchSpace;
  readonly task: Task;
  readonly strategy: ArchitectureStrategy;
  /** The images that recomputed statistics are of, and the statistics of their pixels. */
  readonly train: Dataset | BatchSource;
  readonly statistics: ChannelStatistics | undefined;
  /** The key of the search's seed. */
  readonly root: Key;
}

/** Scores of a search's networks as they are now. */
export class Scores {
  readonly #parts: ScoredParts;

  constructor(parts: ScoredParts) {
    this.#parts = parts;
  }

  /** Of the parent with batch statistics, one sampled architecture a batch. */
  async parent(dataset: Dataset | BatchSource, epoch: number, temperature: number, options: EvaluationOptions): Promise<Score> {
    const { device, space, strategy, root } = this.#parts;
    const key = foldIn(foldIn(root, SEARCH_KEYS.evaluation), epoch);
    return withBatchStatistics(space.network, () =>
      score(device, dataset, { ...this.#evaluation(), ...options }, (images, index) =>
        space.forward(images, strategy.propose(strategy.inputs({ key: foldIn(key, index), temperature }))),
      ),
    );
  }

  /** A child with the parent's weights and its batch-norm statistics recomputed. The caller disposes it. */
  async childNetwork(architecture: Architecture, options: EvaluationOptions): Promise<Layer> {
    const { device, config, train, root } = this.#parts;
    const child = this.#inherited(architecture);
    const calibration = {
      ...this.#evaluation(),
      ...options,
      batchSize: config.batchSize,
      key: foldIn(root, SEARCH_KEYS.calibration),
      batches: config.calibrationBatches,
    };
    try {
      await recomputeStatistics(child, device, train, calibration, (images) => child.forward(images));
    } catch (error) {
      child.dispose();
      throw error;
    }
    return child;
  }

  /** Of a child with recomputed statistics. */
  async child(dataset: Dataset | BatchSource, architecture: Architecture, options: EvaluationOptions): Promise<Score> {
    return this.#disposing(await this.childNetwork(architecture, options), dataset, options);
  }

  /** Of a child with recomputed statistics, and with the parent's running ones. */
  async both(dataset: Dataset | BatchSource, architecture: Architecture, options: EvaluationOptions): Promise<ChildScore> {
    const recomputed = await this.child(dataset, architecture, options);
    const running = await this.#disposing(this.#inherited(architecture), dataset, options);
    return { ...recomputed, architecture, accuracyWithRunningStatistics: running.accuracy };
  }

  #inherited(architecture: Architecture): Layer {
    return this.#parts.space.child(architecture, { inherit: true });
  }

  async #disposing(child: Layer, dataset: Dataset | BatchSource, options: EvaluationOptions): Promise<Score> {
    child.eval();
    try {
      const evaluation = { ...this.#evaluation(), ...options };
      return await score(this.#parts.device, dataset, evaluation, (images) => child.forward(images));
    } finally {
      child.dispose();
    }
  }

  #evaluation(): BatchOptions & EvaluationOptions {
    const { config, statistics, task } = this.#parts;
    return { batchSize: Math.max(64, config.batchSize), task, ...(statistics && { standardise: statistics }) };
  }
}
