/**
 * @file checkGrads: the gradient of a function against finite differences in float64, to order 3, and the algebra that every
 * VJP must obey.
 */
import { OptionError } from '../contract/errors.ts';
import { foldIn, key, normals } from '../core/random.ts';
import { showShape } from '../contract/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { adjointIdentity, checkAlgebra, type Place, placeOf, signed } from './algebra.ts';
import { axis, type Derivative, differentiate, type Direction, largest, randomDirection } from './difference.ts';
import { GradientError, type GradientFailure, type GradientFault } from './gradient-error.ts';
import { evaluate, firstStage, type Output, type Stage, vjpStage } from './stages.ts';
import { GradTally, NON_SMOOTH_LIMIT } from './tally.ts';

export interface CheckGradsOptions {
  /** The operation's name in messages. Default: the function's own. */
  readonly name?: string;
  /** 1 checks the gradient, 2 also the gradient's gradient, 3 one more. Default 2. */
  readonly order?: 1 | 2 | 3;
  /** Positions of the inputs to differentiate. Default: all of a float type. */
  readonly wrt?: readonly number[];
  /**
   * Sets of inputs in which, taken together and the others held, f is linear: then <w, A x> = <A'w, x> is checked too, to
   * 1e-12. `add` is [[0, 1]]; `conv2d` is [[0], [1]]. Default none.
   */
  readonly linear?: readonly (readonly number[])[];
  /** Draws the cotangents and the directions. Default 0. */
  readonly seed?: number;
  /** Largest |analytic - numeric| / scale, beside four times the difference's own error. Default 1e-7. */
  readonly tolerance?: number;
  /** Up to this many input elements, every one is varied; beyond, `directions` random lines. Default 64. */
  readonly jacobianLimit?: number;
  /** Default 8. */
  readonly directions?: number;
  /** Counts outcomes over many calls; then the limit of 1 % unjudged derivatives is applied by its `check()`, not here. */
  readonly tally?: GradTally;
  /** How to run this case again, for the message. Default: the call with its seed and inputs. */
  readonly replay?: string;
}

/** Above this share of the scale the differences at h/2, h and 2h disagree too much to judge by. */
const SPREAD_LIMIT = 1e-4;
/** How many single elements are tried to name the culprit after a random direction has found a fault. */
const SEARCH_LIMIT = 4096;

interface Settings extends Required<Omit<CheckGradsOptions, 'wrt' | 'order' | 'linear' | 'seed'>>, Place {}

/**
 * Checks the VJP of `f` at `inputs` (tensors of a float64 device; f returns one tensor of any shape, and is contracted with a
 * fixed random cotangent). For each order up to `order`:
 *
 * - every derivative against central differences at h/2, h and 2h, h = 6e-6 max(1, |x|), exact steps, extrapolated;
 * - a second backward pass gives the same bits, and a captured one the same gradient;
 * - the VJP is linear in its cotangent, to 1e-12;
 *
 * and once, where f is linear, that the VJP is its adjoint. Order 2 checks the VJP as a function of the inputs and the
 * cotangent, order 3 that function's VJP. Returns the counts; throws `GradientError` at the first fault.
 *
 * Each derivative is right (|analytic - numeric| <= 1e-7 scale + 4 spread), wrong, or not judged: the three differences, or
 * the slopes on either side of the point, disagree by more than 1e-4 of the scale, as at a kink. Those are counted and may be 1 %.
 * scale = max(|analytic|, |numeric|, 0.01 max |gradient|, what rounding in f's own value hides).
 */
export async function checkGrads(
  f: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  options: CheckGradsOptions = {},
): Promise<GradTally> {
  const name = options.name ?? (f.name || 'f');
  const { order = 2, seed = 0, linear = [] } = options;
  const wrt = options.wrt ?? inputs.flatMap((x, i) => (x.dtype === 'uint32' ? [] : [i]));
  if (inputs.length === 0 || wrt.length === 0)
    throw new OptionError(`${name}: checkGrads needs an input of a float type to differentiate`);
  for (const i of wrt) {
    if (inputs[i]?.dtype !== 'float64') {
      throw new OptionError(
        `${name}: checkGrads takes float64 tensors (input ${i} is ${inputs[i]?.dtype ?? 'missing'}); make them on cpu({ dtype: 'float64' })`,
      );
    }
  }
  const values = await Promise.all(wrt.map(async (i) => Float64Array.from(await inputs[i]!.data())));
  const tally = options.tally ?? new GradTally();
  const settings: Settings = {
    name,
    key: key(seed),
    tolerance: options.tolerance ?? 1e-7,
    jacobianLimit: options.jacobianLimit ?? 64,
    directions: options.directions ?? 8,
    tally,
    replay: options.replay ?? defaultReplay(name, order, seed, wrt, inputs, values),
  };
  let stage = firstStage(f, inputs, wrt);
  let point: Float64Array[] = values;
  for (let k = 1; ; k++) {
    const outputs = await evaluate(stage, point);
    const cotangents = outputs.map((y, i) => ({ shape: y.shape, data: signed(foldIn(foldIn(settings.key, k), i), y.data.length) }));
    const gradient = await checkAlgebra(stage, point, cotangents, settings);
    if (k === 1) {
      for (const group of linear) await adjointIdentity(stage, point, group, settings);
    }
    const unjudged = await checkDerivatives(stage, point, outputs, cotangents, gradient, settings);
    const { derivatives, nonSmooth } = tally.at(k);
    if (unjudged && !options.tally && nonSmooth > NON_SMOOTH_LIMIT * derivatives) throw new GradientError(unjudged);
    if (k === order) break;
    stage = vjpStage(
      stage,
      outputs.map((y) => y.shape),
    );
    point = [...point, ...cotangents.map((w) => w.data)];
  }
  return tally;
}

/** Compares every derivative of a stage. Returns the first that could not be judged. */
async function checkDerivatives(
  stage: Stage,
  point: readonly Float64Array[],
  outputs: readonly Output[],
  cotangents: readonly Output[],
  gradient: readonly Float64Array[],
  settings: Settings,
): Promise<GradientFailure | undefined> {
  const values = async (p: readonly Float64Array[]): Promise<Float64Array[]> => (await evaluate(stage, p)).map((y) => y.data);
  const centre = outputs.map((y) => y.data);
  const ws = cotangents.map((w) => w.data);
  const steepest = largest(gradient);
  const judge = async (direction: Direction): Promise<Judgement> =>
    judgement(await differentiate(values, point, centre, direction, ws, gradient), steepest, settings.tolerance);
  const axes = function* (): Generator<Direction> {
    for (const [input, x] of point.entries()) for (let i = 0; i < x.length; i++) yield axis(point, input, i);
  };
  const total = point.reduce((n, x) => n + x.length, 0);
  const lines = total <= settings.jacobianLimit ? axes() : randomLines(point, settings, stage.order);
  const count = settings.tally.at(stage.order);
  let unjudged: GradientFailure | undefined;
  for (const direction of lines) {
    const found = await judge(direction);
    count.derivatives++;
    if (found.outcome === 'right') {
      count.worst = Math.max(count.worst, found.relativeError);
    } else if (found.outcome === 'non-smooth') {
      count.nonSmooth++;
      unjudged ??= failure(stage, settings, 'non-smooth', found, direction);
    } else {
      const culprit = direction.coordinate ? undefined : await firstWrong(axes(), judge);
      throw new GradientError(failure(stage, settings, 'wrong', culprit?.found ?? found, culprit?.direction ?? direction));
    }
  }
  return unjudged;
}

interface Judgement extends Derivative {
  readonly outcome: 'right' | 'wrong' | 'non-smooth';
  readonly relativeError: number;
}

function judgement(d: Derivative, steepest: number, tolerance: number): Judgement {
  // Below the noise nothing can be told; dividing by the tolerance makes `tolerance * scale` at least the noise.
  const scale = Math.max(Math.abs(d.analytic), Math.abs(d.numeric), 0.01 * steepest, d.noise / tolerance);
  const difference = Math.abs(d.analytic - d.numeric);
  const relativeError = difference === 0 ? 0 : difference / scale;
  // Where the gradient is NaN all comparisons are false, and it ends as wrong.
  if (!Number.isFinite(d.numeric) || Math.max(d.spread, d.jump) > SPREAD_LIMIT * scale)
    return { ...d, outcome: 'non-smooth', relativeError };
  return { ...d, outcome: difference <= tolerance * scale + 4 * d.spread ? 'right' : 'wrong', relativeError };
}

async function firstWrong(
  axes: Iterable<Direction>,
  judge: (direction: Direction) => Promise<Judgement>,
): Promise<{ direction: Direction; found: Judgement } | undefined> {
  let tried = 0;
  for (const direction of axes) {
    if (++tried > SEARCH_LIMIT) return undefined;
    const found = await judge(direction);
    if (found.outcome === 'wrong') return { direction, found };
  }
  return undefined;
}

function* randomLines(point: readonly Float64Array[], settings: Settings, order: number): Generator<Direction> {
  for (let i = 0; i < settings.directions; i++) {
    let part = 0;
    const line = foldIn(foldIn(settings.key, 1000 + order), i);
    yield randomDirection(point, (length) => normals(foldIn(line, part++), length));
  }
}

function failure(stage: Stage, settings: Settings, fault: GradientFault, found: Judgement, direction: Direction): GradientFailure {
  const { input, element } = direction.coordinate ?? { input: 0, element: undefined };
  return {
    ...placeOf(stage, settings, fault, input, element),
    analytic: found.analytic,
    numeric: found.numeric,
    relativeError: found.relativeError,
    allowed: settings.tolerance,
  };
}

function defaultReplay(
  name: string,
  order: number,
  seed: number,
  wrt: readonly number[],
  inputs: readonly Tensor[],
  values: readonly Float64Array[],
): string {
  const total = values.reduce((n, v) => n + v.length, 0);
  const shown = wrt.map((i, k) => {
    const shape = showShape(inputs[i]!.shape);
    return total <= 64 ? `device.tensor([${values[k]!.join(', ')}], ${shape})` : `<${shape}>`;
  });
  return `checkGrads(${name}, [${shown.join(', ')}], { order: ${order}, seed: ${seed} })`;
}
