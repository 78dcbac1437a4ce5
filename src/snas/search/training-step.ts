/** @file One step of a search: one backward pass updates weights and architecture; captured once and replayed. */
import { grad } from '../../core/autograd.ts';
import type { CapturedInfo } from '../../core/capture.ts';
import type { Device } from '../../core/tensor.ts';
import { add, mul } from '../../core/ops.ts';
import { Adam } from '../../optim/adam.ts';
import { clipGradNorm } from '../../optim/clip.ts';
import { SGD } from '../../optim/sgd.ts';
import type { Key } from '../../core/random.ts';
import { scope } from '../../core/scope.ts';
import type { Tensor } from '../../core/tensor.ts';
import type { LabelledImages } from '../../data/index.ts';
import type { Budget } from '../cost/budget.ts';
import type { BlackBoxCost, MeasuredChild } from '../cost/black-box.ts';
import { Totals } from '../child/totals.ts';
import type { Task } from '../child/task.ts';
import type { SpaceCost } from '../cost/space-cost.ts';
import type { ChoiceWeights } from '../space/layout.ts';
import { drawPathMasks, SpacePaths } from '../space/path-masks.ts';
import type { Place, SearchSpace } from '../space/search-space.ts';
import type { ArchitectureStrategy, StrategyInputs, StrategyStep } from '../strategies/strategy.ts';
import type { SearchConfig } from './config.ts';
import { captureNamed, type NamedStep } from './named-inputs.ts';

export interface StepParts {
  readonly device: Device;
  readonly config: SearchConfig;
  readonly space: SearchSpace;
  /** Of the network, for inputs of a batch's shape. */
  readonly places: readonly Place[];
  readonly task: Task;
  readonly strategy: ArchitectureStrategy;
  readonly cost: SpaceCost | undefined;
  readonly blackBox: BlackBoxCost | undefined;
  readonly budget: Budget | undefined;
  /** Run each step as it is written. */
  readonly eager: boolean;
}

/** What changes from step to step, apart from the batch. */
export interface StepSettings {
  readonly step: number;
  /** Learning rate of the weights. */
  readonly lr: number;
  /** What the strategy is given. */
  readonly strategy: StrategyStep;
  /** Draws the paths that are dropped. */
  readonly dropPathKey: Key;
}

/** All that enters a step from outside of the device. */
type StepInputs = {
  readonly batch: LabelledImages;
  /** For a bi-level strategy. */
  readonly validation?: LabelledImages & { readonly learningRate: Tensor };
  /** Where paths are dropped. */
  readonly pathMasks?: Tensor;
  /** Of a black-box cost. */
  readonly measured?: MeasuredChild;
  /** What the strategy drew. */
  readonly drawn: StrategyInputs;
};

/** The step with what it updates besides the supernet and the strategy: both optimisers, and the totals of loss and hits. */
export class TrainingStep {
  readonly weightOptimizer: SGD;
  /** Undefined for a strategy that does not learn. */
  readonly architectureOptimizer: Adam | undefined;
  readonly totals: Totals;
  readonly #parts: StepParts;
  readonly #weights: readonly Tensor[];
  readonly #paths: SpacePaths;
  /** By the sizes of the batches that they were captured for. */
  readonly #captured = new Map<string, NamedStep<StepInputs>>();

  constructor(parts: StepParts) {
    const { device, config, space, strategy } = parts;
    this.#parts = parts;
    this.#weights = space.network.parameters();
    this.#paths = new SpacePaths(space, parts.places);
    this.weightOptimizer = new SGD(this.#weights, config.weights);
    const learned = strategy.parameters();
    this.architectureOptimizer = learned.length > 0 ? new Adam(learned, config.architecture) : undefined;
    this.totals = new Totals(device);
  }

  /** Updates weights and architecture in place. `validation`: the batch of a bi-level strategy. */
  run(batch: LabelledImages, validation: LabelledImages | undefined, settings: StepSettings): void {
    this.weightOptimizer.lr = settings.lr;
    this.weightOptimizer.prepare();
    this.architectureOptimizer?.prepare();
    scope(() => {
      const inputs = this.#inputs(batch, validation, settings);
      if (this.#parts.eager) this.#step(inputs);
      else this.#capturedFor(inputs).run(inputs);
    });
  }

  /** Captures the step for batches of these sizes without running it, and compiles its kernels. */
  async prepare(
    batch: LabelledImages,
    validation: LabelledImages | undefined,
    settings: StepSettings,
    onProgress?: (compiled: number, of: number) => void,
  ): Promise<void> {
    if (this.#parts.eager) return;
    await scope(() => {
      const inputs = this.#inputs(batch, validation, settings);
      return { done: this.#capturedFor(inputs).prepare(inputs, onProgress) };
    }).done;
  }

  /** Figures of the captured step; undefined before the first step, and if steps are not captured. */
  get captured(): CapturedInfo | undefined {
    return [...this.#captured.values()][0]?.info;
  }

  dispose(): void {
    for (const captured of this.#captured.values()) captured.dispose();
    this.#captured.clear();
    this.weightOptimizer.dispose();
    this.architectureOptimizer?.dispose();
    this.totals.dispose();
  }

  #capturedFor({ batch, validation }: StepInputs): NamedStep<StepInputs> {
    const sizes = `${batch.images.shape[0]} ${validation?.images.shape[0] ?? ''}`;
    let captured = this.#captured.get(sizes);
    if (!captured) {
      captured = captureNamed((inputs: StepInputs) => this.#step(inputs));
      this.#captured.set(sizes, captured);
    }
    return captured;
  }

  #inputs(
    { images, labels }: LabelledImages,
    validation: LabelledImages | undefined,
    { step, lr, strategy, dropPathKey }: StepSettings,
  ): StepInputs {
    const { device, config, blackBox } = this.#parts;
    return {
      batch: { images, labels },
      ...(validation && {
        validation: { images: validation.images, labels: validation.labels, learningRate: device.tensor(lr, []) },
      }),
      ...(config.dropPath > 0 && {
        pathMasks: drawPathMasks(device, dropPathKey, this.#paths.rows, images.shape[0]!, config.dropPath),
      }),
      ...(blackBox && { measured: blackBox.inputs(step) }),
      drawn: this.#parts.strategy.inputs(strategy),
    };
  }

  /** What a step does on the device. */
  #step({ batch, validation, pathMasks, measured, drawn }: StepInputs): void {
    const { config, space, strategy, task } = this.#parts;
    const lossOf = (z: ChoiceWeights, { images, labels }: LabelledImages): Tensor =>
      this.#withCost(task.loss(space.forward(images, z), labels), z);
    if (validation && this.architectureOptimizer) {
      const gradients = strategy.bilevelGradients
        ? strategy.bilevelGradients({
            weights: this.#weights,
            learningRate: validation.learningRate,
            trainingLoss: (z) => lossOf(z, batch),
            validationLoss: (z) => lossOf(z, validation),
          })
        : this.#architectureGradients(drawn, (z) => lossOf(z, validation));
      this.#updateArchitecture(gradients, measured);
    }
    const z = strategy.propose(drawn);
    const outputs = space.forward(batch.images, z, pathMasks ? { pathMask: this.#paths.maskOf(pathMasks) } : {});
    const loss = task.loss(outputs, batch.labels);
    const objective = this.#withCost(loss, z);
    // One backward pass for weights and architecture.
    const { gradient, gradients } = gradientsThroughZ(objective, z, this.#weights);
    if (!validation && this.architectureOptimizer) {
      this.#updateArchitecture(strategy.gradients(z, { loss: objective, gradient }), measured);
    }
    this.weightOptimizer.apply(gradients, { scale: clipGradNorm(gradients, config.weights.clip).scale });
    this.#parts.budget?.update(strategy.probabilities());
    this.totals.add(mul(loss, batch.images.shape[0]!), task.metric(outputs, batch.labels));
  }

  #updateArchitecture(gradients: readonly Tensor[], measured: MeasuredChild | undefined): void {
    const penalty = measured && this.#parts.blackBox?.gradients(measured);
    this.architectureOptimizer?.apply(penalty ? gradients.map((g, i) => add(g, penalty[i]!)) : gradients);
  }

  #architectureGradients(drawn: StrategyInputs, lossOf: (z: ChoiceWeights) => Tensor): readonly Tensor[] {
    const z = this.#parts.strategy.propose(drawn);
    const loss = lossOf(z);
    return this.#parts.strategy.gradients(z, { loss, gradient: gradientsThroughZ(loss, z).gradient });
  }

  #withCost(loss: Tensor, z: ChoiceWeights): Tensor {
    const { cost, config, budget } = this.#parts;
    const priced = !cost || config.eta === 0 ? loss : add(loss, mul(cost.of(z), config.eta));
    const penalty = budget?.penalty(z);
    return penalty ? add(priced, penalty) : priced;
  }
}

/** dloss/dZ and the gradients of the weights, from one backward pass. */
function gradientsThroughZ(
  loss: Tensor,
  z: ChoiceWeights,
  weights: readonly Tensor[] = [],
): { readonly gradient: ChoiceWeights; readonly gradients: readonly Tensor[] } {
  const found = grad(loss, [...z, ...weights], { unused: 'zeros' });
  return { gradient: found.slice(0, z.length), gradients: found.slice(z.length) };
}
