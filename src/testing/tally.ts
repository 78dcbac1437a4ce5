/** @file The count of a gradient check's three outcomes, over one check or many. */
import { ReparamError } from '../contract/errors.ts';

/** What was found for the derivatives of one order. */
export interface OrderCount {
  /** Derivatives compared: one per input element, or one per random direction. */
  derivatives: number;
  /** Of those, how many could not be judged: at a kink or a pole, or ill-conditioned. */
  nonSmooth: number;
  /**
   * Of those, how many are too small to be seen in the function's values: no difference contradicts them, and none could, for rounding
   * hides what is below 1e-10 of the largest derivative or of the function itself.
   */
  hidden: number;
  /** The largest |analytic - numeric| / scale among those that were judged. */
  worst: number;
}

/** Too many derivatives could not be judged for the rest to prove anything. */
export class NonSmoothError extends ReparamError {
  override name = 'NonSmoothError';
}

/** Largest share of derivatives that may be "non-smooth or ill-conditioned here". */
export const NON_SMOOTH_LIMIT: number = 0.01;

/**
 * Outcomes by order. Give one to many `checkGrads` calls (the runs of a property) and the limit on unjudged derivatives
 * applies to all of them together: call `check()` at the end.
 */
export class GradTally {
  readonly orders: OrderCount[] = [];

  /** Counts of an order, 1, 2 or 3. */
  at(order: number): OrderCount {
    while (this.orders.length < order) this.orders.push({ derivatives: 0, nonSmooth: 0, hidden: 0, worst: 0 });
    return this.orders[order - 1]!;
  }

  merge(other: GradTally): void {
    other.orders.forEach((count, i) => {
      const mine = this.at(i + 1);
      mine.derivatives += count.derivatives;
      mine.nonSmooth += count.nonSmooth;
      mine.hidden += count.hidden;
      mine.worst = Math.max(mine.worst, count.worst);
    });
  }

  get derivatives(): number {
    return this.orders.reduce((sum, o) => sum + o.derivatives, 0);
  }

  get nonSmooth(): number {
    return this.orders.reduce((sum, o) => sum + o.nonSmooth, 0);
  }

  get hidden(): number {
    return this.orders.reduce((sum, o) => sum + o.hidden, 0);
  }

  /** Fails if nothing was checked or judged, or if more than `limit` of the derivatives could not be judged. */
  check(name: string, limit: number = NON_SMOOTH_LIMIT): void {
    if (this.derivatives === 0) throw new NonSmoothError(`${name}: no derivative was checked`);
    if (this.nonSmooth + this.hidden === this.derivatives) {
      throw new NonSmoothError(
        `${name}: none of ${this.derivatives} derivatives could be judged; the function's values tell nothing of them here`,
      );
    }
    if (this.nonSmooth > limit * this.derivatives) {
      throw new NonSmoothError(
        `${name}: ${this.nonSmooth} of ${this.derivatives} derivatives were non-smooth or ill-conditioned where they were taken, ` +
          `more than ${100 * limit} %; choose inputs away from kinks, ties and poles (see the arbitraries of reparam/testing)`,
      );
    }
  }
}
