/** @file A claimed gradient against differences, derivative by derivative: right, wrong, hidden by rounding, or not judged. */
import { foldIn, type Key, normals } from '../core/random.ts';
import { axis, type Direction, type Evaluate, largest, type Line, randomDirection, unitOf } from './difference.ts';
import { NOISE_STEPS, noiseOfEach, NOISY } from './noise.ts';
import { SHARP, type Slope, slopeAlong } from './slope.ts';
import type { OrderCount } from './tally.ts';

/** A function at a point, and the gradient that is claimed for its contraction with the cotangents. */
export interface Claim {
  readonly evaluate: Evaluate;
  readonly point: readonly Float64Array[];
  readonly centre: readonly Float64Array[];
  readonly cotangents: readonly Float64Array[];
  readonly gradient: readonly Float64Array[];
  readonly noise: Noise;
  /** The gradient near the point, `step` along a line of the check's own: its scatter is the gradient's own rounding. */
  readonly gradientNear: (step: number) => Promise<readonly Float64Array[]>;
  readonly store?: Line['store'];
}

/** How thoroughly to compare, and what with. */
export interface Comparison {
  /** Largest |analytic - numeric| / max(|analytic|, |numeric|), beside the uncertainty of both. */
  readonly tolerance: number;
  /** Up to this many elements every one is varied; beyond, random lines. */
  readonly jacobianLimit: number;
  /** Random lines for each band of magnitudes. */
  readonly directions: number;
  /** Draws the lines. */
  readonly key: Key;
}

/** What was found for one derivative. */
export interface Judgement extends Slope {
  readonly outcome: 'right' | 'wrong' | 'hidden' | 'non-smooth';
  /** What the analytic derivative's own rounding may be; 0 where it did not matter. */
  readonly analyticUncertainty: number;
  /** |analytic - numeric| over max(|analytic|, |numeric|, 0.01 max |gradient|, uncertainty / tolerance). */
  readonly relativeError: number;
  readonly direction: Direction;
}

/** What a comparison found. */
export interface Findings {
  /** The first derivative that is wrong: no others were judged. */
  readonly wrong?: Judgement;
  /** One that could not be judged. */
  readonly unjudged?: Judgement;
  /** The largest uncertainty of a derivative that was found right, relative to it: smaller faults would not have been seen. */
  readonly resolution: number;
}

/** The noise of a function's outputs beyond float64 rounding. */
export interface Noise {
  readonly outputs: readonly Float64Array[];
  /** The largest, as a share of the output. */
  readonly relative: number;
}

/** Relative uncertainty up to which a derivative counts as known; of a noisy function less can be asked. */
const KNOWN = 1e-3;
const KNOWN_OF_NOISY = 0.1;
/** Uncertainty, as a share of the largest derivative or of the function, below which an unknown derivative is only hidden by rounding. */
const HIDDEN = 1e-10;
const HIDDEN_IN_NOISE = 1e3;
/** How many single elements are tried to name the culprit after a random line has found a fault. */
const SEARCH_LIMIT = 4096;
/** Elements whose derivatives differ by more than this do not share a random line: the small ones would vanish in the sum. */
const BAND = 1e-4;
const BANDS = 3;
/** Inputs below this are small beside the usual step. */
const SMALL = 2 ** -6;
/** How far the two places are where noise is measured, in units of their points' spacing. */
const SIDE = 9;
/** Between the points from which noise is read, relative to max(1, |x|). */
const NOISE_SPACING = 2 ** -18;
/** The gradient's scatter is read between points so far apart, relative to max(1, |x|). */
export const NEAR: number = 2 ** -33;

/**
 * Measures the noise of a function on a random line through the point, on either side of it: a kink at the point looks like noise to
 * differences across it, but noise is on both sides. Where inputs are far below 1 it is measured again between points that are as close as
 * they are small, for what looks like noise from afar may be the function itself.
 */
export async function measureNoise(subject: Pick<Claim, 'evaluate' | 'point' | 'store'>, key: Key): Promise<Noise> {
  const small = subject.point.some((x) => x.some((v) => v !== 0 && Math.abs(v) < SMALL));
  const coarse = await noiseAt(subject, key, unitOf);
  const fine = small ? await noiseAt(subject, key, (x) => (x === 0 ? 1 : Math.min(unitOf(x), Math.abs(x)))) : undefined;
  const outputs = coarse.deviations.map((s, k) =>
    s.map((deviation, j) => (fine?.moved[k]![j] ? Math.min(deviation, fine.deviations[k]![j]!) : deviation)),
  );
  let relative = 0;
  outputs.forEach((s, k) => {
    s.forEach((deviation, j) => {
      const size = (fine?.moved[k]![j] ? fine : coarse).sizes[k]![j]!;
      // Subnormal numbers have fewer digits, which outputNoise knows.
      if (size > 2 ** -1000 && Number.isFinite(size)) relative = Math.max(relative, deviation / size);
    });
  });
  return { outputs, relative };
}

async function noiseAt(
  { evaluate, point, store }: Pick<Claim, 'evaluate' | 'point' | 'store'>,
  key: Key,
  unit: (x: number) => number,
): Promise<{ deviations: Float64Array[]; sizes: Float64Array[]; moved: Uint8Array[] }> {
  let part = 0;
  const { displacement } = randomDirection(point, (length) => normals(foldIn(key, part++), length));
  const near = async (t: number): Promise<readonly Float64Array[]> => {
    const exact = point.map((x, k) => x.map((v, j) => v + ((t * displacement[k]![j]!) / unitOf(v)) * unit(v)));
    return evaluate(store ? store(exact) : exact);
  };
  const sides: Float64Array[][] = [];
  const all: (readonly Float64Array[])[] = [];
  for (const centre of [-SIDE, SIDE]) {
    const rows: (readonly Float64Array[])[] = [];
    for (const i of NOISE_STEPS) rows.push(await near((centre + i) * NOISE_SPACING));
    sides.push(noiseOfEach(rows));
    for (const row of rows) all.push(row);
  }
  const [left, right] = sides as [Float64Array[], Float64Array[]];
  return {
    deviations: left.map((s, k) => s.map((deviation, j) => Math.min(deviation, right[k]![j]!))),
    sizes: left.map((s, k) => s.map((_, j) => all.reduce((most, row) => Math.max(most, Math.abs(row[k]![j]!)), 0))),
    moved: left.map((s, k) => Uint8Array.from(s, (_, j) => Number(all.some((row) => row[k]![j] !== all[0]![k]![j])))),
  };
}

/** Judges every derivative, or random lines through all of them, up to the first that is wrong. */
export async function compare(claim: Claim, settings: Comparison, count: OrderCount): Promise<Findings> {
  const judge = judgeOf(claim, settings.tolerance);
  const { point } = claim;
  const axes = function* (): Generator<Direction> {
    for (const [input, x] of point.entries()) for (let i = 0; i < x.length; i++) yield axis(point, input, i);
  };
  const total = point.reduce((n, x) => n + x.length, 0);
  let unjudged: Judgement | undefined;
  let resolution = 0;
  for (const direction of total <= settings.jacobianLimit ? axes() : randomLines(claim, settings)) {
    const found = await judge(direction);
    count.derivatives++;
    if (found.outcome === 'wrong') {
      const culprit = direction.coordinate ? undefined : await firstWrong(axes(), judge);
      return { wrong: culprit ?? found, resolution };
    }
    if (found.outcome === 'right') {
      count.worst = Math.max(count.worst, found.relativeError);
      const scale = Math.max(Math.abs(found.analytic), Math.abs(found.numeric));
      const relative = (found.uncertainty + found.analyticUncertainty) / scale;
      // At a stationary point there is nothing that an uncertainty could be relative to.
      if (relative <= KNOWN_OF_NOISY) resolution = Math.max(resolution, settings.tolerance, relative);
    } else if (found.outcome === 'hidden') count.hidden++;
    else count.nonSmooth++;
    if (found.outcome !== 'right' && (unjudged?.outcome ?? 'hidden') === 'hidden' && unjudged?.outcome !== found.outcome)
      unjudged = found;
  }
  return unjudged ? { unjudged, resolution } : { resolution };
}

/** How single derivatives of a claim are judged. */
export function judgeOf(claim: Claim, tolerance: number): (direction: Direction) => Promise<Judgement> {
  const { noise, gradient, point } = claim;
  const steepest = largest(gradient);
  const noisy = noise.relative > NOISY;
  const known = noisy ? KNOWN_OF_NOISY : KNOWN;
  const hidden = Math.max(HIDDEN, noisy ? HIDDEN_IN_NOISE * noise.relative : 0);
  const size = sizeOf(claim);
  let scatter: Promise<readonly Float64Array[]> | undefined;
  return async (direction) => {
    const line: Line = { ...claim, direction, noise: noise.outputs };
    const slope = await slopeAlong(line, Math.max(noise.relative, 2 ** -53), known);
    const { analytic, numeric } = slope;
    const { coordinate } = direction;
    const unit = coordinate ? unitOf(point[coordinate.input]![coordinate.element]!) : 1;
    const reach = coordinate ? steepest : along(gradient, direction);
    const natural = Math.max(reach, size / unit, slope.variation);
    const difference = Math.abs(analytic - numeric);
    const verdict = (own: number): Judgement['outcome'] => {
      const uncertainty = slope.uncertainty + own;
      const scale = Math.max(Number.isFinite(analytic) ? Math.abs(analytic) : 0, Math.abs(numeric));
      if (!Number.isFinite(numeric) || Number.isNaN(uncertainty)) return 'non-smooth';
      // Where the gradient is NaN all comparisons are false, and it ends as wrong.
      const agrees = analytic === numeric || difference <= tolerance * scale + uncertainty;
      if (!agrees && !(slope.uncertainty > scale / 4)) return 'wrong';
      if (agrees && uncertainty <= known * scale) return 'right';
      // Nothing was claimed to move, and nothing did, or as little as at a stationary point.
      if (agrees && analytic === 0 && slope.uncertainty <= (slope.variation === 0 ? Infinity : SHARP * slope.variation))
        return 'right';
      return agrees && (slope.uncertainty <= hidden * natural || slope.uncertainty <= own) ? 'hidden' : 'non-smooth';
    };
    let own = 0;
    let outcome = verdict(0);
    if (outcome === 'wrong' && Number.isFinite(analytic)) {
      // The analytic derivative has rounding of its own: terms that cancel leave a rest, and it may be computed in float32.
      scatter ??= analyticNoise(claim);
      own = ownRounding(await scatter, direction);
      outcome = verdict(own);
    }
    const scale = Math.max(Math.abs(analytic), Math.abs(numeric), 0.01 * reach, (slope.uncertainty + own) / tolerance);
    return { ...slope, outcome, analyticUncertainty: own, relativeError: difference === 0 ? 0 : difference / scale, direction };
  };
}

/** The function's size, as far as it is finite. */
function sizeOf({ centre, cotangents }: Claim): number {
  let size = 0;
  centre.forEach((y, k) => {
    y.forEach((v, j) => {
      if (Number.isFinite(v)) size += Math.abs(v * cotangents[k]![j]!);
    });
  });
  return size;
}

/** sum |g| |v|: what the derivative along a line would be if nothing cancelled. */
function along(gradient: readonly Float64Array[], { displacement }: Direction): number {
  let sum = 0;
  gradient.forEach((g, k) => {
    for (let i = 0; i < g.length; i++) sum += Math.abs(g[i]! * displacement[k]![i]!) || 0;
  });
  return sum;
}

async function analyticNoise({ gradientNear }: Claim): Promise<readonly Float64Array[]> {
  const rows: (readonly Float64Array[])[] = [];
  for (const i of NOISE_STEPS) rows.push(await gradientNear(i * NEAR));
  return noiseOfEach(rows);
}

function ownRounding(scatter: readonly Float64Array[], { displacement, coordinate }: Direction): number {
  const most = largest(scatter);
  if (coordinate) return 64 * scatter[coordinate.input]![coordinate.element]! + 8 * most;
  let sum = 0;
  scatter.forEach((s, k) => {
    for (let i = 0; i < s.length; i++) sum += (64 * s[i]! + 8 * most) * Math.abs(displacement[k]![i]!);
  });
  return sum;
}

async function firstWrong(
  axes: Iterable<Direction>,
  judge: (direction: Direction) => Promise<Judgement>,
): Promise<Judgement | undefined> {
  let tried = 0;
  for (const direction of axes) {
    if (++tried > SEARCH_LIMIT) return undefined;
    const found = await judge(direction);
    if (found.outcome === 'wrong') return found;
  }
  return undefined;
}

/** Random lines, each through elements whose claimed derivatives are of like magnitude. */
function* randomLines({ point, gradient }: Claim, { directions, key }: Comparison): Generator<Direction> {
  const weight = (k: number, i: number): number => Math.abs(gradient[k]![i]!) * unitOf(point[k]![i]!);
  let top = 0;
  gradient.forEach((g, k) => g.forEach((_, i) => (top = Math.max(top, weight(k, i) || 0))));
  const bandOf = (k: number, i: number): number => {
    const w = weight(k, i);
    let band = 0;
    while (band < BANDS - 1 && w < BAND ** (band + 1) * top) band++;
    return band;
  };
  const bands = new Set(gradient.flatMap((g, k) => Array.from(g, (_, i) => bandOf(k, i))));
  for (let band = 0; band < BANDS; band++) {
    if (!bands.has(band)) continue;
    for (let i = 0; i < directions; i++) {
      let part = 0;
      const line = foldIn(key, band * directions + i);
      yield randomDirection(
        point,
        (length) => normals(foldIn(line, part++), length),
        (k, j) => bandOf(k, j) === band,
      );
    }
  }
}
