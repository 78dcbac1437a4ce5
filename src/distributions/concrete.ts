/** @file The Concrete distribution (relaxed one-hot categorical): samples, log-space density and score for any number of categories. */
import { ShapeError } from '../contract/errors.ts';
import { checkRows } from '../core/checked.ts';
import { noGrad } from '../core/grad-mode.ts';
import { logSumExp } from '../core/composites.ts';
import { add, div, greater, log, max, mul, neg, type Operand, reshape, sub, sum } from '../core/ops.ts';
import { showShape } from '../contract/shape.ts';
import { logSoftmax, softmax } from '../core/softmax.ts';
import { Tensor } from '../core/tensor.ts';
import { categoricalEntropy } from './categorical.ts';
import { checkTemperature, gumbelSoftmax, type NoiseSource, noiseFor } from './gumbel.ts';

/**
 * A sample, by one of three: z itself, its logarithm, or the Gumbel noise that makes it. At low temperatures use the latter two:
 * in float32 a coordinate of z underflows to an exact 0 in most samples, log z and the noise never do.
 */
export type ConcreteSample = { readonly z: Tensor } | { readonly logZ: Tensor } | { readonly noise: Tensor };

export interface RelaxedOneHotCategoricalOptions {
  /** log alpha, [..., n], n >= 2; need not be normalised, for the density does not change when a constant is added. */
  readonly logits: Tensor;
  /** lambda > 0: a number or a tensor with one element. */
  readonly temperature: Tensor | number;
}

/**
 * The distribution of Z = softmax((logits + G) / temperature), one per row of the logits, categories on the last axis.
 * Source: Maddison, Mnih and Teh, "The Concrete distribution", ICLR 2017 (its equation 6 is the density).
 */
export class RelaxedOneHotCategorical {
  readonly logits: Tensor;
  readonly temperature: Tensor | number;
  /** Number of categories. */
  readonly n: number;

  constructor({ logits, temperature }: RelaxedOneHotCategoricalOptions) {
    checkTemperature('RelaxedOneHotCategorical', temperature);
    if (temperature instanceof Tensor && temperature.size !== 1) {
      throw new ShapeError(`RelaxedOneHotCategorical: temperature ${showShape(temperature.shape)} must have one element`);
    }
    const n = logits.shape.at(-1) ?? 0;
    if (n < 2)
      throw new ShapeError(
        `RelaxedOneHotCategorical: logits ${showShape(logits.shape)} need two or more categories on the last axis`,
      );
    this.logits = logits;
    this.temperature = temperature;
    this.n = n;
  }

  /** A sample [..., n], differentiable in the logits and the temperature; the same key or noise gives the same sample. */
  rsample(source: NoiseSource): Tensor {
    return gumbelSoftmax(this.logits, { ...source, temperature: this.temperature });
  }

  /** log of the same sample, without underflow: logSoftmax((logits + G) / temperature). */
  rsampleLog(source: NoiseSource): Tensor {
    return logSoftmax(div(add(this.logits, noiseFor('rsampleLog', this.logits, source)), this.temperature));
  }

  /**
   * The log density of z on the simplex (whichever way the sample is given), [...]:
   * log (n-1)! + (n-1) log lambda + sum_k (l_k - (lambda + 1) log z_k) - n logSumExp_k(l_k - lambda log z_k).
   * Gradients flow to logits and temperature, and to a given z or logZ; a sample given by its noise is held fixed, so the
   * gradient in the logits is then the score.
   */
  logProb(sample: ConcreteSample): Tensor {
    const logZ = 'noise' in sample ? noGrad(() => this.rsampleLog(sample)) : this.#logOf(sample);
    const tilted = sub(this.logits, mul(logZ, this.temperature));
    const rows = sub(sum(sub(tilted, logZ), -1), mul(logSumExp(tilted), this.n));
    return add(rows, add(this.#logTemperature(this.n - 1), logFactorial(this.n - 1)));
  }

  /**
   * d log p(z) / d logits with z held, [..., n]: 1 - n softmax_k(logits - lambda log z) = 1 - n softmax_k(-G). Each component lies
   * in (1 - n, 1); the mean is 0 and the variance (n - 1) / (n + 1), whatever the logits and the temperature. A constant: it takes no gradient.
   */
  score(sample: ConcreteSample): Tensor {
    return noGrad(() => {
      const minusG = 'noise' in sample ? neg(sample.noise) : sub(this.logits, mul(this.#logOf(sample), this.temperature));
      return sub(1, mul(softmax(minusG), this.n));
    });
  }

  /** Entropy in nats of the categorical distribution softmax(logits), [...]; at most log n. */
  entropy(): Tensor {
    return categoricalEntropy(this.logits);
  }

  #logOf(sample: { readonly z: Tensor } | { readonly logZ: Tensor }): Tensor {
    const given = 'logZ' in sample ? sample.logZ : sample.z;
    if (given.shape.at(-1) !== this.n) {
      throw new ShapeError(
        `RelaxedOneHotCategorical: sample ${showShape(given.shape)} needs ${this.n} categories on the last axis`,
      );
    }
    if ('logZ' in sample) return sample.logZ;
    if (given.device.checked) {
      checkRows(
        'RelaxedOneHotCategorical: a coordinate of row {row} of z is not above 0 (it has underflowed), and its logarithm not finite; ' +
          'give the sample as { logZ } (rsampleLog) or as { noise }',
        () => neg(max(neg(greater(reshape(given, [-1, this.n]), 0)), 1)),
      );
    }
    return log(given);
  }

  #logTemperature(times: number): Operand {
    const t = this.temperature;
    return t instanceof Tensor ? mul(sum(log(t)), times) : this.logits.device.scalar(times * Math.log(t));
  }
}

/** log n!, for the normaliser log (n-1)! of the density. */
function logFactorial(n: number): number {
  let total = 0;
  for (let i = 2; i <= n; i++) total += Math.log(i);
  return total;
}
