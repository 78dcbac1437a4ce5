/** @file Training a child network from scratch, as found cells are evaluated: cosine, cutout, drop path, auxiliary loss. */
import { grad } from '../../core/autograd.ts';
import { capture } from '../../core/capture.ts';
import { type Augmentation, batches, channelStatistics, type Dataset } from '../../data/index.ts';
import type { Device } from '../../core/tensor.ts';
import { NonFiniteError, OptionError } from '../../contract/errors.ts';
import { add, assign, mul, reshape, slice } from '../../core/ops.ts';
import { clipGradNorm } from '../../optim/clip.ts';
import { cosine } from '../../optim/schedule.ts';
import { SGD } from '../../optim/sgd.ts';
import { foldIn, key, type Key, uniforms } from '../../core/random.ts';
import { scope } from '../../core/scope.ts';
import { crossEntropy } from '../../core/softmax.ts';
import type { Tensor } from '../../core/tensor.ts';
import type { PathMask } from '../space/cell.ts';
import { addToTotals, correctCount, score, type Score } from './evaluation.ts';
import { OPERATIONS } from '../space/genotype.ts';
import type { ChildNetwork } from '../space/network.ts';

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

export interface ChildTrainingOptions {
  /** Called now and then. */
  readonly onStep?: (step: ChildStep) => void;
  /** Builds every step anew instead of recording it once: the same results, slower; for looking inside. Default false. */
  readonly eager?: boolean;
}

/**
 * Trains in place, yielding the figures of each epoch: the mean over its steps of cross-entropy (the auxiliary loss left out) and accuracy,
 * both in training mode on augmented images. SGD with the learning rate down half a cosine to 0 by step; a last batch that is not full is left
 * out. The same seed gives the same weights to the bit on the same device. OptionError if the settings make no sense, NonFiniteError if the
 * loss is not finite at the end of an epoch. Liu et al., ICLR 2019, section A.2, whose schedule SNAS takes over.
 */
export async function* trainChild(
  device: Device,
  network: ChildNetwork,
  train: Dataset,
  config: ChildTrainingConfig,
  options: ChildTrainingOptions = {},
): AsyncGenerator<TrainedEpoch, void, void> {
  checkTraining(config, train);
  const { epochs, batchSize, augment } = config;
  const root = key(config.seed);
  const standardise = channelStatistics(train);
  const weights = network.parameters();
  const stepsPerEpoch = Math.floor(train.labels.length / batchSize);
  const optimizer = new SGD(weights, { lr: config.lr, momentum: config.momentum, weightDecay: config.weightDecay });
  const rate = cosine(config.lr, 0, epochs * stepsPerEpoch);
  const totals = device.parameter([0, 0], [2]);
  /** One step on the device; everything that changes from step to step is an input. */
  const step = (images: Tensor, labels: Tensor, masks?: Tensor): void => {
    const [logits, auxiliary] = network.forwardBoth(images, masks ? { pathMask: pathMaskOf(network, masks) } : {});
    const loss = crossEntropy(logits, labels);
    const objective = auxiliary ? add(loss, mul(crossEntropy(auxiliary, labels), config.auxiliaryWeight)) : loss;
    const gradients = grad(objective, weights, { unused: 'zeros' });
    optimizer.apply(gradients, { scale: clipGradNorm(gradients, config.clip).scale });
    addToTotals(totals, mul(loss, labels.size), correctCount(logits, labels));
  };
  // Two recordings: the first epoch drops nothing.
  const whole = options.eager ? step : capture((images: Tensor, labels: Tensor) => step(images, labels));
  const dropping = options.eager ? step : capture((images: Tensor, labels: Tensor, masks: Tensor) => step(images, labels, masks));
  network.train();
  try {
    let done = 0;
    for (let epoch = 0; epoch < epochs; epoch++) {
      const drop = (config.dropPath * epoch) / epochs;
      // Sums of one epoch only: over a long run a float32 count would stop growing.
      scope(() => assign(totals, device.tensor([0, 0])));
      const order = { batchSize, key: foldIn(root, 0), epoch, standardise, dropLast: true, ...(augment && { augment }) };
      for (const batch of batches(train, order)) {
        optimizer.lr = rate(done);
        optimizer.prepare();
        scope(() => {
          const images = device.tensor(batch.images, [batch.n, train.channels, train.height, train.width]);
          const labels = device.tensor(batch.labels, [batch.n]);
          if (drop > 0) dropping(images, labels, drawPathMasks(device, network, foldIn(foldIn(root, 1), done), batch.n, drop));
          else whole(images, labels);
        });
        done++;
        if (done % FINISH_EVERY === 0) {
          await device.finish();
          options.onStep?.({ epoch, step: done, steps: epochs * stepsPerEpoch });
        }
      }
      const seen = stepsPerEpoch * batchSize;
      const [loss, accuracy] = (await totals.data()).map((v) => v / seen) as unknown as [number, number];
      if (!Number.isFinite(loss))
        throw new NonFiniteError(`trainChild: the loss is ${loss} in epoch ${epoch}; lower the learning rate (${config.lr})`);
      yield { epoch, loss, accuracy };
    }
  } finally {
    for (const program of [whole, dropping]) if ('dispose' in program) program.dispose();
    totals.dispose();
    optimizer.dispose();
    network.eval();
  }
}

function checkTraining(config: ChildTrainingConfig, train: Dataset): void {
  const { epochs, batchSize, lr, clip, dropPath, auxiliaryWeight } = config;
  const images = train.labels.length;
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
export async function scoreChild(device: Device, network: ChildNetwork, train: Dataset, test: Dataset): Promise<Score> {
  network.eval();
  const recorded = capture((images: Tensor) => network.forward(images));
  try {
    return await score(device, test, { batchSize: SCORED_AT_ONCE, standardise: channelStatistics(train) }, (images) =>
      // What is left over at the end has another shape than was recorded.
      images.shape[0] === SCORED_AT_ONCE ? recorded(images) : network.forward(images),
    );
  } finally {
    recorded.dispose();
  }
}

/** 1 / keep or 0 for every chosen operation of every cell and every sample: [operations, n]. */
function drawPathMasks(device: Device, network: ChildNetwork, k: Key, n: number, drop: number): Tensor {
  const rows = Math.max(
    1,
    network.cells.reduce((sum, { chosen }) => sum + chosen.length, 0),
  );
  const keep = 1 - drop;
  return device.tensor(
    uniforms(k, rows * n).map((u) => (u < keep ? 1 / keep : 0)),
    [rows, n],
  );
}

/** The rows of such masks as a cell asks for them; skip connections are never dropped. */
function pathMaskOf(network: ChildNetwork, masks: Tensor): PathMask {
  const skip = OPERATIONS.indexOf('skip_connect');
  const rows = new Map<string, number>();
  for (const [cell, { chosen }] of network.cells.entries()) for (const { row } of chosen) rows.set(`${cell} ${row}`, rows.size);
  return (cell, edge, column) => {
    const row = rows.get(`${cell} ${edge}`);
    if (column === skip || row === undefined) return undefined;
    return reshape(slice(masks, [row], [row + 1]), [masks.shape[1]!]);
  };
}
