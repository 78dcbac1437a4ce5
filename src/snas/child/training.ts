/** @file Training a child network from scratch, as found cells are evaluated: cosine, cutout, drop path, auxiliary loss. */
import { grad } from '../../core/autograd.ts';
import { capture } from '../../core/capture.ts';
import {
  type Augmentation,
  type BatchSource,
  channelStatistics,
  type Dataset,
  isDataset,
  sourceOf,
  uploadExamples,
} from '../../data/index.ts';
import type { Device } from '../../core/tensor.ts';
import { NonFiniteError, OptionError } from '../../contract/errors.ts';
import type { StopSignal } from '../../contract/stop-signal.ts';
import { add, mul } from '../../core/ops.ts';
import { clipGradNorm } from '../../optim/clip.ts';
import { cosine } from '../../optim/schedule.ts';
import { nextTask } from '../../core/event-loop.ts';
import type { Layer, StateDict } from '../../nn/module.ts';
import { SGD } from '../../optim/sgd.ts';
import { foldIn, key } from '../../core/random.ts';
import { scope } from '../../core/scope.ts';
import type { Tensor } from '../../core/tensor.ts';
import { TRAINING_KEYS } from '../keys.ts';
import { childModel, drawPathMasks } from '../space/path-masks.ts';
import { type EvaluationOptions, score, type Score } from './evaluation.ts';
import { classification, type Task } from './task.ts';
import { Totals } from './totals.ts';

export interface ChildTrainingConfig {
  readonly seed: number;
  readonly epochs: number;
  readonly batchSize: number;
  readonly lr: number;
  readonly momentum: number;
  readonly weightDecay: number;
  /** Largest global norm of the gradient. */
  readonly clip: number;
  /** Drop probability of an operation's output at the end; it grows linearly from 0 by epoch. Skips are never dropped. */
  readonly dropPath: number;
  /** Weight of the auxiliary classifier's loss, for networks that have one. */
  readonly auxiliaryWeight: number;
  readonly augment?: Augmentation;
}

export interface TrainedEpoch {
  readonly epoch: number;
  readonly loss: number;
  readonly accuracy: number;
}

/** A step done, of `steps` in the whole training. */
export interface ChildStep {
  readonly epoch: number;
  readonly step: number;
  readonly steps: number;
}

const FINISH_EVERY = 16;

/** Copies the state of a training to the host. */
export type CopyState = () => Promise<StateDict>;

export interface ChildTrainingOptions {
  /**
   * Called after each step with the number of steps done; may return a promise. `state` copies all that continues the training exactly, until the
   * next step begins. Called before the signal is heard, so that the state after the last step can be kept.
   */
  readonly afterStep?: (step: number, state: CopyState) => void | Promise<void>;
  /** Goes on from a state that `afterStep` could copy: figures of epochs that were told before it are not told again. */
  readonly from?: StateDict;
  /** Called now and then. */
  readonly onStep?: (step: ChildStep) => void;
  /** Builds every step anew instead of capturing it once: the same results, slower; for looking inside. Default false. */
  readonly eager?: boolean;
  /** Ends the training after the step that is under way, by throwing the signal's reason. */
  readonly signal?: StopSignal;
  /** Default: cross-entropy and accuracy. */
  readonly task?: Task;
}

/**
 * Trains in place, yielding the figures of each epoch: the mean over its steps of cross-entropy (the auxiliary loss left out) and accuracy,
 * both in training mode on augmented images. SGD with the learning rate down half a cosine to 0 by step; a last batch that is not full is left
 * out. Returns to the event loop after every step. The same seed gives the same weights to the bit on the same device, also where the training was
 * broken off and went on from its state. OptionError if the settings make no sense or the state does not fit, NonFiniteError if the loss is not
 * finite at the end of an epoch. Liu et al., ICLR 2019, section A.2, whose schedule SNAS takes over.
 */
export async function* trainChild(
  device: Device,
  network: Layer,
  train: Dataset | BatchSource,
  config: ChildTrainingConfig,
  options: ChildTrainingOptions = {},
): AsyncGenerator<TrainedEpoch, void, void> {
  const { task = classification } = options;
  const source = sourceOf(train, {
    ...(isDataset(train) && { standardise: channelStatistics(train) }),
    augment: config.augment,
  });
  checkTraining(config, source.length);
  options.signal?.throwIfAborted();
  const { epochs, batchSize } = config;
  const root = key(config.seed);
  const weights = network.parameters();
  const stepsPerEpoch = Math.floor(source.length / batchSize);
  const optimizer = new SGD(weights, { lr: config.lr, momentum: config.momentum, weightDecay: config.weightDecay });
  const rate = cosine(config.lr, 0, epochs * stepsPerEpoch);
  const totals = new Totals(device);
  const model = childModel(network);
  /** One step on the device; everything that changes from step to step is an input. */
  const step = (images: Tensor, labels: Tensor, masks?: Tensor): void => {
    const [outputs, auxiliary] = model.forward(images, masks);
    const loss = task.loss(outputs, labels);
    const objective = auxiliary ? add(loss, mul(task.loss(auxiliary, labels), config.auxiliaryWeight)) : loss;
    const gradients = grad(objective, weights, { unused: 'zeros' });
    optimizer.apply(gradients, { scale: clipGradNorm(gradients, config.clip).scale });
    totals.add(mul(loss, batchSize), task.metric(outputs, labels));
  };
  // Captured twice: the first epoch drops nothing.
  const whole = options.eager ? step : capture((images: Tensor, labels: Tensor) => step(images, labels));
  const dropping = options.eager ? step : capture((images: Tensor, labels: Tensor, masks: Tensor) => step(images, labels, masks));
  network.train();
  try {
    const parts: TrainingParts = { network, optimizer, totals };
    let { done, counted } = options.from ? loadTraining(options.from, parts, epochs * stepsPerEpoch) : { done: 0, counted: 0 };
    // An epoch whose last step is done and whose figures are not told is still under way.
    for (let epoch = Math.floor((counted > 0 ? done - 1 : done) / stepsPerEpoch); epoch < epochs; epoch++) {
      const drop = (config.dropPath * epoch) / epochs;
      // Sums of one epoch only: over a long run a float32 count would stop growing.
      if (counted === 0) totals.reset();
      const first = done - epoch * stepsPerEpoch;
      let index = 0;
      const order = { batchSize, key: foldIn(root, TRAINING_KEYS.data), epoch, dropLast: true, training: true };
      for (const batch of source.batches(order)) {
        // A training that goes on passes over what it has done.
        if (index++ < first) continue;
        optimizer.lr = rate(done);
        optimizer.prepare();
        scope(() => {
          const { images, labels } = uploadExamples(device, batch, source);
          const masksKey = foldIn(foldIn(root, TRAINING_KEYS.dropPath), done);
          if (drop > 0) dropping(images, labels, drawPathMasks(device, masksKey, model.paths, batch.n, drop));
          else whole(images, labels);
        });
        done++;
        counted++;
        if (done % FINISH_EVERY === 0) {
          await device.finish();
          options.onStep?.({ epoch, step: done, steps: epochs * stepsPerEpoch });
        }
        await nextTask();
        await options.afterStep?.(done, () => trainingState({ done, counted }, parts));
        options.signal?.throwIfAborted();
      }
      const { loss, accuracy } = await totals.means(stepsPerEpoch * batchSize);
      if (!Number.isFinite(loss))
        throw new NonFiniteError(`trainChild: the loss is ${loss} in epoch ${epoch}; lower the learning rate (${config.lr})`);
      counted = 0;
      yield { epoch, loss, accuracy };
    }
  } finally {
    for (const program of [whole, dropping]) if ('dispose' in program) program.dispose();
    totals.dispose();
    optimizer.dispose();
    network.eval();
  }
}

interface TrainingParts {
  readonly network: Layer;
  readonly optimizer: SGD;
  readonly totals: Totals;
}

interface TrainingPlace {
  /** Steps done. */
  readonly done: number;
  /** Those of them that the totals are of: steps of an epoch whose figures were not told. */
  readonly counted: number;
}

async function trainingState({ done, counted }: TrainingPlace, { network, optimizer, totals }: TrainingParts): Promise<StateDict> {
  const { loss, correct } = await totals.read();
  const out: StateDict = { training: { shape: [4], data: Float64Array.of(done, counted, loss, correct) } };
  for (const [name, entry] of Object.entries(await network.stateDict())) out[`network.${name}`] = entry;
  for (const [name, entry] of Object.entries(await optimizer.stateDict())) out[`optimizer.${name}`] = entry;
  return out;
}

function loadTraining(state: StateDict, { network, optimizer, totals }: TrainingParts, steps: number): TrainingPlace {
  const [done = NaN, counted = NaN, loss = NaN, correct = NaN] = state['training']?.data ?? [];
  if (!(Number.isInteger(done) && done >= 0 && done <= steps && Number.isInteger(counted) && counted >= 0 && counted <= done))
    throw new OptionError(`trainChild: the saved state is after step ${done}, ${counted} of them counted, of ${steps} in all`);
  const part = (prefix: string): StateDict =>
    Object.fromEntries(
      Object.entries(state)
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, entry]) => [name.slice(prefix.length), entry]),
    );
  network.loadStateDict(part('network.'));
  optimizer.loadStateDict(part('optimizer.'));
  totals.load({ loss, correct });
  return { done, counted };
}

function checkTraining(config: ChildTrainingConfig, images: number): void {
  const { epochs, batchSize, lr, clip, dropPath, auxiliaryWeight } = config;
  const rules: readonly (readonly [boolean, string])[] = [
    [Number.isInteger(epochs) && epochs >= 1, `epochs ${epochs} must be an integer >= 1`],
    [Number.isInteger(batchSize) && batchSize >= 1, `batchSize ${batchSize} must be an integer >= 1`],
    [images >= batchSize, `${images} training images make no batch of ${batchSize}`],
    [lr > 0, `lr ${lr} must be > 0`],
    [clip > 0, `clip ${clip} must be > 0`],
    [dropPath >= 0 && dropPath < 1, `dropPath ${dropPath} must be in [0, 1)`],
    [auxiliaryWeight >= 0, `auxiliaryWeight ${auxiliaryWeight} must be >= 0`],
  ];
  for (const [holds, rule] of rules) if (!holds) throw new OptionError(`trainChild: ${rule}`);
}

const SCORED_AT_ONCE = 64;

/** Accuracy and loss of a trained child with running statistics, standardised by the statistics of the images it was trained on. */
export async function scoreChild(
  device: Device,
  network: Layer,
  train: Dataset | BatchSource,
  test: Dataset | BatchSource,
  options: EvaluationOptions = {},
): Promise<Score> {
  network.eval();
  const captured = capture((images: Tensor) => network.forward(images));
  try {
    const evaluation = {
      ...options,
      batchSize: SCORED_AT_ONCE,
      ...(isDataset(train) && { standardise: channelStatistics(train) }),
    };
    return await score(device, test, evaluation, (images) =>
      // What is left over at the end has another shape than was captured.
      images.shape[0] === SCORED_AT_ONCE ? captured(images) : network.forward(images),
    );
  } finally {
    captured.dispose();
  }
}
