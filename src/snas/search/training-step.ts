/** @file One step of a search: one backward pass updates weights and architecture; recorded once and replayed. */
import { grad } from '../../core/autograd.ts';
import { capture, type CapturedInfo, type CapturedStep } from '../../core/capture.ts';
import { dot } from '../../core/composites.ts';
import type { Device } from '../../core/tensor.ts';
import { add, assign, mul } from '../../core/ops.ts';
import { Adam } from '../../optim/adam.ts';
import { clipGradNorm } from '../../optim/clip.ts';
import { SGD } from '../../optim/sgd.ts';
import type { Key } from '../../core/random.ts';
import { scope } from '../../core/scope.ts';
import { crossEntropy } from '../../core/softmax.ts';
import type { Tensor } from '../../core/tensor.ts';
import type { BlackBoxCost } from '../cost/black-box.ts';
import { addToTotals, correctCount } from '../child/evaluation.ts';
import type { Supernet } from '../space/network.ts';
import { drawPathMasks, pathMaskOf } from './path-masks.ts';
import type { SearchConfig } from './config.ts';
import type { ArchitectureStrategy, CellWeights, StrategyStep } from '../strategies/strategy.ts';

/** Images [n, c, h, w] and their classes [n]. */
export interface LabelledImages {
  readonly images: Tensor;
  readonly labels: Tensor;
}

export interface StepParts {
  readonly device: Device;
  readonly config: SearchConfig;
  readonly supernet: Supernet;
  readonly strategy: ArchitectureStrategy;
  readonly cost: CellWeights | undefined;
  readonly blackBox: BlackBoxCost | undefined;
  /** Run each step as it is written. */
  readonly eager: boolean;
}

/** What changes from step to step, apart from the batch. */
export interface StepMoment {
  readonly step: number;
  /** Learning rate of the weights. */
  readonly lr: number;
  /** What the strategy is given. */
  readonly strategy: StrategyStep;
  /** Draws the paths that are dropped. */
  readonly dropPathKey: Key;
}

/** The step with what it updates besides the supernet and the strategy: both optimisers, and the totals of loss and hits. */
export class TrainingStep {
  readonly weightOptimizer: SGD;
  /** Undefined for a strategy that does not learn. */
  readonly architectureOptimizer: Adam | undefined;
  readonly #parts: StepParts;
  readonly #weights: readonly Tensor[];
  readonly #totals: Tensor;
  readonly #programs = new Map<string, CapturedStep<Tensor[], void>>();

  constructor(parts: StepParts) {
    const { device, config, supernet, strategy } = parts;
    this.#parts = parts;
    this.#weights = supernet.parameters();
    this.weightOptimizer = new SGD(this.#weights, config.weights);
    const own = strategy.parameters();
    this.architectureOptimizer = own.length > 0 ? new Adam(own, config.architecture) : undefined;
    this.#totals = device.parameter([0, 0], [2]);
  }

  /** Updates weights and architecture in place. `held`: the validation batch of a bi-level strategy. */
  run(batch: LabelledImages, held: LabelledImages | undefined, moment: StepMoment): void {
    this.weightOptimizer.lr = moment.lr;
    this.weightOptimizer.prepare();
    this.architectureOptimizer?.prepare();
    const program = this.#programFor(batch, held);
    scope(() => program(...this.#inputs(batch, held, moment)));
  }

  /** Records the step for batches of these sizes without running it, and compiles its kernels. */
  async prepare(
    batch: LabelledImages,
    held: LabelledImages | undefined,
    moment: StepMoment,
    onProgress?: (compiled: number, of: number) => void,
  ): Promise<void> {
    const program = this.#programFor(batch, held);
    if ('prepare' in program) await scope(() => ({ done: program.prepare(this.#inputs(batch, held, moment), onProgress) })).done;
  }

  /** Figures of the recording; undefined before the first step, and if steps are not recorded. */
  get recorded(): CapturedInfo | undefined {
    return [...this.#programs.values()][0]?.info;
  }

  /** Sum of losses over images and number of right answers since `resetTotals`. */
  async totals(): Promise<readonly [loss: number, correct: number]> {
    return (await this.#totals.data()) as unknown as readonly [number, number];
  }

  resetTotals(): void {
    scope(() => assign(this.#totals, this.#parts.device.tensor([0, 0])));
  }

  dispose(): void {
    for (const program of this.#programs.values()) program.dispose();
    this.#programs.clear();
    this.weightOptimizer.dispose();
    this.architectureOptimizer?.dispose();
    this.#totals.dispose();
  }

  #programFor(
    batch: LabelledImages,
    held: LabelledImages | undefined,
  ): CapturedStep<Tensor[], void> | ((...inputs: Tensor[]) => void) {
    const bilevel = held !== undefined;
    const step = (...inputs: Tensor[]): void => this.#program(inputs, bilevel);
    if (this.#parts.eager) return step;
    const sizes = `${batch.labels.size} ${held?.labels.size ?? ''}`;
    let program = this.#programs.get(sizes);
    if (!program) {
      program = capture(step);
      this.#programs.set(sizes, program);
    }
    return program;
  }

  /** Everything that changes from step to step, in the order in which `#program` takes it. */
  #inputs(batch: LabelledImages, held: LabelledImages | undefined, { step, lr, strategy, dropPathKey }: StepMoment): Tensor[] {
    const { device, config, supernet, blackBox } = this.#parts;
    const { cells, nodes } = supernet;
    return [
      batch.images,
      batch.labels,
      ...(held ? [held.images, held.labels, device.tensor(lr, [])] : []),
      ...(config.dropPath > 0 ? [drawPathMasks(device, dropPathKey, cells.length, nodes, batch.labels.size, config.dropPath)] : []),
      ...(blackBox?.inputs(step) ?? []),
      ...this.#parts.strategy.inputs(strategy),
    ];
  }

  /** What a step does on the device. */
  #program(inputs: readonly Tensor[], bilevel: boolean): void {
    const { config, supernet, strategy, blackBox } = this.#parts;
    const rest = [...inputs];
    const next = (): Tensor => rest.shift()!;
    const batch = { images: next(), labels: next() };
    const validation = bilevel ? { images: next(), labels: next(), learningRate: next() } : undefined;
    const pathMask = config.dropPath > 0 ? pathMaskOf(next(), supernet.nodes) : undefined;
    const measured = blackBox ? [next(), next(), next()] : undefined;
    const lossOf = (z: CellWeights, on: LabelledImages): Tensor =>
      this.#withCost(crossEntropy(supernet.forward(on.images, z), on.labels), z);
    if (validation && this.architectureOptimizer) {
      const gradients = strategy.bilevelGradients
        ? strategy.bilevelGradients({
            weights: this.#weights,
            learningRate: validation.learningRate,
            trainingLoss: (z) => lossOf(z, batch),
            validationLoss: (z) => lossOf(z, validation),
          })
        : this.#architectureGradients(rest, (z) => lossOf(z, validation));
      this.#updateArchitecture(gradients, measured);
    }
    const z = strategy.propose(rest);
    const logits = supernet.forward(batch.images, z, pathMask ? { pathMask } : {});
    const loss = crossEntropy(logits, batch.labels);
    const objective = this.#withCost(loss, z);
    // One backward pass for weights and architecture.
    const [normal, reduce, ...gradients] = grad(objective, [z.normal, z.reduce, ...this.#weights], {
      unused: 'zeros',
    }) as [Tensor, Tensor, ...Tensor[]];
    if (!validation && this.architectureOptimizer) {
      this.#updateArchitecture(strategy.gradients(z, { loss: objective, gradient: { normal, reduce } }), measured);
    }
    this.weightOptimizer.apply(gradients, { scale: clipGradNorm(gradients, config.weights.clip).scale });
    addToTotals(this.#totals, mul(loss, batch.labels.size), correctCount(logits, batch.labels));
  }

  #updateArchitecture(gradients: readonly Tensor[], measured: readonly Tensor[] | undefined): void {
    const penalty = measured && this.#parts.blackBox?.gradients(measured);
    this.architectureOptimizer?.apply(penalty ? gradients.map((g, i) => add(g, penalty[i]!)) : gradients);
  }

  #architectureGradients(noise: readonly Tensor[], lossOf: (z: CellWeights) => Tensor): readonly Tensor[] {
    const z = this.#parts.strategy.propose(noise);
    const loss = lossOf(z);
    const [normal, reduce] = grad(loss, [z.normal, z.reduce], { unused: 'zeros' });
    return this.#parts.strategy.gradients(z, { loss, gradient: { normal: normal!, reduce: reduce! } });
  }

  #withCost(loss: Tensor, z: CellWeights): Tensor {
    const { cost, config } = this.#parts;
    if (!cost || config.eta === 0) return loss;
    return add(loss, mul(add(dot(z.normal, cost.normal), dot(z.reduce, cost.reduce)), config.eta));
  }
}
