/**
 * @file How noisy a function is, from its values at nearby points: what a cubic through them does not explain. Between close points a smooth
 * function is a cubic to the last digit, and noise is none (R. W. Hamming's tables of differences; J. J. Moré and S. M. Wild, "Estimating
 * computational noise", SIAM J. Sci. Comput. 33, 2011). The points are not equally spaced, for a saw-tooth, which is what hashes and rounded inputs
 * make, may look straight at equal spaces.
 */
import { largestOf, lengthOf } from '../contract/extremes.ts';

/** Relative noise above which a function is not one of float64 arithmetic. */
export const NOISY: number = 1e-13;

/** Where a function is read, in steps from the centre. */
export const NOISE_STEPS: readonly number[] = [-4.17, -3.02, -2.31, -0.89, 0.13, 0.94, 2.22, 2.79, 4.06];

/** A measure of noise for values at these points. */
export function noiseAt(steps: readonly number[]): (values: readonly number[]) => number {
  const basis: number[][] = [];
  for (let degree = 0; degree <= 3; degree++) {
    const column = rest(
      steps.map((t) => t ** degree),
      basis,
    );
    const length = lengthOf(column);
    basis.push(column.map((v) => v / length));
  }
  const freedom = Math.sqrt(steps.length - basis.length);
  return (values) => {
    const first = values[0]!;
    const moved = values.map((v) => v - first);
    // Scaled, for the square of a number may leave the range of float64.
    const size = largestOf(moved.map(Math.abs));
    if (size === 0 || !Number.isFinite(size)) return 0;
    const residual = rest(
      moved.map((v) => v / size),
      basis,
    );
    return (size * lengthOf(residual)) / freedom;
  };
}

/** What is left of values without their part along the basis. */
function rest(values: readonly number[], basis: readonly (readonly number[])[]): number[] {
  let left = [...values];
  for (const q of basis) {
    const along = q.reduce((sum, v, i) => sum + v * left[i]!, 0);
    left = left.map((v, i) => v - along * q[i]!);
  }
  return left;
}

/** Standard deviation of the noise in values at NOISE_STEPS; 0 where they do not tell (an infinity, a NaN). */
const noiseOf = noiseAt(NOISE_STEPS);

/** Noise of every element of arrays that were read at NOISE_STEPS. */
export function noiseOfEach(rows: readonly (readonly Float64Array[])[]): Float64Array[] {
  return rows[0]!.map((first, k) => first.map((_, i) => noiseOf(rows.map((row) => row[k]![i]!))));
}
