/** @file The search: one backward pass a step updates weights and architecture; children inherit without retraining. */
import type { CapturedInfo } from '../../core/capture.ts';
import {
  batches,
  type Batch,
  channelStatistics,
  type BatchOptions,
  type ChannelStatistics,
  type Dataset,
} from '../../data/index.ts';
import type { Device } from '../../core/tensor.ts';
import { NonFiniteError, OptionError } from '../../contract/errors.ts';
import type { StateDict } from '../../nn/module.ts';
import { dot } from '../../core/composites.ts';
import { add, assign } from '../../core/ops.ts';
import { cosine, linearSchedule } from '../../optim/schedule.ts';
import { foldIn, type Key, key } from '../../core/random.ts';
import { scope } from '../../core/scope.ts';
import { BlackBoxCost } from '../cost/black-box.ts';
import { recomputeStatistics, score, type Score, withBatchStatistics } from '../child/evaluation.ts';
import { CELL_TYPES, type Genotype } from '../space/genotype.ts';
import { type ChildNetwork, inherit, Supernet } from '../space/network.ts';
import { meanEntropy, Snas } from '../strategies/snas.ts';
import {
  checkConfig,
  type ChildScore,
  type EpochMetrics,
  type RunOptions,
  type SearchConfig,
  type SearchData,
  type SearchOptions,
} from './config.ts';
import type { ArchitectureStrategy, CellWeights } from '../strategies/strategy.ts';
import { type LabelledImages, type StepMoment, TrainingStep } from './training-step.ts';

/** What each derived key is for. */
const PURPOSE = { weights: 0, architecture: 1, data: 2, noise: 3, evaluation: 4, dropPath: 5, calibration: 6 } as const;
const READ_EVERY = 16;

/** A search in progress. `run()` yields after every epoch; `state()` and `loadState()` save and resume it exactly. */
export class Search {
  readonly device: Device;
  readonly config: SearchConfig;
  readonly data: SearchData;
  readonly supernet: Supernet;
  readonly strategy: ArchitectureStrategy;
  readonly stepsPerEpoch: number;
  /** Of the training images. */
  readonly statistics: ChannelStatistics;
  /** Steps done. */
  step = 0;
  readonly #root: Key;
  readonly #cost: CellWeights | undefined;
  readonly #blackBox: BlackBoxCost | undefined;
  readonly #training: TrainingStep;
  readonly #lr: (step: number) => number;
  readonly #temperature: (step: number) => number;

  constructor(device: Device, config: SearchConfig, data: SearchData, options: SearchOptions = {}) {
    checkConfig(config, data);
    this.device = device;
    this.config = config;
    this.data = data;
    this.#root = key(config.seed);
    this.#cost = options.cost;
    this.supernet = new Supernet(device, foldIn(this.#root, PURPOSE.weights), config.network);
    this.strategy = options.strategy ?? new Snas(device, foldIn(this.#root, PURPOSE.architecture), { nodes: this.supernet.nodes });
    this.#blackBox =
      options.blackBox &&
      new BlackBoxCost(this.strategy, options.blackBox.box(this.supernet, this.#imageShape(config.batchSize)), {
        ...options.blackBox,
        eta: config.eta,
      });
    this.stepsPerEpoch = Math.floor(data.train.labels.length / config.batchSize);
    this.statistics = channelStatistics(data.train);
    const steps = this.steps;
    const { weights, temperature } = config;
    this.#lr = cosine(weights.lr, weights.lrEnd, steps);
    this.#temperature = linearSchedule(temperature.start, temperature.end, Math.max(1, steps - 1));
    this.#training = new TrainingStep({
      device,
      config,
      supernet: this.supernet,
      strategy: this.strategy,
      cost: options.cost,
      blackBox: this.#blackBox,
      eager: options.eager ?? false,
    });
  }

  /** Steps of the whole run. */
  get steps(): number {
    return this.config.epochs * this.stepsPerEpoch;
  }

  /** lambda of the next step. */
  get temperature(): number {
    return this.#temperature(this.step);
  }

  /** Learning rate of the weights in the next step. */
  get lr(): number {
    return this.#lr(this.step);
  }

  /** Runs to the end (or the signal), yielding the figures of each epoch, an unfinished last one included. */
  async *run(options: RunOptions = {}): AsyncGenerator<EpochMetrics, void, void> {
    if (this.step < this.steps && !options.signal?.aborted) await this.warmUp(options.onWarmUp);
    while (this.step < this.steps && !options.signal?.aborted) {
      const epoch = Math.floor(this.step / this.stepsPerEpoch);
      const temperature = this.#temperature(this.step);
      const lr = this.#lr(this.step);
      const trained = await this.#trainEpoch(epoch, options);
      if (trained.steps === 0) return;
      const parent = await this.parentScore(this.data.validation, epoch);
      const child = await this.childScore(this.data.validation);
      yield {
        epoch,
        step: this.step,
        loss: trained.loss,
        trainAccuracy: trained.accuracy,
        parentAccuracy: parent.accuracy,
        childAccuracy: child.accuracy,
        entropy: await this.entropy(),
        expectedCost: await this.expectedCost(),
        temperature,
        lr,
        imagesPerSecond: trained.imagesPerSecond,
      };
    }
  }

  async #trainEpoch(
    epoch: number,
    options: RunOptions,
  ): Promise<{ loss: number; accuracy: number; imagesPerSecond: number; steps: number }> {
    const started = performance.now();
    const first = this.step % this.stepsPerEpoch;
    const training = batches(this.data.train, this.#batchOptions(epoch));
    const validation = this.strategy.level === 'bilevel' ? this.#validationStream(epoch) : undefined;
    this.#training.resetTotals();
    const before = this.step;
    let index = 0;
    let loss = 0;
    let correct = 0;
    for (const batch of training) {
      // A resumed epoch passes over what it has done.
      const validationBatch = validation?.next().value;
      if (index++ < first) continue;
      const images = this.device.tensor(batch.images, this.#imageShape(batch.n));
      const labels = this.device.tensor(batch.labels, [batch.n]);
      const held = validationBatch && {
        images: this.device.tensor(validationBatch.images, this.#imageShape(validationBatch.n)),
        labels: this.device.tensor(validationBatch.labels, [validationBatch.n]),
      };
      await this.#blackBox?.measure(this.step, this.#moment().strategy);
      this.trainStep({ images, labels }, held);
      for (const t of [images, labels, held?.images, held?.labels]) t?.dispose();
      // A queue without bound breaks software drivers; waiting also lets a page breathe.
      await this.device.finish();
      await options.afterStep?.(this.step);
      if (index % READ_EVERY === 0 || index === this.stepsPerEpoch || options.signal?.aborted) {
        [loss, correct] = await this.#training.totals();
        const seen = (this.step - before) * this.config.batchSize;
        if (!Number.isFinite(loss)) {
          throw new NonFiniteError(
            `search: the training loss is ${loss} at step ${this.step}; lower the weights' learning rate (${this.config.weights.lr}) or raise the lowest temperature`,
          );
        }
        options.onStep?.({ epoch, step: this.step, steps: this.steps, loss: loss / seen });
      }
      if (options.signal?.aborted) break;
    }
    const images = (this.step - before) * this.config.batchSize;
    return {
      loss: loss / images,
      accuracy: correct / images,
      imagesPerSecond: (images * 1000) / (performance.now() - started),
      steps: this.step - before,
    };
  }

  /** One step on one batch: draws noise, updates weights and architecture in place. `held`: the validation batch of a bi-level strategy. */
  trainStep(batch: LabelledImages, held?: LabelledImages): void {
    this.#training.run(batch, held, this.#moment());
    this.step++;
  }

  /**
   * Records the training step, without running it, and compiles its kernels, in parallel where the device can; `run` does it first.
   * `onProgress` is called after each kernel.
   */
  async warmUp(onProgress?: (compiled: number, of: number) => void): Promise<void> {
    const n = this.config.batchSize;
    const some = (): LabelledImages => ({ images: this.device.zeros(this.#imageShape(n)), labels: this.device.zeros([n]) });
    const batch = some();
    const held = this.strategy.level === 'bilevel' ? some() : undefined;
    await this.#training.prepare(batch, held, this.#moment(), onProgress);
    for (const t of [batch.images, batch.labels, held?.images, held?.labels]) t?.dispose();
  }

  /** Figures of the recorded training step; undefined before the first step, and in an eager search. */
  get recorded(): CapturedInfo | undefined {
    return this.#training.recorded;
  }

  /** What is special about the next step. */
  #moment(): StepMoment {
    return {
      step: this.step,
      lr: this.lr,
      strategy: { key: foldIn(this.#key('noise'), this.step), temperature: this.temperature },
      dropPathKey: foldIn(this.#key('dropPath'), this.step),
    };
  }

  /** Accuracy of the parent with batch statistics, one sampled architecture a batch. */
  async parentScore(dataset: Dataset, epoch = 0): Promise<Score> {
    const k = foldIn(this.#key('evaluation'), epoch);
    const temperature = this.temperature;
    return withBatchStatistics(this.supernet, () =>
      score(this.device, dataset, this.#evaluation(), (images, index) =>
        this.supernet.forward(images, this.strategy.propose(this.strategy.inputs({ key: foldIn(k, index), temperature }))),
      ),
    );
  }

  /** The child now, with the parent's weights and its batch-norm statistics recomputed. The caller disposes it. */
  async child(genotype?: Genotype): Promise<ChildNetwork> {
    const child = inherit(this.supernet, genotype ?? (await this.strategy.derive()), foldIn(this.#key('weights'), 0));
    await recomputeStatistics(
      child,
      this.device,
      this.data.train,
      {
        ...this.#evaluation(),
        batchSize: this.config.batchSize,
        key: this.#key('calibration'),
        batches: this.config.calibrationBatches,
      },
      (images) => child.forward(images),
    );
    return child;
  }

  /** Accuracy of a child (default: the one derived now) without retraining, batch-norm statistics recomputed. */
  async childScore(dataset: Dataset, genotype?: Genotype): Promise<Score> {
    const child = await this.child(genotype);
    child.eval();
    const result = await score(this.device, dataset, this.#evaluation(), (images) => child.forward(images));
    child.dispose();
    return result;
  }

  /** Both figures of a child: with recomputed statistics, and with the supernet's own running ones. */
  async childScores(dataset: Dataset, genotype_?: Genotype): Promise<ChildScore> {
    const genotype = genotype_ ?? (await this.strategy.derive());
    const recomputed = await this.childScore(dataset, genotype);
    const child = inherit(this.supernet, genotype, foldIn(this.#key('weights'), 0)).eval();
    const running = await score(this.device, dataset, this.#evaluation(), (images) => child.forward(images));
    child.dispose();
    return { ...recomputed, genotype, accuracyWithRunningStatistics: running.accuracy };
  }

  /** Mean entropy of an edge's distribution now, in nats. */
  async entropy(): Promise<number> {
    const p = this.strategy.probabilities();
    const value = await meanEntropy(p);
    for (const type of CELL_TYPES) p[type].dispose();
    return value;
  }

  /**
   * Expected cost now: sum over edges of probabilities . costs, exact since the cost is linear in Z (equation 16). Without such a cost, the moving average of a
   * black box.
   */
  async expectedCost(): Promise<number> {
    const cost = this.#cost;
    if (!cost) return this.#blackBox?.average ?? 0;
    const value = scope(() => {
      const p = this.strategy.probabilities();
      return add(dot(p.normal, cost.normal), dot(p.reduce, cost.reduce));
    });
    return value.item().finally(() => value.dispose());
  }

  /** All state on the host: with the config, the seed and the data it continues the run exactly. */
  async state(): Promise<StateDict> {
    const out: StateDict = { step: { shape: [1], data: Float64Array.of(this.step) } };
    const put = (prefix: string, part: StateDict): void => {
      for (const [name, entry] of Object.entries(part)) out[`${prefix}.${name}`] = entry;
    };
    put('supernet', await this.supernet.stateDict());
    for (const [name, t] of this.strategy.stateDict()) out[`architecture.${name}`] = { shape: t.shape, data: await t.data() };
    const { weightOptimizer, architectureOptimizer } = this.#training;
    put('weight_optimizer', await weightOptimizer.stateDict());
    if (architectureOptimizer) put('architecture_optimizer', await architectureOptimizer.stateDict());
    if (this.#blackBox) put('black_box', this.#blackBox.state());
    return out;
  }

  loadState(state: StateDict): void {
    const part = (prefix: string): StateDict =>
      Object.fromEntries(
        Object.entries(state)
          .filter(([name]) => name.startsWith(`${prefix}.`))
          .map(([name, entry]) => [name.slice(prefix.length + 1), entry]),
      );
    this.supernet.loadStateDict(part('supernet'));
    const architecture = part('architecture');
    for (const [name, t] of this.strategy.stateDict()) {
      const entry = architecture[name];
      if (!entry) throw new OptionError(`search: architecture.${name} is missing from the saved state`);
      scope(() => assign(t, this.device.tensor(entry.data, entry.shape)));
    }
    this.#training.weightOptimizer.loadStateDict(part('weight_optimizer'));
    this.#training.architectureOptimizer?.loadStateDict(part('architecture_optimizer'));
    this.#blackBox?.loadState(part('black_box'));
    const step = state['step']?.data[0];
    if (step === undefined) throw new OptionError('search: step is missing from the saved state');
    this.step = step;
  }

  dispose(): void {
    this.#training.dispose();
    this.supernet.dispose();
    for (const t of this.strategy.stateDict().values()) t.dispose();
    this.#blackBox?.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #key(purpose: keyof typeof PURPOSE): Key {
    return foldIn(this.#root, PURPOSE[purpose]);
  }

  #imageShape(n: number): number[] {
    const { channels, height, width } = this.data.train;
    return [n, channels, height, width];
  }

  #batchOptions(epoch: number): BatchOptions {
    const { batchSize, augment } = this.config;
    return { batchSize, key: this.#key('data'), epoch, standardise: this.statistics, dropLast: true, ...(augment && { augment }) };
  }

  #evaluation(): BatchOptions {
    return { batchSize: Math.max(64, this.config.batchSize), standardise: this.statistics };
  }

  /** Validation batches without end, reshuffled each time round. */
  *#validationStream(epoch: number): Generator<Batch, never, void> {
    for (let round = 0; ; round++) {
      yield* batches(this.data.validation, {
        ...this.#batchOptions(epoch * 1000 + round),
        key: foldIn(this.#key('data'), 1),
      });
    }
  }
}
