/** @file The arithmetic of a benchmark: medians, quartiles, paired ratios, and the exponent of a power law. */

export interface Spread {
  readonly median: number;
  readonly lower: number;
  readonly upper: number;
  readonly min: number;
  readonly max: number;
  readonly count: number;
}

/** Linear interpolation between order statistics; q in [0, 1]. */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) throw new RangeError('quantile: no values');
  const sorted = [...values].sort((a, b) => a - b);
  const at = q * (sorted.length - 1);
  const low = sorted[Math.floor(at)]!;
  return low + (sorted[Math.ceil(at)]! - low) * (at - Math.floor(at));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Median, quartiles and extremes. */
export function spread(values: readonly number[]): Spread {
  return {
    median: median(values),
    lower: quantile(values, 0.25),
    upper: quantile(values, 0.75),
    min: Math.min(...values),
    max: Math.max(...values),
    count: values.length,
  };
}

/** Ratios theirs / ours of samples that were taken one after the other. */
export function pairedRatios(ours: readonly number[], theirs: readonly number[]): number[] {
  if (ours.length !== theirs.length)
    throw new RangeError(`pairedRatios: ${ours.length} samples of ours, ${theirs.length} of theirs`);
  return theirs.map((t, i) => t / ours[i]!);
}

/** b of y = a x^b, by least squares on logarithms. */
export function exponent(points: readonly (readonly [x: number, y: number])[]): number {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const);
  const mean = (k: 0 | 1): number => logs.reduce((sum, p) => sum + p[k], 0) / logs.length;
  const [mx, my] = [mean(0), mean(1)];
  const xx = logs.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
  if (!(xx > 0)) throw new RangeError('exponent: needs two different x');
  return logs.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0) / xx;
}

/** Intercept and slope of the line through two points: a cost that is fixed and one that grows with x. */
export function line([x0, y0]: readonly [number, number], [x1, y1]: readonly [number, number]): { fixed: number; each: number } {
  const each = (y1 - y0) / (x1 - x0);
  return { fixed: y0 - each * x0, each };
}

/** Whether two lists of norms are those of the same result, within what float32 sums in another order may differ. */
export function sameNorms(a: readonly number[], b: readonly number[], tolerance = 2e-3): boolean {
  return a.length === b.length && a.every((v, i) => Math.abs(v - b[i]!) <= tolerance * Math.max(Math.abs(v), Math.abs(b[i]!)));
}
