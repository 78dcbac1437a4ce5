/** @file The search: one backward pass a step updates weights and architecture; children inherit without retraining. */
import { grad } from '../autograd.ts';
import {
  batches,
  type Batch,
  channelStatistics,
  type Augmentation,
  type BatchOptions,
  type ChannelStatistics,
  type Dataset,
} from '../data/index.ts';
import type { Device } from '../device.ts';
import { NonFiniteError, OptionError } from '../errors.ts';
import type { StateDict } from '../nn/module.ts';
import { add, assign, dot, mul, reshape, slice } from '../ops.ts';
import { Adam } from '../optim/adam.ts';
import { clipGradNorm } from '../optim/clip.ts';
import { cosine, linearSchedule } from '../optim/schedule.ts';
import { SGD } from '../optim/sgd.ts';
import { foldIn, type Key, key, uniforms } from '../random.ts';
import { scope } from '../scope.ts';
import { crossEntropy } from '../softmax.ts';
import type { Tensor } from '../tensor.ts';
import type { PathMask } from './cell.ts';
import { addToTotals, correctCount, recomputeStatistics, score, type Score, withBatchStatistics } from './evaluation.ts';
import { CELL_TYPES, edgesOf, type Genotype, OPERATIONS } from './genotype.ts';
import { type ChildNetwork, inherit, type NetworkConfig, Supernet } from './network.ts';
import { meanEntropy, Snas } from './relaxation.ts';
import type { ArchitectureStrategy, CellWeights } from './strategy.ts';

/** Everything that decides a search's result, with the data and the device. Numbers of SNAS.md's paper: see `PRESETS`. */
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
  /** softmax(log alpha) . C, summed over edges; 0 without a cost. */
  readonly expectedCost: number;
  readonly temperature: number;
  readonly lr: number;
  /** Training images a second. */
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
  /** Called every few steps, when the loss has been read. */
  readonly onStep?: (report: StepReport) => void;
  /** Called after each step with its number; may return a promise (a recorder of credits). */
  readonly afterStep?: (step: number) => void | Promise<void>;
  /** Ends the run after the current step. */
  readonly signal?: AbortSignal;
}

export interface ChildScore extends Score {
  readonly genotype: Genotype;
  /** Accuracy with the supernet's own running statistics instead of recomputed ones. */
  readonly accuracyWithRunningStatistics: number;
}

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
  readonly #weightParameters: readonly Tensor[];
  readonly #weightOptimizer: SGD;
  readonly #architectureOptimizer: Adam | undefined;
  readonly #lr: (step: number) => number;
  readonly #temperature: (step: number) => number;
  readonly #totals: Tensor;

  constructor(device: Device, config: SearchConfig, data: SearchData, options: SearchOptions = {}) {
    checkConfig(config, data);
    this.device = device;
    this.config = config;
    this.data = data;
    this.#root = key(config.seed);
    this.#cost = options.cost;
    this.supernet = new Supernet(device, foldIn(this.#root, PURPOSE.weights), config.network);
    this.strategy = options.strategy ?? new Snas(device, foldIn(this.#root, PURPOSE.architecture), { nodes: this.supernet.nodes });
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
  trainStep(
    batch: { readonly images: Tensor; readonly labels: Tensor },
    held?: { readonly images: Tensor; readonly labels: Tensor },
  ): void {
    this.#weightOptimizer.lr = this.#lr(this.step);
    this.#weightOptimizer.prepare();
    this.#architectureOptimizer?.prepare();
    scope(() => {
      const noise = this.strategy.inputs({ key: foldIn(this.#key('noise'), this.step), temperature: this.temperature });
      const masks = this.#pathMasks(batch.labels.size);
      this.#program([batch.images, batch.labels, ...(masks ? [masks] : []), ...noise], held);
    });
    this.step++;
  }

  /** The device's part of a step: everything that changes from step to step is in `inputs`. */
  #program(inputs: readonly Tensor[], held?: { readonly images: Tensor; readonly labels: Tensor }): void {
    const [images, labels, ...rest] = inputs as [Tensor, Tensor, ...Tensor[]];
    const pathMask = this.config.dropPath > 0 ? pathMaskOf(rest.shift()!, this.supernet.nodes) : undefined;
    const lossOf = (z: CellWeights, on: { readonly images: Tensor; readonly labels: Tensor }): Tensor =>
      this.#withCost(crossEntropy(this.supernet.forward(on.images, z), on.labels), z);
    if (held && this.#architectureOptimizer) {
      const gradients = this.strategy.bilevelGradients
        ? this.strategy.bilevelGradients({
            weights: this.#weightParameters,
            learningRate: this.lr,
            trainingLoss: (z) => lossOf(z, { images, labels }),
            validationLoss: (z) => lossOf(z, held),
          })
        : this.#architectureGradients(rest, (z) => lossOf(z, held));
      this.#architectureOptimizer.apply(gradients);
    }
    const z = this.strategy.propose(rest);
    const logits = this.supernet.forward(images, z, pathMask ? { pathMask } : {});
    const loss = crossEntropy(logits, labels);
    const objective = this.#withCost(loss, z);
    // One backward pass for weights and architecture.
    const [normal, reduce, ...gradients] = grad(objective, [z.normal, z.reduce, ...this.#weightParameters], {
      unused: 'zeros',
    }) as [Tensor, Tensor, ...Tensor[]];
    if (!held && this.#architectureOptimizer) {
      this.#architectureOptimizer.apply(this.strategy.gradients(z, { loss: objective, gradient: { normal, reduce } }));
    }
    this.#weightOptimizer.apply(gradients, { scale: clipGradNorm(gradients, this.config.weights.clip).scale });
    addToTotals(this.#totals, mul(loss, labels.size), correctCount(logits, labels));
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

  /** Expected cost now: sum over edges of probabilities . costs, exact since the cost is linear in Z (equation 16). */
  async expectedCost(): Promise<number> {
    const cost = this.#cost;
    if (!cost) return 0;
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
    const step = state['step']?.data[0];
    if (step === undefined) throw new OptionError('search: step is missing from the saved state');
    this.step = step;
  }

  dispose(): void {
    this.supernet.dispose();
    for (const t of this.strategy.stateDict().values()) t.dispose();
    this.#weightOptimizer.dispose();
    this.#architectureOptimizer?.dispose();
    this.#totals.dispose();
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

  /** 1 / keep or 0 for each cell, edge, operation and sample, [cells edges 8, n]; undefined without drop path. */
  #pathMasks(n: number): Tensor | undefined {
    const { dropPath } = this.config;
    if (dropPath === 0) return undefined;
    const rows = this.supernet.cells.length * edgesOf(this.supernet.nodes).length * OPERATIONS.length;
    const keep = 1 - dropPath;
    const u = uniforms(foldIn(this.#key('dropPath'), this.step), rows * n);
    return this.device.tensor(
      u.map((v) => (v < keep ? 1 / keep : 0)),
      [rows, n],
    );
  }
}

/** Drop path by the rows of a mask tensor; skip connections are never dropped. */
function pathMaskOf(masks: Tensor, nodes: number): PathMask {
  const edges = edgesOf(nodes).length;
  const skip = OPERATIONS.indexOf('skip_connect');
  return (cell, edge, column) => {
    if (column === skip) return undefined;
    const row = (cell * edges + edge) * OPERATIONS.length + column;
    return reshape(slice(masks, [row], [row + 1]), [masks.shape[1]!, 1, 1, 1]);
  };
}

function checkConfig(config: SearchConfig, data: SearchData): void {
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
