/** @file Loss and hits summed over batches on the device, so that a step reads nothing back. */
import type { Device } from '../../core/tensor.ts';
import { noGrad } from '../../core/grad-mode.ts';
import { stack } from '../../core/composites.ts';
import { take } from '../../core/indexing.ts';
import { add, assign, equal, max, reshape, sum } from '../../core/ops.ts';
import { scope } from '../../core/scope.ts';
import type { Tensor } from '../../core/tensor.ts';

/** How many rows of the logits [n, k] have their maximum at the label [n]: a scalar. */
export function correctCount(logits: Tensor, labels: Tensor): Tensor {
  return noGrad(() => {
    const attained = equal(logits, max(logits, 1, { keepDims: true }));
    return sum(take(attained, reshape(labels, [labels.size, 1])));
  });
}

/** The sum of losses over examples and of the metric (by default the number of right answers) since the last reset. */
export class Totals {
  /** [2]: losses, right answers. */
  readonly #sums: Tensor;

  constructor(device: Device) {
    this.#sums = device.parameter([0, 0], [2]);
  }

  /** Adds a batch, in place: the sums of its losses and of its metric, scalars. */
  add(lossSum: Tensor, metricSum: Tensor): void {
    noGrad(() => assign(this.#sums, add(this.#sums, stack([lossSum, metricSum]))));
  }

  async read(): Promise<{ readonly loss: number; readonly correct: number }> {
    const [loss = 0, correct = 0] = await this.#sums.data();
    return { loss, correct };
  }

  /** Mean loss and accuracy over n images, rounded to the device's dtype. */
  async means(n: number): Promise<{ readonly loss: number; readonly accuracy: number }> {
    const [loss = 0, accuracy = 0] = (await this.#sums.data()).map((v) => v / n);
    return { loss, accuracy };
  }

  /** What `read` gave at another time. */
  load({ loss, correct }: { readonly loss: number; readonly correct: number }): void {
    scope(() => assign(this.#sums, this.#sums.device.tensor([loss, correct])));
  }

  reset(): void {
    this.load({ loss: 0, correct: 0 });
  }

  dispose(): void {
    this.#sums.dispose();
  }
}
