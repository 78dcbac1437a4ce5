/** @file The search: one backward pass a step updates weights and architecture; children inherit without retraining. */
import { grad } from '../autograd.ts';
import { capture, type CapturedInfo, type CapturedStep } from '../capture.ts';
import { batches, type Batch, channelStatistics, type BatchOptions, type ChannelStatistics, type Dataset } from '../data/index.ts';
import type { Device } from '../device.ts';
import { NonFiniteError, OptionError } from '../errors.ts';
import type { StateDict } from '../nn/module.ts';
import { dot } from '../composites.ts';
import { add, assign, mul } from '../ops.ts';
import { Adam } from '../optim/adam.ts';
import { clipGradNorm } from '../optim/clip.ts';
import { cosine, linearSchedule } from '../optim/schedule.ts';
import { SGD } from '../optim/sgd.ts';
import { foldIn, type Key, key } from '../random.ts';
import { scope } from '../scope.ts';
import { crossEntropy } from '../softmax.ts';
import type { Tensor } from '../tensor.ts';
import { BlackBoxCost } from './black-box.ts';
import { addToTotals, correctCount, recomputeStatistics, score, type Score, withBatchStatistics } from './evaluation.ts';
import { CELL_TYPES, type Genotype } from './genotype.ts';
import { type ChildNetwork, inherit, Supernet } from './network.ts';
import { drawPathMasks, pathMaskOf } from './path-masks.ts';
import { meanEntropy, Snas } from './relaxation.ts';
import {
  checkConfig,
  type ChildScore,
  type EpochMetrics,
  type RunOptions,
  type SearchConfig,
  type SearchData,
  type SearchOptions,
} from './search-config.ts';
import type { ArchitectureStrategy, CellWeights, StrategyStep } from './strategy.ts';

/** What each derived key is for. */
const PURPOSE = { weights: 0, architecture: 1, data: 2, noise: 3, evaluation: 4, dropPath: 5, calibration: 6 } as const;
const READ_EVERY = 16;

interface LabelledImages {
  readonly images: Tensor;
  readonly labels: Tensor;
}

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
  readonly #weightParameters: readonly Tensor[];
  readonly #weightOptimizer: SGD;
  readonly #architectureOptimizer: Adam | undefined;
  readonly #lr: (step: number) => number;
  readonly #temperature: (step: number) => number;
  readonly #totals: Tensor;
  readonly #eager: boolean;
  readonly #programs = new Map<string, CapturedStep<Tensor[], void>>();

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
    const { weights, architecture, temperature } = config;
    this.#weightParameters = this.supernet.parameters();
    this.#weightOptimizer = new SGD(this.#weightParameters, weights);
    const own = this.strategy.parameters();
    this.#architectureOptimizer = own.length > 0 ? new Adam(own, architecture) : undefined;
    this.#lr = cosine(weights.lr, weights.lrEnd, steps);
    this.#temperature = linearSchedule(temperature.start, temperature.end, Math.max(1, steps - 1));
    this.#totals = device.parameter([0, 0], [2]);
    this.#eager = options.eager ?? false;
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
    scope(() => assign(this.#totals, this.device.tensor([0, 0])));
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
      await this.#blackBox?.measure(this.step, this.#strategyStep());
      this.trainStep({ images, labels }, held);
      for (const t of [images, labels, held?.images, held?.labels]) t?.dispose();
      // A queue without bound breaks software drivers; waiting also lets a page breathe.
      await this.device.finish();
      await options.afterStep?.(this.step);
      if (index % READ_EVERY === 0 || index === this.stepsPerEpoch || options.signal?.aborted) {
        [loss, correct] = (await this.#totals.data()) as unknown as [number, number];
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
    this.#weightOptimizer.lr = this.#lr(this.step);
    this.#weightOptimizer.prepare();
    this.#architectureOptimizer?.prepare();
    scope(() => this.#programFor(batch, held)(...this.#inputs(batch, held)));
    this.step++;
  }

  /**
   * Records the training step, without running it, and compiles its kernels, in parallel where the device can; `run` does it first.
   * `onProgress` is called after each kernel.
   */
  async warmUp(onProgress?: (compiled: number, of: number) => void): Promise<void> {
    if (this.#eager) return;
    const n = this.config.batchSize;
    const some = (): LabelledImages => ({ images: this.device.zeros(this.#imageShape(n)), labels: this.device.zeros([n]) });
    await scope(() => {
      const batch = some();
      const held = this.strategy.level === 'bilevel' ? some() : undefined;
      const program = this.#programFor(batch, held);
      return { done: 'prepare' in program ? program.prepare(this.#inputs(batch, held), onProgress) : Promise.resolve() };
    }).done;
  }

  /** Figures of the recorded training step; undefined before the first step, and in an eager search. */
  get recorded(): CapturedInfo | undefined {
    return [...this.#programs.values()][0]?.info;
  }

  /** The device's part of a step on batches of these sizes: recorded, unless the search is to be eager. */
  #programFor(
    batch: LabelledImages,
    held: LabelledImages | undefined,
  ): CapturedStep<Tensor[], void> | ((...inputs: Tensor[]) => void) {
    const bilevel = held !== undefined;
    const step = (...inputs: Tensor[]): void => this.#program(inputs, bilevel);
    if (this.#eager) return step;
    const sizes = `${batch.labels.size} ${held?.labels.size ?? ''}`;
    let program = this.#programs.get(sizes);
    if (!program) {
      program = capture(step);
      this.#programs.set(sizes, program);
    }
    return program;
  }

  /** Everything that changes from step to step. */
  #inputs(batch: LabelledImages, held: LabelledImages | undefined): Tensor[] {
    const { dropPath } = this.config;
    const { cells, nodes } = this.supernet;
    const key = foldIn(this.#key('dropPath'), this.step);
    return [
      batch.images,
      batch.labels,
      ...(held ? [held.images, held.labels, this.device.tensor(this.#lr(this.step), [])] : []),
      ...(dropPath > 0 ? [drawPathMasks(this.device, key, cells.length, nodes, batch.labels.size, dropPath)] : []),
      ...(this.#blackBox?.inputs(this.step) ?? []),
      ...this.strategy.inputs(this.#strategyStep()),
    ];
  }

  /** What the strategy is given in the next step. */
  #strategyStep(): StrategyStep {
    return { key: foldIn(this.#key('noise'), this.step), temperature: this.temperature };
  }

  /** What a step does on the device, as `#inputs` lists its inputs. */
  #program(inputs: readonly Tensor[], bilevel: boolean): void {
    const rest = [...inputs];
    const next = (): Tensor => rest.shift()!;
    const batch = { images: next(), labels: next() };
    const validation = bilevel ? { images: next(), labels: next(), learningRate: next() } : undefined;
    const pathMask = this.config.dropPath > 0 ? pathMaskOf(next(), this.supernet.nodes) : undefined;
    const measured = this.#blackBox ? [next(), next(), next()] : undefined;
    const lossOf = (z: CellWeights, on: LabelledImages): Tensor =>
      this.#withCost(crossEntropy(this.supernet.forward(on.images, z), on.labels), z);
    if (validation && this.#architectureOptimizer) {
      const gradients = this.strategy.bilevelGradients
        ? this.strategy.bilevelGradients({
            weights: this.#weightParameters,
            learningRate: validation.learningRate,
            trainingLoss: (z) => lossOf(z, batch),
            validationLoss: (z) => lossOf(z, validation),
          })
        : this.#architectureGradients(rest, (z) => lossOf(z, validation));
      this.#updateArchitecture(gradients, measured);
    }
    const z = this.strategy.propose(rest);
    const logits = this.supernet.forward(batch.images, z, pathMask ? { pathMask } : {});
    const loss = crossEntropy(logits, batch.labels);
    const objective = this.#withCost(loss, z);
    // One backward pass for weights and architecture.
    const [normal, reduce, ...gradients] = grad(objective, [z.normal, z.reduce, ...this.#weightParameters], {
      unused: 'zeros',
    }) as [Tensor, Tensor, ...Tensor[]];
    if (!validation && this.#architectureOptimizer) {
      this.#updateArchitecture(this.strategy.gradients(z, { loss: objective, gradient: { normal, reduce } }), measured);
    }
    this.#weightOptimizer.apply(gradients, { scale: clipGradNorm(gradients, this.config.weights.clip).scale });
    addToTotals(this.#totals, mul(loss, batch.labels.size), correctCount(logits, batch.labels));
  }

  #updateArchitecture(gradients: readonly Tensor[], measured: readonly Tensor[] | undefined): void {
    const penalty = measured && this.#blackBox?.gradients(measured);
    this.#architectureOptimizer?.apply(penalty ? gradients.map((g, i) => add(g, penalty[i]!)) : gradients);
  }

  #architectureGradients(noise: readonly Tensor[], lossOf: (z: CellWeights) => Tensor): readonly Tensor[] {
    const z = this.strategy.propose(noise);
    const loss = lossOf(z);
    const [normal, reduce] = grad(loss, [z.normal, z.reduce], { unused: 'zeros' });
    return this.strategy.gradients(z, { loss, gradient: { normal: normal!, reduce: reduce! } });
  }

  #withCost(loss: Tensor, z: CellWeights): Tensor {
    if (!this.#cost || this.config.eta === 0) return loss;
    return add(loss, mul(add(dot(z.normal, this.#cost.normal), dot(z.reduce, this.#cost.reduce)), this.config.eta));
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
    put('weight_optimizer', await this.#weightOptimizer.stateDict());
    if (this.#architectureOptimizer) put('architecture_optimizer', await this.#architectureOptimizer.stateDict());
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
    this.#weightOptimizer.loadStateDict(part('weight_optimizer'));
    this.#architectureOptimizer?.loadStateDict(part('architecture_optimizer'));
    this.#blackBox?.loadState(part('black_box'));
    const step = state['step']?.data[0];
    if (step === undefined) throw new OptionError('search: step is missing from the saved state');
    this.step = step;
  }

  dispose(): void {
    for (const program of this.#programs.values()) program.dispose();
    this.#programs.clear();
    this.supernet.dispose();
    for (const t of this.strategy.stateDict().values()) t.dispose();
    this.#weightOptimizer.dispose();
    this.#architectureOptimizer?.dispose();
    this.#totals.dispose();
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
