/** @file Quantiles of a measure over draws, in a line and in a table's row. */
import { show } from '../report.ts';

/** The levels that are told. */
export const LEVELS = [0.05, 0.25, 0.5, 0.75, 0.95] as const;

/** The quantile at a level, interpolated between order statistics (Hyndman and Fan's type 7). NaN of no values. */
export function quantile(values: readonly number[], level: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = level * (sorted.length - 1);
  const below = sorted[Math.floor(at)];
  const above = sorted[Math.ceil(at)];
  return below === undefined || above === undefined ? NaN : below + (at - Math.floor(at)) * (above - below);
}

/** The median with the quartiles, as '0.72 [0.67, 0.77]'. */
export function medianText(values: readonly number[], digits = 2): string {
  return `${show(quantile(values, 0.5), digits)} [${show(quantile(values, 0.25), digits)}, ${show(quantile(values, 0.75), digits)}]`;
}
