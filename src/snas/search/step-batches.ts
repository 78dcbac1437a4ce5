/** @file What the steps of a search train on: batches of an epoch, with those that a bi-level strategy validates on. */
/// <reference lib="esnext.disposable" preserve="true" />
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

/** The same on the device; whoever has it frees it. */
export interface UploadedPair extends Disposable {
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

  /** A pair on the device. */
  upload({ training, validation }: BatchPair): UploadedPair {
    const { device, train, validation: source } = this.#parts;
    return uploaded(uploadExamples(device, training, train), validation && uploadExamples(device, validation, source));
  }

  /** A pair of zeros, of the shapes that every step has. */
  zeros(): UploadedPair {
    const { device, train, batchSize, bilevel } = this.#parts;
    const some = (): LabelledImages => ({
      images: device.zeros([batchSize, ...train.shape]),
      labels: device.zeros([batchSize, ...(train.targetShape ?? [])]),
    });
    return uploaded(some(), bilevel ? some() : undefined);
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

function uploaded(trained: LabelledImages, validated: LabelledImages | undefined): UploadedPair {
  return {
    trained,
    validated,
    [Symbol.dispose]: () => {
      disposeBatch(trained);
      if (validated) disposeBatch(validated);
    },
  };
}
