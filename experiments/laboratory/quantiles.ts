/** @file Quantiles of figures over random instances. */
import { OptionError } from 'reparam';

export interface Quantiles {
  readonly n: number;
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

/** The p-quantile by linear interpolation between order statistics, p in [0, 1] (Hyndman and Fan's type 7, NumPy's default). */
export function quantile(values: readonly number[], p: number): number {
  if (values.length === 0 || values.some(Number.isNaN))
    throw new OptionError(`quantile: ${values.length} values, NaN among them or none at all`);
  const sorted = [...values].sort((a, b) => a - b);
  const at = p * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (at - below) * (sorted[above]! - sorted[below]!);
}

/** Median, and the bounds between which 80 % of the instances lie. */
export function quantiles(values: readonly number[]): Quantiles {
  return { n: values.length, low: quantile(values, 0.1), median: quantile(values, 0.5), high: quantile(values, 0.9) };
}

/** 0.22 (0.05 to 0.61). */
export function showQuantiles({ low, median, high }: Quantiles, digits = 2): string {
  return `${median.toFixed(digits)} (${low.toFixed(digits)} to ${high.toFixed(digits)})`;
}
