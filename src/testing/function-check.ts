/** @file The checks of a function on plain numbers at one point: derivatives against differences, and the algebra of a VJP. */
import { foldIn, type Key } from '../core/random.ts';
import { signed } from './algebra.ts';
import {
  type Claim,
  compare,
  type Comparison,
  type Findings,
  judgeOf,
  type Judgement,
  measureNoise,
  NEAR,
  type Noise,
} from './compare.ts';
import { axis, largest } from './difference.ts';
import type { GradientFailure, GradientFault } from './gradient-error.ts';
import { NOISE_STEPS, noiseOfEach, NOISY } from './noise.ts';
import type { PlainFunction } from './plain-function.ts';
import type { GradTally } from './tally.ts';

export interface CheckGradFunctionOptions {
  /** The function's name in messages. Default: its own. */
  readonly name?: string;
  /** Positions of the inputs to differentiate. Default: all that hold floats. */
  readonly wrt?: readonly number[];
  /** Draws cotangents, lines and, from an arbitrary, cases. Default 0. */
  readonly seed?: number;
  /** Largest |analytic - numeric| / max(|analytic|, |numeric|), beside the uncertainty of both. Default 1e-7. */
  readonly tolerance?: number;
  /** Up to this many input numbers, every one is varied; beyond, `directions` random lines for each band of magnitudes. Default 64. */
  readonly jacobianLimit?: number;
  /** Default 8. */
  readonly directions?: number;
  /** Counts outcomes over many calls; then the limit of 1 % unjudged derivatives is applied by its `check()`, not here. */
  readonly tally?: GradTally;
  /** Whether to look for a simpler input once one has failed. Default true. */
  readonly shrink?: boolean;
  /** How many cases to draw from an arbitrary. Default 50. */
  readonly runs?: number;
  /** fast-check's path to one case of the seed: only it is run. */
  readonly path?: string;
  /** How to run it again, for the message. Default: the call with its inputs. */
  readonly replay?: string;
}

/** What a check that passed has found. */
export interface GradFunctionReport {
  /** Derivatives compared, hidden by rounding, and not judged. */
  readonly derivatives: number;
  readonly hidden: number;
  readonly nonSmooth: number;
  /** The largest |analytic - numeric| relative to the derivative, or to what it is uncertain by. */
  readonly worst: number;
  /** The noise of f's values, relative to them: 0 to 1e-15 for arithmetic in float64, about 3e-8 in float32. */
  readonly noise: number;
  readonly precision: 'float64' | 'float32' | 'noisy';
  /** Relative faults smaller than this would not have been seen: the tolerance, or what noise leaves to see. */
  readonly resolution: number;
  readonly cases: number;
}

/** Linear in the cotangent, to so much of the largest derivative. */
const LINEARITY_TOLERANCE = 1e-12;
/** What noise may make of a gradient that is computed twice, as a share of the largest derivative. */
const REPEATABLE = 1e-2;
/** Up to so many outputs every one is judged by itself, or is tried as the culprit. */
const OUTPUT_LIMIT = 64;

/** Where and how a function failed. */
export interface Culprit extends Pick<GradientFailure, 'fault' | 'analytic' | 'numeric' | 'relativeError'> {
  readonly uncertainty?: GradientFailure['uncertainty'];
  readonly input: number;
  readonly element: number | undefined;
  readonly output: number | undefined;
  /** The relative noise of f where it failed. */
  readonly noise: number;
}

/** The checks of one function, at any point. */
export class FunctionCheck {
  readonly f: PlainFunction;
  readonly #key: Key;
  readonly #settings: Omit<Comparison, 'key'>;
  /** Of the last point checked. */
  noise = 0;
  resolution = 0;
  unjudged: Culprit | undefined;

  constructor(f: PlainFunction, k: Key, settings: Omit<Comparison, 'key'>) {
    this.f = f;
    this.#key = k;
    this.#settings = settings;
  }

  get tolerance(): number {
    return this.#settings.tolerance;
  }

  /** The first fault at a point; undefined if there is none. */
  async fault(point: readonly Float64Array[], tally: GradTally): Promise<Culprit | undefined> {
    const { f } = this;
    this.unjudged = undefined;
    this.resolution = 0;
    const evaluate = memo((p) => f.evaluate(p));
    const [values] = await evaluate(point);
    const noise = await measureNoise({ evaluate, point, store: (p) => f.store(p) }, foldIn(this.#key, 1));
    this.noise = noise.relative;
    const contracted = this.#cotangent(values!);
    const claimFor = (cotangent: Float64Array, gradient: readonly Float64Array[], near?: Claim['gradientNear']): Claim => ({
      evaluate,
      point,
      centre: [values!],
      cotangents: [cotangent],
      gradient,
      noise,
      gradientNear: near ?? ((step) => f.gradient(this.#near(point, step), cotangent)),
      store: (p) => f.store(p),
    });
    if (f.form !== 'jacobianF' || f.outputs > OUTPUT_LIMIT) {
      const gradient = await f.gradient(point, contracted);
      const claim = claimFor(contracted, gradient);
      const broken = await this.#algebra(claim);
      if (broken) return broken;
      const found = await compare(claim, { ...this.#settings, key: foldIn(this.#key, 2) }, tally.at(1));
      this.#note(found, noise);
      if (!found.wrong) return undefined;
      return f.outputs > 1 ? this.#outputOf(found.wrong, values!, claimFor) : culpritOf(found.wrong, undefined, noise);
    }
    const rows = await f.rows(point);
    for (const [j, gradient] of rows.entries()) {
      const near = async (step: number): Promise<readonly Float64Array[]> => (await f.rows(this.#near(point, step)))[j]!;
      const claim = claimFor(oneHot(f.outputs, j), gradient, near);
      const found = await compare(claim, { ...this.#settings, key: foldIn(this.#key, 2) }, tally.at(1));
      this.#note(found, noise, j);
      if (found.wrong) return culpritOf(found.wrong, j, noise);
    }
    return undefined;
  }

  #note(found: Findings, noise: Noise, output?: number): void {
    this.resolution = Math.max(this.resolution, found.resolution);
    if (found.unjudged && (this.unjudged?.fault ?? 'hidden') === 'hidden') this.unjudged = culpritOf(found.unjudged, output, noise);
  }

  /** 1 for a function of one number, so that messages show its own gradient; else random, and nothing for what is infinite beside finite outputs. */
  #cotangent(values: Float64Array): Float64Array {
    if (values.length === 1) return Float64Array.of(1);
    const finite = values.some(Number.isFinite);
    return signed(foldIn(this.#key, 3), values.length).map((w, j) => (finite && Math.abs(values[j]!) === Infinity ? 0 : w));
  }

  #near(point: readonly Float64Array[], step: number): Float64Array[] {
    return point.map((x, k) => {
      const v = signed(foldIn(foldIn(this.#key, 4), k), x.length);
      return x.map((value, i) => value + step * v[i]! * (Math.abs(value) || 1));
    });
  }

  /** The gradient gives the same twice, and a VJP is linear in its cotangent. */
  async #algebra({ point, cotangents, gradient, gradientNear }: Claim): Promise<Culprit | undefined> {
    const { f } = this;
    let scatter: number | undefined;
    const differing = async (
      fault: GradientFault,
      a: readonly Float64Array[],
      b: readonly Float64Array[],
      allowed: number,
      deviations = 64,
    ): Promise<Culprit | undefined> => {
      for (const [input, x] of a.entries()) {
        for (const [element, analytic] of x.entries()) {
          const numeric = b[input]![element]!;
          const difference = Math.abs(analytic - numeric);
          if (Object.is(analytic, numeric) || difference <= allowed) continue;
          scatter ??= largest(await scatterOf(gradientNear));
          if (difference <= deviations * scatter) continue;
          const relativeError = difference / Math.max(Math.abs(analytic), Math.abs(numeric));
          return { fault, analytic, numeric, relativeError, input, element, output: undefined, noise: this.noise };
        }
      }
      return undefined;
    };
    const second = await f.gradient(point, cotangents[0]!);
    // A gradient may be noisy, but one that adds to what it returned before is not: it is twice as large.
    const grown = second.some((g, k) => g.some((v, i) => Math.abs(v - gradient[k]![i]!) > REPEATABLE * largest(gradient)));
    const again = await differing('not repeatable', gradient, second, 0, grown ? 0 : 64);
    if (again || f.form !== 'vjpF') return again;
    const w = cotangents[0]!;
    const v = signed(foldIn(this.#key, 5), w.length).map((u, j) => (w[j] === 0 ? 0 : u));
    const [a, b] = [0.75, -1.375];
    const other = await f.gradient(point, v);
    const joint = await f.gradient(
      point,
      w.map((u, j) => a * u + b * v[j]!),
    );
    const combined = gradient.map((g, k) => g.map((u, i) => a * u + b * other[k]![i]!));
    return differing('not linear in the cotangent', joint, combined, LINEARITY_TOLERANCE * largest([...gradient, ...other]));
  }

  /** Which output the fault is of: each is tried alone. */
  async #outputOf(
    wrong: Judgement,
    values: Float64Array,
    claimFor: (w: Float64Array, g: readonly Float64Array[]) => Claim,
  ): Promise<Culprit> {
    const { f } = this;
    const { coordinate } = wrong.direction;
    const outputs = coordinate ? Math.min(values.length, OUTPUT_LIMIT) : 0;
    for (let j = 0; j < outputs; j++) {
      const w = oneHot(values.length, j);
      const claim = claimFor(w, await f.gradient(claimFor(w, []).point, w));
      const found = await judgeOf(claim, this.tolerance)(axis(claim.point, coordinate!.input, coordinate!.element));
      if (found.outcome === 'wrong') return culpritOf(found, j, claim.noise);
    }
    return culpritOf(wrong, undefined, claimFor(Float64Array.of(), []).noise);
  }
}

function oneHot(length: number, at: number): Float64Array {
  return new Float64Array(length).map((_, i) => (i === at ? 1 : 0));
}

/** f is asked for the same points again and again, once for each output. */
function memo(evaluate: (p: readonly Float64Array[]) => Promise<readonly Float64Array[]>): typeof evaluate {
  const known = new Map<string, Promise<readonly Float64Array[]>>();
  const limit = 4096;
  return (p) => {
    const name = p.map((x) => x.join()).join(';');
    let value = known.get(name);
    if (!value) {
      if (known.size >= limit) known.clear();
      value = evaluate(p);
      known.set(name, value);
    }
    return value;
  };
}

async function scatterOf(near: Claim['gradientNear']): Promise<readonly Float64Array[]> {
  const rows: (readonly Float64Array[])[] = [];
  for (const i of NOISE_STEPS) rows.push(await near(i * NEAR));
  return noiseOfEach(rows);
}

function culpritOf(found: Judgement, output: number | undefined, noise: Noise): Culprit {
  const faults = { wrong: 'wrong', hidden: 'hidden', 'non-smooth': 'non-smooth', right: 'wrong' } as const;
  return {
    fault: faults[found.outcome],
    analytic: found.analytic,
    numeric: found.numeric,
    uncertainty: { analytic: found.analyticUncertainty, numeric: found.uncertainty },
    relativeError: found.relativeError,
    input: found.direction.coordinate?.input ?? 0,
    element: found.direction.coordinate?.element,
    output,
    noise: noise.relative,
  };
}

export function precisionOf(noise: number): GradFunctionReport['precision'] {
  if (noise <= NOISY) return 'float64';
  return noise > 2 ** -28 && noise < 2 ** -20 ? 'float32' : 'noisy';
}
