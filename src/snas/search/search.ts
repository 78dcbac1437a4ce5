/** @file The search: one backward pass a step updates weights and architecture; children inherit without retraining. */
/// <reference lib="esnext.disposable" preserve="true" />
import type { CapturedInfo } from '../../core/capture.ts';
import {
  type BatchSource,
  channelStatistics,
  type ChannelStatistics,
  type Dataset,
  isDataset,
  type LabelledImages,
  sourceOf,
} from '../../data/index.ts';
import type { Device } from '../../core/tensor.ts';
import { nextTask } from '../../core/event-loop.ts';
import { locateNonFinite, type NonFinite } from '../../core/locate.ts';
import { NonFiniteError, OptionError } from '../../contract/errors.ts';
import type { StopSignal } from '../../contract/stop-signal.ts';
import type { Layer, StateDict } from '../../nn/module.ts';
import { cosine, linearSchedule } from '../../optim/schedule.ts';
import { foldIn, type Key, key } from '../../core/random.ts';
import { scope } from '../../core/scope.ts';
import type { Budget, BudgetReport, WithinBudget } from '../cost/budget.ts';
import { BlackBoxCost } from '../cost/black-box.ts';
import type { EvaluationOptions, Score } from '../child/evaluation.ts';
import { SEARCH_KEYS } from '../keys.ts';
import { classification, regression, type Task } from '../child/task.ts';
import type { SpaceCost } from '../cost/space-cost.ts';
import type { Architecture } from '../space/architecture.ts';
import { hostRows } from '../space/layout.ts';
import { type Place, SearchSpace } from '../space/search-space.ts';
import { jointEntropy, meanEntropy, withProbabilities } from '../strategies/probabilities.ts';
import { Snas } from '../strategies/snas.ts';
import type { ArchitectureStrategy } from '../strategies/strategy.ts';
import { networkContext } from '../child/context.ts';
import { loadSearchState, nonFiniteEntry, type SearchParts, searchState } from './checkpoint.ts';
import {
  checkConfig,
  type ChildScore,
  type EpochMetrics,
  type RunOptions,
  type SearchConfig,
  type SearchData,
  type SearchOptions,
} from './config.ts';
import { budgetOf, checkOutputs, checkSteps, spaceOf, strategyOf } from './parts.ts';
import { Scores } from './scores.ts';
import { type BatchPair, StepBatches } from './step-batches.ts';
import { type StepSettings, TrainingStep } from './training-step.ts';

/** Steps from one look at the loss to the next. */
const READ_EVERY = 16;

export interface LocateStepOptions {
  /** Ends after the step that is under way, by throwing the signal's reason. */
  readonly signal?: StopSignal;
  /** Called after each step whose state is finite. */
  readonly onStep?: (step: number) => void;
}

/** The step that made a number that is not finite. */
export interface NonFiniteStep {
  /** How many steps were done when it had been made: 1 for the first. */
  readonly step: number;
  /** Where it was seen after the step: 'epoch' (the sum of losses), 'supernet.stem.weight', ... */
  readonly entry: string;
  /** The first operation that made one; undefined if the step, done again, made none. */
  readonly found: NonFinite | undefined;
}

/**
 * A search in progress. `run()` yields after every epoch; `state()` and `loadState()` save and resume it exactly, after any step.
 *
 * Every loop returns to the event loop after each step, and after each batch of an evaluation. On the CPU device a step computes on the
 * thread that calls it, about 85 ms for the default network: a page runs such a search in a Worker.
 */
export class Search {
  readonly device: Device;
  readonly config: SearchConfig;
  readonly data: SearchData;
  /** The network and its choices. */
  readonly space: SearchSpace;
  /** Where the network evaluates its choices, for a batch of the search's size. */
  readonly places: readonly Place[];
  readonly strategy: ArchitectureStrategy;
  readonly stepsPerEpoch: number;
  /** Of the training images; undefined of other sources. */
  readonly statistics: ChannelStatistics | undefined;
  /** What the network learns. */
  readonly task: Task;
  /** Steps done. */
  step = 0;
  /** Steps that the totals of loss and hits are of; those of a whole epoch until its figures are told. */
  #counted = 0;
  readonly #root: Key;
  readonly #batches: StepBatches;
  readonly #cost: SpaceCost | undefined;
  readonly #ownsCost: boolean;
  readonly #blackBox: BlackBoxCost | undefined;
  readonly #budget: Budget | undefined;
  readonly #training: TrainingStep;
  readonly #scores: Scores;
  readonly #lr: (step: number) => number;
  readonly #temperature: (step: number) => number;

  constructor(device: Device, config: SearchConfig, data: SearchData, options: SearchOptions = {}) {
    checkConfig(config, data);
    this.device = device;
    this.config = config;
    this.data = data;
    this.#root = key(config.seed);
    this.statistics = isDataset(data.train) ? channelStatistics(data.train) : undefined;
    this.task = options.task ?? (isDataset(data.train) && data.train.classes === 0 ? regression : classification);
    const settings = { standardise: this.statistics, augment: config.augment };
    const train = sourceOf(data.train, settings);
    this.space = new SearchSpace(spaceOf(config, options), networkContext(device, this.#key('weights'), train));
    const inputs = [config.batchSize, ...train.shape];
    this.stepsPerEpoch = Math.floor(train.length / config.batchSize);
    const steps = this.steps;
    try {
      // Nothing is run: an option that does not fit is told before the first step.
      this.places = this.space.places(inputs);
      this.space.checkRepeatable();
      checkOutputs(this.space, inputs, this.task);
      this.strategy = strategyOf(options, this.space, () => new Snas(device, this.#key('architecture'), this.space));
      this.#ownsCost = typeof options.cost === 'function';
      this.#cost = typeof options.cost === 'function' ? options.cost(this.space) : options.cost;
      if (config.eta > 0 && this.#cost?.constant)
        throw new OptionError(
          `search: all architectures of this space cost the same; eta ${config.eta} has nothing to act on: leave it 0`,
        );
      this.#blackBox =
        options.blackBox &&
        new BlackBoxCost(this.strategy, options.blackBox.box(this.space, inputs), { ...options.blackBox, eta: config.eta });
      this.#budget = options.budget && budgetOf(this.space, this.strategy, options.budget, steps);
    } catch (error) {
      this.space.dispose();
      throw error;
    }
    this.#batches = new StepBatches({
      device,
      train,
      validation: sourceOf(data.validation, settings),
      batchSize: config.batchSize,
      key: this.#key('data'),
      bilevel: this.strategy.level === 'bilevel',
    });
    const { weights, temperature } = config;
    this.#lr = cosine(weights.lr, weights.lrEnd, steps);
    this.#temperature = linearSchedule(temperature.start, temperature.end, Math.max(1, steps - 1));
    this.#training = new TrainingStep({
      device,
      config,
      space: this.space,
      places: this.places,
      task: this.task,
      strategy: this.strategy,
      cost: this.#cost,
      blackBox: this.#blackBox,
      budget: this.#budget,
      eager: options.eager ?? false,
    });
    this.#scores = new Scores({
      device,
      config,
      space: this.space,
      task: this.task,
      strategy: this.strategy,
      train: data.train,
      statistics: this.statistics,
      root: this.#root,
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

  /** lambda of any step, by its number from 0. */
  temperatureOf(step: number): number {
    return this.#temperature(step);
  }

  /** Learning rate of the weights in the next step. */
  get lr(): number {
    return this.#lr(this.step);
  }

  /**
   * Runs to the end, yielding the figures of each epoch. With `signal` it stops after the step that is under way, or the batch of an
   * evaluation, and throws the signal's reason. The search is whole then: saved, or run again, it comes to what it would have come to.
   */
  async *run(options: RunOptions = {}): AsyncGenerator<EpochMetrics, void, void> {
    const { signal } = options;
    signal?.throwIfAborted();
    if (this.step < this.steps) {
      await this.warmUp(options.onWarmUp);
      await nextTask(signal);
    }
    while (this.#epochIsDone || this.step < this.steps) {
      const imagesPerSecond = this.#epochIsDone ? 0 : await this.#trainEpoch(options);
      const epoch = Math.floor((this.step - 1) / this.stepsPerEpoch);
      const first = epoch * this.stepsPerEpoch;
      const images = this.#counted * this.config.batchSize;
      const { loss, correct } = await this.#training.totals.read();
      const parent = await this.parentScore(this.data.validation, epoch, { signal });
      const child = await this.childScore(this.data.validation, undefined, { signal });
      const metrics: EpochMetrics = {
        epoch,
        step: this.step,
        loss: loss / images,
        trainAccuracy: correct / images,
        parentAccuracy: parent.accuracy,
        childAccuracy: child.accuracy,
        entropy: await this.entropy(),
        ...(this.#nested && { jointEntropy: await this.jointEntropy() }),
        expectedCost: await this.expectedCost(),
        ...(this.#budget && { budget: await withProbabilities(this.strategy, (p) => this.#budget!.figures(p)) }),
        temperature: this.#temperature(first),
        lr: this.#lr(first),
        imagesPerSecond,
      };
      this.#counted = 0;
      yield metrics;
    }
  }

  /** All steps of an epoch are done, and its figures have not been told. */
  get #epochIsDone(): boolean {
    return this.#counted > 0 && this.step % this.stepsPerEpoch === 0;
  }

  /** Does the steps that are left of an epoch, and returns how many images a second they went through. */
  async #trainEpoch(options: RunOptions): Promise<number> {
    const { batchSize } = this.config;
    const started = performance.now();
    const before = this.step;
    const epoch = Math.floor(before / this.stepsPerEpoch);
    const first = before % this.stepsPerEpoch;
    let index = 0;
    for (const batch of this.#batches.of(epoch)) {
      // A resumed epoch passes over what it has done.
      if (index++ < first) {
        await nextTask(options.signal);
        continue;
      }
      await this.#trainOn(batch);
      // A queue without bound breaks software drivers.
      await this.device.finish();
      await options.afterStep?.(this.step);
      if (index % READ_EVERY === 0 || index === this.stepsPerEpoch) {
        const { loss } = await this.#training.totals.read();
        if (!Number.isFinite(loss)) {
          throw new NonFiniteError(
            `search: the training loss is ${loss}, seen after step ${this.step}, where it is read every ${READ_EVERY} steps: ` +
              'locateNonFinite() of a search that begins before it names the step and the operation',
          );
        }
        options.onStep?.({ epoch, step: this.step, steps: this.steps, loss: loss / (this.#counted * batchSize) });
      }
      await nextTask(options.signal);
    }
    return ((this.step - before) * batchSize * 1000) / (performance.now() - started);
  }

  /**
   * Repeats the steps from here on, looking at all state after each, until one makes a NaN or an infinity; that one is done again from
   * the state before it, every operation looked at. Undefined if the search comes to its end. The steps are those of `run`; no figures of
   * epochs are told, and what was found stays in the state: load another one before going on. Slow: all state is read back in each step.
   */
  async locateNonFinite(options: LocateStepOptions = {}): Promise<NonFiniteStep | undefined> {
    let before = await this.state();
    const already = nonFiniteEntry(before);
    if (already !== undefined)
      throw new OptionError(`search: ${already} is not finite at step ${this.step} already: begin with an earlier state`);
    while (this.step < this.steps) {
      const first = this.step % this.stepsPerEpoch;
      let index = 0;
      for (const batch of this.#batches.of(Math.floor(this.step / this.stepsPerEpoch))) {
        if (index++ < first) continue;
        await this.#trainOn(batch);
        const after = await this.state();
        const entry = nonFiniteEntry(after);
        if (entry !== undefined) {
          this.loadState(before);
          const found = await this.#locateOn(batch);
          return { step: this.step, entry, found };
        }
        before = after;
        options.onStep?.(this.step);
        await nextTask(options.signal);
      }
    }
    return undefined;
  }

  async #locateOn(pair: BatchPair): Promise<NonFinite | undefined> {
    await this.#blackBox?.measure(this.step, this.#settings().strategy);
    return this.#batches.with(pair, ({ trained, validated }) =>
      locateNonFinite(() => this.trainStep(trained, validated), { modules: { supernet: this.supernet } }),
    );
  }

  async #trainOn(pair: BatchPair): Promise<void> {
    await this.#blackBox?.measure(this.step, this.#settings().strategy);
    await this.#batches.with(pair, ({ trained, validated }) => this.trainStep(trained, validated));
  }

  /** One step on one batch: draws noise, updates weights and architecture in place. `validation`: the batch of a bi-level strategy. */
  trainStep(batch: LabelledImages, validation?: LabelledImages): void {
    if (this.step % this.stepsPerEpoch === 0) {
      // Sums of one epoch only: over a long run a float32 count would stop growing.
      this.#training.totals.reset();
      this.#counted = 0;
    }
    this.#training.run(batch, validation, this.#settings());
    this.step++;
    this.#counted++;
  }

  /**
   * Captures the training step, without running it, and compiles its kernels, in parallel where the device can; `run` does it first.
   * `onProgress` is called after each kernel.
   */
  async warmUp(onProgress?: (compiled: number, of: number) => void): Promise<void> {
    await this.#batches.withZeros(({ trained, validated }) =>
      this.#training.prepare(trained, validated, this.#settings(), onProgress),
    );
  }

  /** Figures of the captured training step; undefined before the first step, and in an eager search. */
  get captured(): CapturedInfo | undefined {
    return this.#training.captured;
  }

  /** What is special about the next step. */
  #settings(): StepSettings {
    return {
      step: this.step,
      lr: this.lr,
      strategy: { key: foldIn(this.#key('noise'), this.step), temperature: this.temperature },
      dropPathKey: foldIn(this.#key('dropPath'), this.step),
    };
  }

  /** Accuracy of the parent with batch statistics, one sampled architecture a batch. */
  async parentScore(dataset: Dataset | BatchSource, epoch = 0, options: EvaluationOptions = {}): Promise<Score> {
    return this.#scores.parent(dataset, epoch, this.temperature, options);
  }

  /** The child that the strategy would give now; with a budget, one that keeps to it. */
  async derive(): Promise<Architecture> {
    const derived = await this.strategy.derive();
    return (await this.#within(derived))?.architecture ?? derived;
  }

  /** The child now, and how it keeps to the budget; undefined without one. */
  async budgetReport(): Promise<(WithinBudget & { readonly limits: readonly BudgetReport[] }) | undefined> {
    const budget = this.#budget;
    if (!budget) return undefined;
    const derived = await this.strategy.derive();
    const found = await this.#within(derived);
    return found && { ...found, limits: await withProbabilities(this.strategy, (p) => budget.report(derived, found, p)) };
  }

  async #within(derived: Architecture): Promise<WithinBudget | undefined> {
    const budget = this.#budget;
    const { layout } = this.space;
    return budget && withProbabilities(this.strategy, async (p) => budget.within(derived, await hostRows(layout, p)));
  }

  /** The child now, with the parent's weights and its batch-norm statistics recomputed. The caller disposes it. */
  async child(architecture?: Architecture, options: EvaluationOptions = {}): Promise<Layer> {
    return this.#scores.childNetwork(architecture ?? (await this.derive()), options);
  }

  /** Accuracy of a child (default: the one derived now) without retraining, batch-norm statistics recomputed. */
  async childScore(dataset: Dataset | BatchSource, architecture?: Architecture, options: EvaluationOptions = {}): Promise<Score> {
    return this.#scores.child(dataset, architecture ?? (await this.derive()), options);
  }

  /** Both figures of a child: with recomputed statistics, and with the supernet's running ones. */
  async childScores(
    dataset: Dataset | BatchSource,
    architecture?: Architecture,
    options: EvaluationOptions = {},
  ): Promise<ChildScore> {
    return this.#scores.both(dataset, architecture ?? (await this.derive()), options);
  }

  /** Mean entropy of an edge's distribution now, in nats. */
  async entropy(): Promise<number> {
    return withProbabilities(this.strategy, (p) => meanEntropy(this.space.layout, p));
  }

  /** Entropy in nats of the architecture that is computed: choices in options that are not taken do not count. */
  async jointEntropy(): Promise<number> {
    const { layout } = this.space;
    return withProbabilities(this.strategy, async (p) => jointEntropy(layout, await hostRows(layout, p), this.places));
  }

  /** The network with all its options. */
  get supernet(): Layer {
    return this.space.network;
  }

  /** What options cost; undefined without a price, or with a black box's. */
  get cost(): SpaceCost | undefined {
    return this.#cost;
  }

  get #nested(): boolean {
    return this.places.some(({ path }) => path.length > 0);
  }

  /**
   * Expected cost now: C at the probabilities, exact since the cost is linear in the Z of each choice (equation 16). Without such a cost, the moving average of a
   * black box.
   */
  async expectedCost(): Promise<number> {
    const cost = this.#cost;
    if (!cost) return this.#blackBox?.average ?? 0;
    const value = scope(() => cost.of(this.strategy.probabilities()));
    return value.item().finally(() => value.dispose());
  }

  /** All state on the host: with the config, the seed and the data it continues the run exactly. */
  async state(): Promise<StateDict> {
    const { loss, correct } = this.#counted > 0 ? await this.#training.totals.read() : { loss: 0, correct: 0 };
    const epoch = { shape: [3], data: Float64Array.of(loss, correct, this.#counted) };
    return { ...(await searchState(this.step, this.#stateful())), epoch };
  }

  /** OptionError or ShapeError naming what is missing, of another size, or no number of steps that this search has. */
  loadState(state: StateDict): void {
    // A state from before there was such an entry tells the figures of the rest of its epoch.
    const [loss = 0, correct = 0, counted = 0] = state['epoch']?.data ?? [];
    checkSteps('step', state['step']?.data[0], this.steps);
    checkSteps('epoch', counted, this.stepsPerEpoch);
    this.step = loadSearchState(state, this.#stateful());
    this.#training.totals.load({ loss, correct });
    this.#counted = counted;
  }

  dispose(): void {
    this.#training.dispose();
    this.space.dispose();
    for (const t of this.strategy.stateDict().values()) t.dispose();
    this.#blackBox?.dispose();
    this.#budget?.dispose();
    if (this.#ownsCost) this.#cost?.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #key(purpose: keyof typeof SEARCH_KEYS): Key {
    return foldIn(this.#root, SEARCH_KEYS[purpose]);
  }

  #stateful(): SearchParts {
    const { weightOptimizer, architectureOptimizer } = this.#training;
    return {
      supernet: this.supernet,
      strategy: this.strategy,
      weightOptimizer,
      architectureOptimizer,
      blackBox: this.#blackBox,
      budget: this.#budget,
    };
  }
}
