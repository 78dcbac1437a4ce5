/** @file checkGradFunction: a derivative that somebody wrote by hand, for a function on plain numbers, against differences. */
import { key } from '../core/random.ts';
import { type Arbitrary, checkCases, isArbitrary } from './cases.ts';
import {
  type CheckGradFunctionOptions,
  type Culprit,
  FunctionCheck,
  type GradFunctionReport,
  precisionOf,
} from './function-check.ts';
import { GradientError, type GradientFailure } from './gradient-error.ts';
import { type GradientRule, type PlainFunction, plainFunction } from './plain-function.ts';
import { simplest } from './simplest.ts';
import { GradTally, NON_SMOOTH_LIMIT } from './tally.ts';

type Inputs<Args extends readonly unknown[]> = Args | Float64Array | Float32Array | Arbitrary<Args>;

/**
 * Checks `gradient`, the derivative of `f` as somebody wrote it, at `inputs`: the list of f's arguments (numbers, arrays, typed arrays,
 * objects, nested as you like; a typed array alone is one argument), or a fast-check arbitrary of such lists. f gives a number (then
 * `gradient` is a function of the same inputs) or numbers in any structure (then it is `{ vjpF }` or `{ jacobianF }`); both may be
 * asynchronous. Both are given copies of the inputs each time.
 *
 * Every derivative is compared with central differences that estimate their own error, as in `checkGrads`. The noise of f is measured first:
 * a function in float32, or a noisy one, is judged by larger steps and only as finely as its noise allows, which the report says
 * (`precision`, `resolution`). Besides, `gradient` must give the same twice, and `vjpF` be linear in its cotangent.
 *
 * @throws GradientError that names the component, both values and their uncertainty, the simplest inputs found and a line that replays it; also where
 * nothing could be judged. OptionError for inputs and derivatives that do not fit together.
 */
export async function checkGradFunction<const Args extends readonly unknown[], Output>(
  f: (...inputs: Args) => Output | Promise<Output>,
  gradient: ((...inputs: Args) => unknown) | GradientRule<Args, Output>,
  inputs: Inputs<Args>,
  options: CheckGradFunctionOptions = {},
): Promise<GradFunctionReport> {
  const check = async (args: readonly unknown[], shrink: boolean, more: CheckGradFunctionOptions): Promise<GradFunctionReport> =>
    checkOnce(await plainFunction(f, gradient as never, args, options), { ...options, ...more }, shrink);
  if (isArbitrary(inputs)) return checkCases(check, inputs, f.name || 'f', options);
  return check(ArrayBuffer.isView(inputs) ? [inputs] : inputs, options.shrink ?? true, {});
}

async function checkOnce(f: PlainFunction, options: CheckGradFunctionOptions, shrink: boolean): Promise<GradFunctionReport> {
  const seed = options.seed ?? 0;
  const check = new FunctionCheck(f, key(seed), {
    tolerance: options.tolerance ?? 1e-7,
    jacobianLimit: options.jacobianLimit ?? 64,
    directions: options.directions ?? 8,
  });
  const mine = new GradTally();
  let culprit: Culprit | undefined = await check.fault(f.point, mine);
  const { derivatives, nonSmooth, hidden, worst } = mine.at(1);
  options.tally?.merge(mine);
  const unjudged =
    check.unjudged && !options.tally && (nonSmooth > NON_SMOOTH_LIMIT * derivatives || nonSmooth + hidden === derivatives);
  if (!culprit && unjudged) culprit = check.unjudged;
  if (culprit) {
    let point = f.point;
    if (culprit.fault === 'wrong' && shrink) {
      const simple = await simplest(f, async (p) => check.fault(p, new GradTally()), culprit);
      point = simple.point;
      culprit = simple.culprit;
    }
    throw new GradientError(failureOf(f, check, culprit, point, options, seed));
  }
  return {
    derivatives,
    hidden,
    nonSmooth,
    worst,
    noise: check.noise,
    precision: precisionOf(check.noise),
    resolution: check.resolution,
    cases: 1,
  };
}

/** Above this many characters the inputs are not printed. */
const SOURCE_LENGTH = 1000;

function failureOf(
  f: PlainFunction,
  check: FunctionCheck,
  culprit: Culprit,
  point: readonly Float64Array[],
  options: CheckGradFunctionOptions,
  seed: number,
): GradientFailure {
  const { inputs, call } = f.source(point);
  const { input, element, output, noise, uncertainty, ...found } = culprit;
  const wrt = options.wrt ? `wrt: [${options.wrt.join(', ')}], ` : '';
  const tolerance = options.tolerance === undefined ? '' : `tolerance: ${options.tolerance}, `;
  const line = `await ${call}, { ${wrt}${tolerance}seed: ${seed}, shrink: false })`;
  const precision = precisionOf(noise);
  return {
    ...found,
    operation: f.name,
    order: 1,
    input,
    shape: [f.structures[input]!.size],
    element,
    component: element === undefined ? 'all together, on a random line' : f.componentOf(input, element, output),
    allowed: check.tolerance,
    ...(uncertainty ? { uncertainty } : {}),
    ...(precision === 'float64'
      ? {}
      : {
          noise: `the values of f are ${precision === 'float32' ? 'float32' : 'noisy'}: off by ${noise.toExponential(1)} of themselves`,
        }),
    smallest: inputs.length <= SOURCE_LENGTH ? inputs : `(${inputs.length} characters)`,
    replay: options.replay ?? (line.length <= SOURCE_LENGTH ? line : `the same call with { seed: ${seed} }`),
  };
}
