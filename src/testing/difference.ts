/**
 * @file Central differences in float64, with exact steps, Richardson extrapolation and an estimate of their own error.
 *
 * E(h) = h^2 |f'''| / 6 + k u |f| / h with u = 2^-53; at h = 6e-6, near the optimum u^(1/3), both terms are about 1e-11.
 */

/** Values of every output at a point; a point is one flat array per input. */
export type Evaluate = (point: readonly Float64Array[]) => Promise<readonly Float64Array[]>;

/** A line through the point: the displacement of every input element per unit step. */
export interface Direction {
  readonly displacement: readonly Float64Array[];
  /** Set where the line is one coordinate's axis. */
  readonly coordinate?: { readonly input: number; readonly element: number };
}

export interface Derivative {
  /** The extrapolated numeric derivative, contracted with the cotangents. */
  readonly numeric: number;
  /** The analytic one along the same displacements. */
  readonly analytic: number;
  /** How much the differences at h/2, h and 2h disagree. */
  readonly spread: number;
  /**
   * How much the slope changes at the point itself. A central difference cannot see a kink that it straddles evenly (|x| at 0
   * gives 0 at every h); the slopes on either side can: they differ by h f'' for a smooth function, by a constant at a kink.
   */
  readonly jump: number;
  /** What rounding in the function's value may add: k u |f| / h, with a tenth of the largest input added to |f|. */
  readonly noise: number;
}

/** u^(1/3), where truncation and rounding are equal for a function of order 1. */
export const STEP: number = 6e-6;

const UNIT_ROUNDOFF = 2 ** -53;
/** How many of those one evaluation of f may be off by: the k of k u |f| / h, for both evaluations together. */
const ROUNDINGS = 16;

/**
 * The derivative of sum_k <cotangents_k, f_k> along a direction, and the same from `gradient`; `centre` is f at the point. Both are taken along the
 * displacement x+ - x- that rounding really made, so the step is exact.
 */
export async function differentiate(
  evaluate: Evaluate,
  point: readonly Float64Array[],
  centre: readonly Float64Array[],
  direction: Direction,
  cotangents: readonly Float64Array[],
  gradient: readonly Float64Array[],
): Promise<Derivative> {
  const at = (h: number): Promise<Difference> => centralDifference(evaluate, point, centre, direction, h, cotangents, gradient);
  const [half, whole, double] = [await at(STEP / 2), await at(STEP), await at(STEP * 2)];
  // Extrapolating both sides alike keeps them derivatives along the same displacement.
  return {
    numeric: (4 * half.numeric - whole.numeric) / 3,
    analytic: (4 * half.analytic - whole.analytic) / 3,
    spread: worst(Math.abs(whole.numeric - half.numeric), Math.abs(double.numeric - whole.numeric)),
    jump: Math.abs(2 * half.bend - whole.bend),
    noise: half.noise,
  };
}

interface Difference {
  readonly numeric: number;
  readonly analytic: number;
  /** Slope above the point minus slope below it: h f'' where f is smooth. */
  readonly bend: number;
  readonly noise: number;
}

/** (f(x+) - f(x-)) / |x+ - x-|, contracted after the subtraction so that outputs that did not move add no rounding. */
async function centralDifference(
  evaluate: Evaluate,
  point: readonly Float64Array[],
  centre: readonly Float64Array[],
  direction: Direction,
  h: number,
  cotangents: readonly Float64Array[],
  gradient: readonly Float64Array[],
): Promise<Difference> {
  const above = point.map((x, k) => displaced(x, direction.displacement[k]!, h));
  const below = point.map((x, k) => displaced(x, direction.displacement[k]!, -h));
  const moved = above.map((x, k) => x.map((v, i) => v - below[k]![i]!));
  const { coordinate } = direction;
  const length = coordinate ? moved[coordinate.input]![coordinate.element]! : 2 * h;
  const up = await evaluate(above);
  const down = await evaluate(below);
  let change = 0;
  let bend = 0;
  // Terms of the inputs' size that cancel (a gradient that is 0 because a row has one element) leave their rounding behind.
  let size = 0.1 * largest(point);
  cotangents.forEach((w, k) => {
    const p = up[k]!;
    const q = down[k]!;
    for (let j = 0; j < w.length; j++) {
      const d = p[j]! - q[j]!;
      if (d === 0 && p[j] === centre[k]![j]) continue;
      change += w[j]! * d;
      bend += w[j]! * (p[j]! - centre[k]![j]! - (centre[k]![j]! - q[j]!));
      size += Math.abs(w[j]!) * Math.max(Math.abs(p[j]!), Math.abs(q[j]!));
    }
  });
  let along = 0;
  gradient.forEach((g, k) => {
    for (let i = 0; i < g.length; i++) if (moved[k]![i] !== 0) along += g[i]! * moved[k]![i]!;
  });
  return {
    numeric: change / length,
    analytic: along / length,
    bend: (2 * bend) / length,
    noise: (ROUNDINGS * UNIT_ROUNDOFF * size) / Math.abs(length),
  };
}

/** The largest absolute value of any element. */
export function largest(arrays: readonly Float64Array[]): number {
  return arrays.reduce((m, x) => x.reduce((n, v) => Math.max(n, Math.abs(v)), m), 0);
}

function displaced(x: Float64Array, v: Float64Array, h: number): Float64Array {
  return x.map((value, i) => value + h * v[i]!);
}

/** Math.max, with NaN as the worst of all. */
function worst(a: number, b: number): number {
  return Number.isNaN(a) || Number.isNaN(b) ? Infinity : Math.max(a, b);
}

/** The axis of one element; its step is h max(1, |x|). */
export function axis(point: readonly Float64Array[], input: number, element: number): Direction {
  const displacement = point.map((x) => new Float64Array(x.length));
  displacement[input]![element] = Math.max(1, Math.abs(point[input]![element]!));
  return { displacement, coordinate: { input, element } };
}

/** A random line through all inputs: v ~ N(0, 1), scaled by max(1, |x|). */
export function randomDirection(point: readonly Float64Array[], normals: (length: number) => Float64Array): Direction {
  return {
    displacement: point.map((x) => {
      const v = normals(x.length);
      return v.map((value, i) => value * Math.max(1, Math.abs(x[i]!)));
    }),
  };
}
