/**
 * @file What every VJP promises whatever its function is: the same bits twice, linearity in the cotangent, and for a linear
 * operation <w, A x> = <A'w, x>. None of these takes differences, so none of them knows a step size or a kink.
 */
import { foldIn, type Key, uniforms } from '../core/random.ts';
import { largest } from './difference.ts';
import { GradientError, type GradientFailure, type GradientFault } from './gradient-error.ts';
import { NOISE_STEPS, noiseOfEach } from './noise.ts';
import { evaluate, type Output, pullback, type Stage } from './stages.ts';

const LINEARITY_TOLERANCE = 1e-12;
const ADJOINT_TOLERANCE = 1e-12;
/** A captured backward pass may use a composite where an unrecorded one uses a kernel, so only rounding is allowed for. */
const GRAPH_TOLERANCE = 1e-9;

/** What a check is called, what it draws from, and how to run it again. */
export interface Place {
  readonly name: string;
  readonly key: Key;
  readonly replay: string;
}

/** Where a stage failed, for the message. */
export function placeOf(
  stage: Stage,
  check: Place,
  fault: GradientFault,
  input: number,
  element: number | undefined,
): Omit<GradientFailure, 'analytic' | 'numeric' | 'relativeError' | 'allowed'> {
  const role = stage.roles[input]!;
  return {
    fault,
    operation: check.name,
    order: stage.order,
    input: typeof role === 'number' ? role : input,
    shape: stage.shapes[input]!,
    element,
    replay: check.replay,
    ...(typeof role === 'string' ? { role } : {}),
  };
}

/** Random numbers of random sign in +-[0.5, 1.5]: as a cotangent, none of them hides its output. */
export function signed(k: Key, length: number): Float64Array<ArrayBuffer> {
  return uniforms(k, length).map((u) => (u < 0.5 ? -0.5 - 2 * u : 2 * u - 0.5));
}

/** What every VJP promises whatever the function is. Returns the gradient. */
export async function checkAlgebra(
  stage: Stage,
  point: readonly Float64Array[],
  cotangents: readonly Output[],
  check: Place,
): Promise<readonly Float64Array[]> {
  const first = await pullback(stage, point, cotangents);
  let rounding: number | undefined;
  const compare = async (
    fault: GradientFault,
    a: readonly Float64Array[],
    b: readonly Float64Array[],
    tolerance: number,
    size: number,
  ): Promise<void> => {
    for (const [input, x] of a.entries()) {
      for (const [element, analytic] of x.entries()) {
        const other = b[input]![element]!;
        if (Object.is(analytic, other) || Math.abs(analytic - other) <= tolerance * size) continue;
        // What cancels to nothing leaves the rounding of terms whose size cannot be seen in the gradient.
        if (tolerance > 0) {
          rounding ??= await scatterOf(gradientNear(stage, point, cotangents, foldIn(check.key, 5000 + stage.order)));
          if (Math.abs(analytic - other) <= 64 * rounding) continue;
        }
        const relativeError = Math.abs(analytic - other) / (size || Math.max(Math.abs(analytic), Math.abs(other)));
        throw new GradientError({
          ...placeOf(stage, check, fault, input, element),
          analytic,
          numeric: other,
          relativeError,
          allowed: tolerance,
        });
      }
    }
  };
  await compare('not repeatable', first, await pullback(stage, point, cotangents), 0, 0);
  await compare(
    'differs under createGraph',
    first,
    await pullback(stage, point, cotangents, true),
    GRAPH_TOLERANCE,
    largest(first),
  );
  const other = cotangents.map((w, i) => ({
    shape: w.shape,
    data: signed(foldIn(foldIn(check.key, 2000 + stage.order), i), w.data.length),
  }));
  const [a, b] = [0.75, -1.375];
  const second = await pullback(stage, point, other);
  const joint = await pullback(
    stage,
    point,
    cotangents.map((w, k) => ({ shape: w.shape, data: w.data.map((v, i) => a * v + b * other[k]!.data[i]!) })),
  );
  const combined = first.map((g, k) => g.map((v, i) => a * v + b * second[k]![i]!));
  await compare('not linear in the cotangent', joint, combined, LINEARITY_TOLERANCE, largest([...first, ...second]));
  return first;
}

/** The gradient near a point, for inputs and cotangents that are a little larger or smaller: `step` times |x| (1 for x = 0), of random sign. */
export function gradientNear(
  stage: Stage,
  point: readonly Float64Array[],
  cotangents: readonly Output[],
  k: Key,
): (step: number) => Promise<readonly Float64Array[]> {
  const shift = (part: number, x: Float64Array, step: number): Float64Array => {
    const v = signed(foldIn(k, part), x.length);
    return x.map((value, i) => value + step * v[i]! * (Math.abs(value) || 1));
  };
  return (step) =>
    pullback(
      stage,
      point.map((x, i) => shift(i, x, step)),
      cotangents.map((w, i) => ({ shape: w.shape, data: shift(point.length + i, w.data, step) })),
    );
}

/** The largest scatter of any element. */
async function scatterOf(near: (step: number) => Promise<readonly Float64Array[]>): Promise<number> {
  const rows: (readonly Float64Array[])[] = [];
  for (const i of NOISE_STEPS) rows.push(await near(i * 2 ** -33));
  return largest(noiseOfEach(rows));
}

/**
 * For f linear in the inputs `group` together (the others held): the VJP taken at the point, applied to any other values of
 * the group, gives f there. Both sides are sums of the same products; they may differ by rounding, 1e-12 of the sum of the
 * absolute terms.
 */
export async function adjointIdentity(
  stage: Stage,
  point: readonly Float64Array[],
  group: readonly number[],
  check: Place,
): Promise<void> {
  const members = new Set(group.map((position) => stage.roles.indexOf(position)));
  const moved = point.map((x, k) => (members.has(k) ? signed(foldIn(check.key, 3000 + k), x.length) : x));
  const outputs = await evaluate(stage, moved);
  const cotangents = outputs.map((y, k) => ({ shape: y.shape, data: signed(foldIn(check.key, 4000 + k), y.data.length) }));
  const transposed = await pullback(stage, point, cotangents);
  const left = inner(
    cotangents.map((w) => w.data),
    outputs.map((y) => y.data),
  );
  const right = inner(
    transposed.filter((_, k) => members.has(k)),
    moved.filter((_, k) => members.has(k)),
  );
  const size = Math.max(left.size, right.size);
  if (Math.abs(left.value - right.value) <= ADJOINT_TOLERANCE * size) return;
  throw new GradientError({
    ...placeOf(stage, check, 'not the adjoint', [...members][0]!, undefined),
    analytic: right.value,
    numeric: left.value,
    relativeError: Math.abs(left.value - right.value) / size,
    allowed: ADJOINT_TOLERANCE,
  });
}

function inner(a: readonly Float64Array[], b: readonly Float64Array[]): { value: number; size: number } {
  let value = 0;
  let size = 0;
  a.forEach((x, k) => {
    x.forEach((v, i) => {
      value += v * b[k]![i]!;
      size += Math.abs(v * b[k]![i]!);
    });
  });
  return { value, size };
}
