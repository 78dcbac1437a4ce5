/** @file One cell trained from scratch and scored on test images, as data: what to train, and what came out. */
import { checkData, loadData } from '../data/files.node.ts';
import { type Dataset, splitDataset, subset } from '../data/index.ts';
import type { StopSignal } from '../contract/stop-signal.ts';
import type { Device } from '../core/tensor.ts';
import { childSize } from '../snas/spaces/darts/child-size.ts';
import { type ChildTrainingConfig, scoreChild, trainChild } from '../snas/child/training.ts';
import type { Genotype } from '../snas/spaces/darts/genotype.ts';
import { ChildNetwork } from '../snas/spaces/darts/network.ts';
import type { NetworkConfig } from '../snas/spaces/darts/network-config.ts';
import { foldIn, key } from '../core/random.ts';
import { RUN_KEYS } from '../snas/keys.ts';

export interface TrainingJob {
  readonly genotype: Genotype;
  readonly network: NetworkConfig;
  readonly auxiliary: boolean;
  readonly data: string;
  /** Training images, drawn by the seed. */
  readonly images: number;
  readonly training: ChildTrainingConfig;
  /** How many of the test images, from the first on, are scored after every epoch too: a curve over time, from which nothing is chosen. Default 0. */
  readonly scoreEpochs?: number;
}

export interface TrainedCell {
  readonly seed: number;
  readonly genotype: Genotype;
  readonly parameters: number;
  readonly multiplyAdds: number;
  /** On all test images, a fraction. */
  readonly error: number;
  /** After each epoch, on the images that the job asked for. */
  readonly epochErrors?: readonly number[];
  readonly seconds: number;
}

export interface TrainingJobOptions {
  /** Ends the training after the step that is under way, by throwing the signal's reason. */
  readonly signal?: StopSignal | undefined;
}

/**
 * Trains and scores one cell. Images, initial weights, order, augmentation and dropped paths follow from the seed, so cells that are trained
 * under one seed differ in nothing but their edges: comparisons are paired.
 */
export async function runTrainingJob(device: Device, job: TrainingJob, { signal }: TrainingJobOptions = {}): Promise<TrainedCell> {
  const started = performance.now();
  const { genotype, network, training } = job;
  const data = await loadData(job.data);
  checkData(data, job.data);
  const { train: all, test } = data;
  const [train] = splitDataset(all, [job.images], foldIn(key(training.seed), RUN_KEYS.split)) as [typeof all];
  const child = new ChildNetwork(device, foldIn(key(training.seed), RUN_KEYS.childWeights), network, genotype, {
    auxiliary: job.auxiliary,
  });
  try {
    const epochErrors: number[] = [];
    for await (const _epoch of trainChild(device, child, train, training, { ...(signal && { signal }) })) {
      if (!job.scoreEpochs) continue;
      epochErrors.push(1 - (await scoreChild(device, child, train, first(test, job.scoreEpochs), { signal })).accuracy);
      child.train();
    }
    const { accuracy } = await scoreChild(device, child, train, test, { signal });
    return {
      seed: training.seed,
      genotype,
      ...childSize(genotype, { ...network, imageSide: all.height }),
      error: 1 - accuracy,
      ...(job.scoreEpochs && { epochErrors }),
      seconds: (performance.now() - started) / 1000,
    };
  } finally {
    child.dispose();
  }
}

function first(dataset: Dataset, count: number): Dataset {
  return subset(
    dataset,
    Array.from({ length: Math.min(count, dataset.labels.length) }, (_, i) => i),
  );
}
