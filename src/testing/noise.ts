/**
 * @file How noisy a function is, from differences of its values at equispaced points (R. W. Hamming's table; J. J. More and S. M. Wild,
 * "Estimating computational noise", SIAM J. Sci. Comput. 33, 2011): differences of order 4 and more leave of a smooth function nothing, and
 * of noise of deviation s the deviation s sqrt((2k)! / (k!)^2).
 */

/** Points of one estimate, the centre among them. */
export const NOISE_POINTS = 9;

/** Relative noise above which a function is not one of float64 arithmetic. */
export const NOISY: number = 1e-13;

/** (k!)^2 / (2k)!, for k = 4, 5, 6. */
const GAMMA: ReadonlyMap<number, number> = new Map([
  [4, 1 / 70],
  [5, 1 / 252],
  [6, 1 / 924],
]);

/** Standard deviation of the noise in values at equispaced points; 0 where they do not tell (an infinity, a NaN). */
export function noiseOf(values: readonly number[]): number {
  let table = [...values];
  let most = 0;
  for (let k = 1; k <= 6; k++) {
    table = table.slice(1).map((v, i) => v - table[i]!);
    const gamma = GAMMA.get(k);
    if (gamma === undefined) continue;
    // Scaled, for the square of a difference may leave the range of float64.
    const size = Math.max(...table.map(Math.abs));
    if (size === 0 || !Number.isFinite(size)) continue;
    const mean = table.reduce((sum, v) => sum + (v / size) ** 2, 0) / table.length;
    most = Math.max(most, size * Math.sqrt(gamma * mean));
  }
  return most;
}

/** Noise of every element of arrays that were read at equispaced points of a line. */
export function noiseOfEach(rows: readonly (readonly Float64Array[])[]): Float64Array[] {
  return rows[0]!.map((first, k) => first.map((_, i) => noiseOf(rows.map((row) => row[k]![i]!))));
}

/** The points' positions, in steps from the centre: -4 to 4. */
export const NOISE_STEPS: readonly number[] = Array.from({ length: NOISE_POINTS }, (_, i) => i - (NOISE_POINTS - 1) / 2);
