/**
 * @file The derivative along a line at the step that tells most: the usual one where that is precise enough, a larger one where rounding or
 * noise hides the derivative, a smaller one where the function is too curved for it.
 */
import { type Estimate, estimate, type Line, outputNoise, Samples, STEP } from './difference.ts';
import { noiseAt, NOISY } from './noise.ts';

export interface Slope {
  readonly numeric: number;
  readonly analytic: number;
  /** What the numeric derivative may be off by: truncation, kinks, rounding and noise. NaN where no step gave a number. */
  readonly uncertainty: number;
  /** How fast the function moves along the line, whichever way. */
  readonly variation: number;
  /** The step that was used, in units of x on an axis. */
  readonly step: number;
}

/** Each step of the ladder is so many times the one before. */
const RUNG = 4;
/** Of STEP = 2^-17: the largest difference is taken over 2^-2 of the element's unit on either side. */
const RUNGS = 7;
/** Below this relative uncertainty no better step is looked for. */
export const SHARP = 1e-6;
/** Steps at which a function that did not move is tried again: one that is rounded to coarse values moves there. */
const STRIDES: readonly number[] = [2 ** -8, 2 ** -4];

/**
 * Looks for the step. `noise` is the relative noise of the function, from which the first step is chosen; `limit` the relative uncertainty
 * up to which the derivative counts as known.
 */
export async function slopeAlong(line: Line, noise: number, limit: number): Promise<Slope> {
  const samples = new Samples(line);
  // The optimum of h^2 + noise / h, a rung lower.
  const rung = Math.min(RUNGS - 2, Math.max(0, Math.floor(Math.log(Math.cbrt(noise) / (8 * STEP)) / Math.log(RUNG))));
  const first = await estimate(samples, STEP * RUNG ** rung);
  if (first.still) return standing(samples, limit, rung);
  let best = first;
  const take = (e: Estimate): boolean => {
    if (!(total(e) < total(best) || Number.isNaN(total(best)))) return false;
    best = e;
    return true;
  };
  const climb = async (): Promise<void> => {
    for (let k = rung + 1, worse = 0; k <= RUNGS && worse < 2 && !precise(best, SHARP); k++) {
      worse = take(await estimate(samples, STEP * RUNG ** k)) ? 0 : worse + 1;
    }
  };
  const descend = async (): Promise<void> => {
    // What is noise between larger steps may be smooth between the smallest ones, but that slope is the noise's own.
    const [beside, down] = smallerSteps(line, STEP * RUNG ** rung);
    for (const steps of noise > NOISY ? [beside] : [beside, down]) {
      for (const h of steps) {
        if (total(best) <= SHARP * Math.abs(best.numeric)) return;
        const { noisy, quiet } = await estimatesAt(samples, h);
        if (quiet.still) break;
        // Where rounding leads, still smaller steps lose more; elsewhere the function may be smooth further in.
        if (!take(noisy) && quiet.rounding > quiet.truncation) break;
      }
      if (precise(best, limit)) return;
    }
  };
  // Beside a stationary point a small x has a small derivative, which small steps tell from none.
  const near = best.analytic !== 0 && total(best) > limit * Math.abs(best.numeric);
  if (precise(best, SHARP) && !(near && smallerSteps(line, STEP)[0].length > 0)) return slopeOf(best);
  if (precise(best, SHARP)) await descend();
  const hidden = first.rounding >= first.truncation;
  await (hidden ? climb() : descend());
  if (!precise(best, limit)) await (hidden ? descend() : climb());
  return slopeOf(best);
}

function total(e: Estimate): number {
  return e.truncation + e.rounding;
}

/**
 * Beside the numeric derivative, never beside the claim: a claim that is far too large would make any difference look precise. At a
 * stationary point there is no derivative to be small beside, but the function moves.
 */
function precise(e: Estimate, limit: number): boolean {
  return total(e) <= Math.max(limit * Math.abs(e.numeric), SHARP * e.variation);
}

function slopeOf(e: Estimate): Slope {
  return { numeric: e.numeric, analytic: e.analytic, uncertainty: total(e), variation: e.variation, step: e.step };
}

/** Below the first step: for a small x first those that are small beside it; then down to where |x| has no more digits, or to 2^-110. */
function smallerSteps({ point, direction }: Line, from: number): [number[], number[]] {
  const { coordinate } = direction;
  const x = coordinate ? Math.abs(point[coordinate.input]![coordinate.element]!) : 1;
  const beside = x > 0 && x < 2 ** -6 ? Array.from({ length: 8 }, (_, i) => x * 2 ** (-12 - 4 * i)) : [];
  const down: number[] = [];
  const least = Math.max(2 ** -110, 2 ** -44 * Math.min(1, x));
  for (let h = from / 16; h >= least; h /= h > 2 ** -45 ? 16 : 256) down.push(h);
  return [beside, down];
}

/** The estimate's own points and one more, on either side. */
const PAIRS: readonly number[] = [2, 1.37, 1, 0.5];
const noiseOfPairs = noiseAt([...PAIRS.map((t) => -t), 0, ...PAIRS.toReversed()]);

/** The estimate with noise as it is at this step, for what is noise between larger steps may be the function itself; and without any. */
async function estimatesAt(samples: Samples, h: number): Promise<{ readonly noisy: Estimate; readonly quiet: Estimate }> {
  const own = new Samples({ ...samples.line, noise: samples.line.noise.map((s) => new Float64Array(s.length)) });
  const quiet = await estimate(own, h);
  if (quiet.still) return { noisy: quiet, quiet };
  const pairs = PAIRS.map((step) => own.at(step * h));
  const below: number[] = [];
  const above: number[] = [];
  for (const p of pairs) {
    const { change, bend } = await p;
    below.push((bend - change) / 2);
    above.unshift((bend + change) / 2);
  }
  const noise = noiseOfPairs([...below, 0, ...above]);
  return { noisy: { ...quiet, rounding: quiet.rounding + (16 * noise) / (2 * quiet.step) }, quiet };
}

/** No output moved at the first step: the derivative is 0, unless the function is rounded so coarsely that it moves at larger ones alone. */
async function standing(samples: Samples, limit: number, rung: number): Promise<Slope> {
  let reach = 2 * STEP * RUNG ** rung;
  let moved = false;
  for (const step of STRIDES) {
    moved = (await samples.at(step)).moved;
    if (moved) break;
    reach = Math.max(reach, step);
  }
  let best: Estimate | undefined;
  for (let k = moved ? rung + 1 : Infinity; k <= RUNGS; k++) {
    const h = STEP * RUNG ** k;
    const e = await estimate(samples, h);
    if (e.still) continue;
    const { change, noise } = await samples.at(2 * h);
    // An estimate that disagrees with itself by more than rounding has crossed a kink that is none of the point's.
    if (!(total(e) <= Math.max(limit, 0.01) * Math.abs(e.numeric) || Math.abs(change) <= noise)) break;
    if (!best || total(e) < total(best)) best = e;
    if (precise(best, limit)) break;
  }
  if (best) return slopeOf(best);
  const { along, length } = await samples.at(reach);
  const { cotangents, centre, noise } = samples.line;
  let hidden = 0;
  cotangents.forEach((w, k) => {
    w.forEach((v, j) => {
      if (v !== 0) hidden += Math.abs(v) * outputNoise(centre[k]![j]!, noise[k]![j]!);
    });
  });
  return { numeric: 0, analytic: along / length, uncertainty: hidden / length, variation: 0, step: length / 2 };
}
