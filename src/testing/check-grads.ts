/**
 * @file checkGrads: the gradient of a function against finite differences in float64, to order 3, and the algebra that every
 * VJP must obey.
 */
import { OptionError } from '../contract/errors.ts';
import { foldIn, type Key, key } from '../core/random.ts';
import { showShape } from '../contract/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { adjointIdentity, checkAlgebra, gradientNear, type Place, placeOf, signed } from './algebra.ts';
import { compare, type Judgement, measureNoise } from './compare.ts';
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
  /** Largest |analytic - numeric| / max(|analytic|, |numeric|), beside the uncertainty of both. Default 1e-7. */
  readonly tolerance?: number;
  /**
   * Up to this many input elements, every one is varied; beyond, `directions` random lines through the elements of each band of magnitudes
   * (claimed derivatives above 1e-4 of the largest, above 1e-8, and the rest). Default 64.
   */
  readonly jacobianLimit?: number;
  /** Default 8. */
  readonly directions?: number;
  /** Counts outcomes over many calls; then the limit of 1 % unjudged derivatives is applied by its `check()`, not here. */
  readonly tally?: GradTally;
  /** How to run this case again, for the message. Default: the call with its seed and inputs. */
  readonly replay?: string;
}

interface Settings extends Required<Omit<CheckGradsOptions, 'wrt' | 'order' | 'linear' | 'seed'>>, Place {}

/**
 * Checks the VJP of `f` at `inputs` (tensors of a float64 device; f returns one tensor of any shape, and is contracted with a
 * fixed random cotangent). For each order up to `order`:
 *
 * - every derivative against extrapolated central differences with an estimate of their own error, first at h = 2^-17 max(1, |x|), then at
 *   the step that tells most (`slope.ts`);
 * - a second backward pass gives the same bits, and a captured one the same gradient;
 * - the VJP is linear in its cotangent, to 1e-12;
 *
 * and once, where f is linear, that the VJP is its adjoint. Order 2 checks the VJP as a function of the inputs and the
 * cotangent, order 3 that function's VJP. Returns the counts; throws `GradientError` at the first fault.
 *
 * Nothing here knows how large f is: 1e-300 f is judged as f is. A derivative is
 *
 * - right: |analytic - numeric| <= 1e-7 max(|analytic|, |numeric|) + uncertainty, and the uncertainty is below 1e-3 of it;
 * - wrong: further apart, and the uncertainty is below a quarter of the larger one;
 * - hidden: not contradicted, and so small that rounding in f hides it (below 1e-10 of the largest, or of f); counted, and a failure where
 *   nothing else was found;
 * - not judged: as at a kink; counted, and a failure above 1 %.
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
    const cotangents = cotangentsFor(outputs, foldIn(settings.key, k));
    const gradient = await checkAlgebra(stage, point, cotangents, settings);
    if (k === 1) {
      for (const group of linear) await adjointIdentity(stage, point, group, settings);
    }
    const unjudged = await checkDerivatives(stage, point, outputs, cotangents, gradient, settings);
    const { derivatives, nonSmooth, hidden } = tally.at(k);
    if (unjudged && !options.tally && (nonSmooth > NON_SMOOTH_LIMIT * derivatives || nonSmooth + hidden === derivatives))
      throw new GradientError(unjudged);
    if (k === order) break;
    stage = vjpStage(
      stage,
      outputs.map((y) => y.shape),
    );
    point = [...point, ...cotangents.map((w) => w.data)];
  }
  return tally;
}

/**
 * One random cotangent for each output. An output that is infinite beside finite ones gets none (-inf is natural in log-space): it does not
 * move, whatever derivative its formula has.
 */
function cotangentsFor(outputs: readonly Output[], k: Key): Output[] {
  const finite = outputs.some((y) => y.data.some(Number.isFinite));
  return outputs.map(({ shape, data }, i) => ({
    shape,
    data: signed(foldIn(k, i), data.length).map((w, j) => (finite && Math.abs(data[j]!) === Infinity ? 0 : w)),
  }));
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
  const lines = foldIn(settings.key, 1000 + stage.order);
  const noise = await measureNoise({ evaluate: values, point }, foldIn(lines, 1));
  const { wrong, unjudged } = await compare(
    {
      evaluate: values,
      point,
      centre,
      cotangents: cotangents.map((w) => w.data),
      gradient,
      noise,
      gradientNear: gradientNear(stage, point, cotangents, foldIn(lines, 2)),
    },
    { ...settings, key: lines },
    settings.tally.at(stage.order),
  );
  if (wrong) throw new GradientError(failure(stage, settings, 'wrong', wrong));
  return unjudged && failure(stage, settings, unjudged.outcome === 'hidden' ? 'hidden' : 'non-smooth', unjudged);
}

function failure(stage: Stage, settings: Settings, fault: GradientFault, found: Judgement): GradientFailure {
  const { input, element } = found.direction.coordinate ?? { input: 0, element: undefined };
  return {
    ...placeOf(stage, settings, fault, input, element),
    analytic: found.analytic,
    numeric: found.numeric,
    uncertainty: { analytic: found.analyticUncertainty, numeric: found.uncertainty },
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
