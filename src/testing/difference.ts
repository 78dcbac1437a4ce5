/**
 * @file Central differences along a line, with exact steps, Richardson extrapolation and an estimate of their own error.
 *
 * E(h) = h^4 |f'''''| / 120 (extrapolated) + k u |f| / h with u = 2^-53. At h = 2^-17, near the optimum u^(1/3) of the plain difference, both
 * are about 1e-11 where f, its derivatives and x are of size 1; `slope.ts` looks for the step where they are not.
 */
import { largestOf } from '../contract/extremes.ts';

/** Values of every output at a point; a point is one flat array per input. */
export type Evaluate = (point: readonly Float64Array[]) => Promise<readonly Float64Array[]>;

/** A line through the point: the displacement of every input element per unit step. */
export interface Direction {
  readonly displacement: readonly Float64Array[];
  /** Set where the line is one coordinate's axis. */
  readonly coordinate?: { readonly input: number; readonly element: number };
}

/** A function on a line, and what is claimed of its derivative there. */
export interface Line {
  readonly evaluate: Evaluate;
  readonly point: readonly Float64Array[];
  /** The function's values at the point. */
  readonly centre: readonly Float64Array[];
  readonly direction: Direction;
  /** Outputs are contracted with these. */
  readonly cotangents: readonly Float64Array[];
  /** The claim: the gradient of the contraction. */
  readonly gradient: readonly Float64Array[];
  /** Standard deviation of each output's noise beyond float64 rounding (noise.ts). */
  readonly noise: readonly Float64Array[];
  /** What the inputs' storage makes of a point, where it is not float64: steps are measured after it. */
  readonly store?: ((point: readonly Float64Array[]) => readonly Float64Array[]) | undefined;
}

/** The derivative at one step size h, from differences at h/2, h and 2h. */
export interface Estimate {
  /** The extrapolated numeric derivative, contracted with the cotangents. */
  readonly numeric: number;
  /** The analytic one along the same displacements. */
  readonly analytic: number;
  /**
   * What truncation, a kink or a jump may add: how far the two extrapolations at h and 2h are apart, and how much the slope changes at the
   * point itself. A central difference cannot see a kink that it straddles evenly (|x| at 0 gives 0 at every h); the slopes on either side
   * can: they differ by h f'' for a smooth function, by a constant at a kink.
   */
  readonly truncation: number;
  /** What rounding and noise in the function's values may add. */
  readonly rounding: number;
  /** How fast the contraction moves on the line, whichever way: the largest |change| / step. */
  readonly variation: number;
  readonly step: number;
  /** No output moved, at any of the steps. */
  readonly still: boolean;
}

/** u^(1/3), where truncation and rounding are equal for a function of order 1; a power of two, so that steps are exact. */
export const STEP: number = 2 ** -17;

const UNIT_ROUNDOFF = 2 ** -53;
/** How many of those one evaluation of f may be off by: the k of k u |f| / h, for both evaluations together. */
const ROUNDINGS = 16;
/** Standard deviations of measured noise that are allowed for. */
const DEVIATIONS = 8;
/** Between subnormal numbers rounding is absolute. */
const SMALLEST = 2 ** -1074;

/** What one output may be off by. */
export function outputNoise(value: number, deviation: number): number {
  return ROUNDINGS * UNIT_ROUNDOFF * Math.abs(value) + DEVIATIONS * deviation + 4 * SMALLEST;
}

/** f(x+) and f(x-), contracted after subtractions so that outputs that did not move add no rounding. */
export interface Pair {
  /** sum w (f(x+) - f(x-)). */
  readonly change: number;
  /** sum w (f(x+) - 2 f(x) + f(x-)). */
  readonly bend: number;
  /** The analytic change. */
  readonly along: number;
  /** |x+ - x-|, in units of the displacement on a random line and of x on an axis. */
  readonly length: number;
  /** What noise may have added to the change. */
  readonly noise: number;
  readonly moved: boolean;
}

/** Pairs of values on a line, each computed once. */
export class Samples {
  readonly line: Line;
  readonly #pairs = new Map<number, Promise<Pair>>();

  constructor(line: Line) {
    this.line = line;
  }

  at(step: number): Promise<Pair> {
    let pair = this.#pairs.get(step);
    if (!pair) {
      pair = this.#measure(step);
      this.#pairs.set(step, pair);
    }
    return pair;
  }

  async #measure(step: number): Promise<Pair> {
    const { line } = this;
    const above = displaced(line, step);
    const below = displaced(line, -step);
    const up = await line.evaluate(above);
    const down = await line.evaluate(below);
    let [change, bend, noise, moved] = [0, 0, 0, false];
    line.cotangents.forEach((w, k) => {
      const [p, q, c] = [up[k]!, down[k]!, line.centre[k]!];
      for (let j = 0; j < w.length; j++) {
        // What stands still adds nothing, not even if it stands at infinity, where its difference would be NaN.
        if (p[j] === q[j] && p[j] === c[j]) continue;
        moved = true;
        change += w[j]! * (p[j]! - q[j]!);
        bend += w[j]! * (p[j]! - c[j]! - (c[j]! - q[j]!));
        noise += Math.abs(w[j]!) * outputNoise(Math.max(Math.abs(p[j]!), Math.abs(q[j]!)), line.noise[k]![j]!);
      }
    });
    let along = 0;
    line.gradient.forEach((g, k) => {
      for (let i = 0; i < g.length; i++) {
        const d = above[k]![i]! - below[k]![i]!;
        if (d !== 0) along += g[i]! * d;
      }
    });
    const { coordinate } = line.direction;
    const length = coordinate
      ? Math.abs(above[coordinate.input]![coordinate.element]! - below[coordinate.input]![coordinate.element]!)
      : 2 * step;
    return { change, bend, along, length, noise, moved };
  }
}

/** The derivative from differences at h/2, h and 2h. Both sides are extrapolated alike, so they stay derivatives along one displacement. */
export async function estimate(samples: Samples, h: number): Promise<Estimate> {
  const [half, whole, double] = [await samples.at(h / 2), await samples.at(h), await samples.at(2 * h)];
  const slope = (p: Pair): number => p.change / p.length;
  const bend = (p: Pair): number => (2 * p.bend) / p.length;
  const numeric = (4 * slope(half) - slope(whole)) / 3;
  const coarser = (4 * slope(whole) - slope(double)) / 3;
  // An output that stands still at small steps may only be rounded to the value that it leaves at larger ones.
  const noise = Math.max(half.noise, whole.noise, double.noise);
  return {
    numeric,
    analytic: (4 * (half.along / half.length) - whole.along / whole.length) / 3,
    truncation: Math.abs(numeric - coarser) + Math.abs(2 * bend(half) - bend(whole)),
    rounding: ((4 * noise) / half.length + noise / whole.length) / 3,
    variation: largestOf([half, whole, double].map((p) => Math.max(Math.abs(p.change), Math.abs(p.bend)) / p.length)),
    step: whole.length / 2,
    still: !(half.moved || whole.moved || double.moved),
  };
}

/** The largest absolute value of any element; NaN counts as none. */
export function largest(arrays: readonly Float64Array[]): number {
  return arrays.reduce((m, x) => x.reduce((n, v) => (Math.abs(v) > n ? Math.abs(v) : n), m), 0);
}

function displaced({ point, direction, store }: Line, step: number): readonly Float64Array[] {
  const exact = point.map((x, k) => x.map((value, i) => value + step * direction.displacement[k]![i]!));
  return store ? store(exact) : exact;
}

/** The unit of one element's steps: 1, or the power of two at or below |x| where that is larger. */
export function unitOf(x: number): number {
  const size = Math.abs(x);
  return size > 1 && Number.isFinite(size) ? 2 ** Math.floor(Math.log2(size)) : 1;
}

/** The axis of one element. */
export function axis(point: readonly Float64Array[], input: number, element: number): Direction {
  const displacement = point.map((x) => new Float64Array(x.length));
  displacement[input]![element] = unitOf(point[input]![element]!);
  return { displacement, coordinate: { input, element } };
}

/** A random line through the elements for which `takes` holds: v ~ N(0, 1), in units of each element's steps. */
export function randomDirection(
  point: readonly Float64Array[],
  normals: (length: number) => Float64Array,
  takes: (input: number, element: number) => boolean = () => true,
): Direction {
  return {
    displacement: point.map((x, k) => {
      const v = normals(x.length);
      return v.map((value, i) => (takes(k, i) ? value * unitOf(x[i]!) : 0));
    }),
  };
}
