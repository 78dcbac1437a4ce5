/** @file Training a child network from scratch, as found cells are evaluated: cosine, cutout, drop path, auxiliary loss. */
import { grad } from '../autograd.ts';
import { type Augmentation, batches, channelStatistics, type Dataset } from '../data/index.ts';
import type { Device } from '../device.ts';
import { NonFiniteError, OptionError } from '../errors.ts';
import { add, assign, mul, reshape, slice } from '../ops.ts';
import { clipGradNorm } from '../optim/clip.ts';
import { cosine } from '../optim/schedule.ts';
import { SGD } from '../optim/sgd.ts';
import { foldIn, key, type Key, uniforms } from '../random.ts';
import { scope } from '../scope.ts';
import { crossEntropy } from '../softmax.ts';
import type { Tensor } from '../tensor.ts';
import type { PathMask } from './cell.ts';
import { addToTotals, correctCount, score, type Score } from './evaluation.ts';
import { OPERATIONS } from './genotype.ts';
import type { ChildNetwork } from './network.ts';

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

/** The authors' values for CIFAR-10: 600 epochs of 20 cells at 36 channels. */
export const PAPER_CHILD_TRAINING: Omit<ChildTrainingConfig, 'seed'> = {
  epochs: 600,
  batchSize: 96,
  lr: 0.025,
  momentum: 0.9,
  weightDecay: 3e-4,
  clip: 5,
  dropPath: 0.2,
  auxiliaryWeight: 0.4,
  augment: { crop: 4, flip: true, cutout: 16 },
};

export interface TrainedEpoch {
  readonly epoch: number;
  readonly loss: number;
  readonly accuracy: number;
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
  network.train();
  try {
    let step = 0;
    for (let epoch = 0; epoch < epochs; epoch++) {
      const drop = (config.dropPath * epoch) / epochs;
      // Sums of one epoch only: over a long run a float32 count would stop growing.
      scope(() => assign(totals, device.tensor([0, 0])));
      const options = { batchSize, key: foldIn(root, 0), epoch, standardise, dropLast: true, ...(augment && { augment }) };
      for (const batch of batches(train, options)) {
        optimizer.lr = rate(step);
        optimizer.prepare();
        scope(() => {
          const images = device.tensor(batch.images, [batch.n, train.channels, train.height, train.width]);
          const labels = device.tensor(batch.labels, [batch.n]);
          const pathMask = drop > 0 ? pathMasks(device, network, foldIn(foldIn(root, 1), step), batch.n, drop) : undefined;
          const [logits, auxiliary] = network.forwardBoth(images, pathMask ? { pathMask } : {});
          const loss = crossEntropy(logits, labels);
          const objective = auxiliary ? add(loss, mul(crossEntropy(auxiliary, labels), config.auxiliaryWeight)) : loss;
          const gradients = grad(objective, weights, { unused: 'zeros' });
          optimizer.apply(gradients, { scale: clipGradNorm(gradients, config.clip).scale });
          addToTotals(totals, mul(loss, batch.n), correctCount(logits, labels));
        });
        step++;
        if (step % 16 === 0) await device.finish();
      }
      const seen = stepsPerEpoch * batchSize;
      const [loss, accuracy] = (await totals.data()).map((v) => v / seen) as unknown as [number, number];
      if (!Number.isFinite(loss))
        throw new NonFiniteError(`trainChild: the loss is ${loss} in epoch ${epoch}; lower the learning rate (${config.lr})`);
      yield { epoch, loss, accuracy };
    }
  } finally {
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

/** Accuracy of a trained child, standardised by the statistics of the images it was trained on. */
export function scoreChild(device: Device, network: ChildNetwork, train: Dataset, test: Dataset): Promise<Score> {
  network.eval();
  return score(device, test, { batchSize: 64, standardise: channelStatistics(train) }, (images) => network.forward(images));
}

/** 1 / keep or 0 for every sample of every edge of every cell. */
function pathMasks(device: Device, network: ChildNetwork, k: Key, n: number, drop: number): PathMask {
  const skip = OPERATIONS.indexOf('skip_connect');
  const keep = 1 - drop;
  const rows = new Map<string, number>();
  for (const [cell, { chosen }] of network.cells.entries()) for (const { row } of chosen) rows.set(`${cell} ${row}`, rows.size);
  const masks: Tensor = device.tensor(
    uniforms(k, Math.max(1, rows.size) * n).map((u) => (u < keep ? 1 / keep : 0)),
    [Math.max(1, rows.size), n],
  );
  return (cell, edge, column) => {
    const row = rows.get(`${cell} ${edge}`);
    if (column === skip || row === undefined) return undefined;
    return reshape(slice(masks, [row], [row + 1]), [n, 1, 1, 1]);
  };
}
