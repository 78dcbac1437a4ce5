/** @file What the steps of a search train on: batches of an epoch, with those that a bi-level strategy validates on. */
import {
  type Batch,
  type BatchSource,
  disposeBatch,
  type LabelledImages,
  type SourceOptions,
  uploadExamples,
} from '../../data/index.ts';
import { foldIn, type Key } from '../../core/random.ts';
import type { Device } from '../../core/tensor.ts';

/** What one step trains on. */
export interface BatchPair {
  readonly training: Batch;
  readonly validation: Batch | undefined;
}

/** The same on the device. */
export interface UploadedPair {
  readonly trained: LabelledImages;
  readonly validated: LabelledImages | undefined;
}

export interface StepBatchesParts {
  readonly device: Device;
  readonly train: BatchSource;
  readonly validation: BatchSource;
  readonly batchSize: number;
  /** Decides the order of both sources. */
  readonly key: Key;
  /** Whether a step has a validation batch too. */
  readonly bilevel: boolean;
}

/** The batches of a search, the same for the same key. */
export class StepBatches {
  readonly #parts: StepBatchesParts;

  constructor(parts: StepBatchesParts) {
    this.#parts = parts;
  }

  /** Those of an epoch's steps, in order. */
  *of(epoch: number): Generator<BatchPair, void, void> {
    const { train, bilevel, key } = this.#parts;
    const validation = bilevel ? this.#validationStream(epoch) : undefined;
    for (const training of train.batches(this.#options(epoch, key))) yield { training, validation: validation?.next().value };
  }

  /** Runs `body` on a pair's tensors, which are freed after it. */
  async with<T>({ training, validation }: BatchPair, body: (pair: UploadedPair) => T | Promise<T>): Promise<T> {
    const { device, train, validation: source } = this.#parts;
    const trained = uploadExamples(device, training, train);
    return freedAfter({ trained, validated: validation && uploadExamples(device, validation, source) }, body);
  }

  /** Runs `body` on a pair of zeros, of the shapes that every step has. */
  async withZeros(body: (pair: UploadedPair) => Promise<void>): Promise<void> {
    const { device, train, batchSize, bilevel } = this.#parts;
    const some = (): LabelledImages => ({
      images: device.zeros([batchSize, ...train.shape]),
      labels: device.zeros([batchSize, ...(train.targetShape ?? [])]),
    });
    return freedAfter({ trained: some(), validated: bilevel ? some() : undefined }, body);
  }

  #options(epoch: number, key: Key): SourceOptions {
    return { batchSize: this.#parts.batchSize, key, epoch, dropLast: true, training: true };
  }

  /** Validation batches without end, reshuffled each time round. */
  *#validationStream(epoch: number): Generator<Batch, never, void> {
    const { validation, key } = this.#parts;
    for (let round = 0; ; round++) yield* validation.batches(this.#options(epoch * 1000 + round, foldIn(key, 1)));
  }
}

async function freedAfter<T>(pair: UploadedPair, body: (pair: UploadedPair) => T | Promise<T>): Promise<T> {
  try {
    return await body(pair);
  } finally {
    disposeBatch(pair.trained);
    if (pair.validated) disposeBatch(pair.validated);
  }
}
