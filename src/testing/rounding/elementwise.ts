/** @file How one element of an elementwise primitive passes on and adds rounding errors, in units of float32's u = 2^-24. */

/** The bound of a result: from the operands' values x, their bounds e and the result y. */
export type ElementwiseRounding = (x: readonly number[], e: readonly number[], y: number) => number;

/** Wrong by a whole unit, in units of u: what a comparison is where its operands' errors could turn it over. */
const FLIPPED = 2 ** 24;
/** In units of u, what a device may lose that flushes results below the smallest normal number, 2^-126, to zero. */
export const FLUSHED: number = 2 ** -102;
/** Comparisons are trusted if their operands differ by more than this many times their bounds. */
const MARGIN = 64 * 2 ** -24;

/** bound(x) |slope|, where nothing is passed on at a pole if there is nothing to pass on. */
export function through(slope: number, e: number): number {
  return e === 0 ? 0 : Math.abs(slope) * e;
}

/** A smooth operation whose result is rounded: `slopes` are its derivatives by each operand, at x with the result y. */
export function roundedOnce(slopes: (x: readonly number[], y: number) => readonly number[]): ElementwiseRounding {
  return (x, e, y) => slopes(x, y).reduce((bound, slope, i) => bound + through(slope, e[i]!), 0) + Math.abs(y) + FLUSHED;
}

/** A comparison of two numbers with the given bounds is right unless they are too close. */
export function comparison(difference: number, e: number): number {
  return e > 0 && Math.abs(difference) <= MARGIN * e ? FLIPPED : 0;
}
