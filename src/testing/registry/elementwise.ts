/** @file Registry: elementwise operations of one, two and three tensors. */
import { fc } from '../fast-check.ts';
import * as composites from '../../core/composites.ts';
import * as ops from '../../core/ops.ts';
import { sigmoid } from '../../backends/cpu/kernels/elementwise.ts';
import type { Primitive } from '../../contract/backend.ts';
import type { Tensor } from '../../core/tensor.ts';
import { broadcasts } from '../arbitraries/shapes.ts';
import { bulk, kinkSafe, labels, positive, type Spread, type TensorValue, tieSafeParts } from '../arbitraries/values.ts';
import { comparison, type ElementwiseRounding, FLUSHED, roundedOnce, through } from '../rounding/elementwise.ts';
import {
  between,
  broadcastOperands,
  exact,
  type KernelBound,
  type MakeOperand,
  noise,
  oneOperand,
  U,
  ULP,
  ulps,
  withTies,
} from './kernel-cases.ts';
import { anyShape, noParams, oneTensor, type Operation, operation, type Sample, type Size, tensorsOf } from './operation.ts';

type Linear = readonly (readonly number[])[];

/** What a row says of an elementwise primitive besides its derivatives. */
interface PrimitiveTraits {
  readonly rounding: ElementwiseRounding;
  /** The largest error of a float32 kernel on its own. */
  readonly bound: KernelBound;
  /** Operands for that comparison; default numbers between -2 and 2. */
  readonly operands?: MakeOperand;
  readonly linear?: Linear;
}

/** A composite of one tensor. */
function unary(name: string, run: (x: Tensor) => Tensor, order: Operation['order'], spread: Spread): Operation {
  return operation({ name, run: ([x]) => run(x!), order, samples: oneTensor(spread, noParams) });
}

/** A primitive of one tensor. */
function unaryPrimitive(
  primitive: Primitive,
  run: (x: Tensor) => Tensor,
  order: Operation['order'],
  spread: Spread,
  { rounding, bound, operands, ...linear }: PrimitiveTraits,
): Operation {
  return { ...unary(primitive, run, order, spread), primitive, rounding, kernel: oneOperand(bound, operands), ...linear };
}

/** Two or three operands that broadcast; each operand's values by its kind, or all of them without ties. */
function broadcasting(kinds: readonly (Spread | 'bits')[], together: 'apart' | 'independent' = 'independent') {
  return (size: Size): fc.Arbitrary<Sample<null>> =>
    broadcasts(kinds.length, size === 'small' ? { maxSize: 12 } : { maxSize: 3000, maxRank: 5 }).chain(({ operands }) => {
      const inputs: fc.Arbitrary<TensorValue[]> =
        together === 'apart' ? tieSafeParts(operands) : fc.tuple(...operands.map((shape, i) => operandOf(size, shape, kinds[i]!)));
      return inputs.map((values) => ({ inputs: values, params: null }));
    });
}

function operandOf(size: Size, shape: readonly number[], kind: Spread | 'bits'): fc.Arbitrary<TensorValue> {
  if (kind === 'bits') return labels(shape, 2);
  if (size === 'large') return bulk(shape, kind);
  return kind === 'positive' ? positive(shape) : kinkSafe(shape);
}

/** A composite of two tensors. */
function binary(
  name: string,
  run: (a: Tensor, b: Tensor) => Tensor,
  order: Operation['order'],
  samples: Operation<null>['samples'],
): Operation {
  return operation({ name, run: ([a, b]) => run(a!, b!), order, samples });
}

/** A primitive of two tensors that broadcast. */
function binaryPrimitive(
  primitive: Primitive,
  run: (a: Tensor, b: Tensor) => Tensor,
  order: Operation['order'],
  samples: Operation<null>['samples'],
  { rounding, bound, operands, ...linear }: PrimitiveTraits,
): Operation {
  return {
    ...binary(primitive, run, order, samples),
    primitive,
    rounding,
    kernel: broadcastOperands(2, bound, operands),
    ...linear,
  };
}

/** WGSL allows log 3 ulp, but only an absolute 2^-21 in [1/2, 2]. */
const logBound: KernelBound = (expected) => Math.max(3 * ULP * Math.abs(expected), 2 ** -21);
const positiveDivisor: MakeOperand = (seed, shape, position) => noise(seed, shape, position === 0 ? -2 : 0.25, 2);
const tiesInCondition: MakeOperand = (seed, shape, position) => (position === 0 ? withTies : between(-2, 2))(seed, shape, position);

export const elementwise: readonly Operation[] = [
  unaryPrimitive('neg', ops.neg, 3, 'kink-safe', { rounding: (_x, [e]) => e!, bound: exact, linear: [[0]] }),
  unaryPrimitive('exp', ops.exp, 3, 'kink-safe', {
    // WGSL allows 3 + 2 |x| ulp; 43 for |x| < 20.
    rounding: ([x], [e], y) => through(y, e!) + y * (1 + Math.abs(x!)) + FLUSHED,
    bound: ulps(43),
    operands: between(-20, 20),
  }),
  unaryPrimitive('log', ops.log, 3, 'positive', {
    rounding: ([x], [e], y) => through(1 / x!, e!) + (x! >= 0.5 && x! <= 2 ? 1 : Math.abs(y)),
    bound: logBound,
    operands: between(0.01, 4),
  }),
  unaryPrimitive('sqrt', ops.sqrt, 3, 'positive', {
    rounding: (_x, [e], y) => through(0.5 / y, e!) + y,
    bound: ulps(3),
    operands: between(0, 9),
  }),
  unaryPrimitive('reciprocal', ops.reciprocal, 3, 'positive', {
    rounding: roundedOnce((_x, y) => [y * y]),
    bound: ulps(2.5),
    operands: between(0.1, 9),
  }),
  unaryPrimitive('relu', ops.relu, 2, 'kink-safe', { rounding: (_x, [e]) => e!, bound: exact }),
  unaryPrimitive('step', ops.step, 1, 'kink-safe', {
    rounding: ([x], [e]) => comparison(x!, e!),
    bound: exact,
    operands: withTies,
  }),
  unaryPrimitive('tanh', ops.tanh, 3, 'wide', {
    rounding: roundedOnce((_x, y) => [1 - y * y]),
    bound: ulps(4),
    operands: between(-20, 20),
  }),
  unaryPrimitive('erf', ops.erf, 3, 'wide', {
    rounding: roundedOnce(([x]) => [(2 / Math.sqrt(Math.PI)) * Math.exp(-x! * x!)]),
    bound: ulps(4),
    operands: between(-6, 6),
  }),
  unaryPrimitive('sigmoid', ops.sigmoid, 3, 'wide', {
    // WGSL's exp errs by 3 + 2 |x| ulp, of which the slope passes on a share.
    rounding: ([x], [e], y) => through(y * (1 - y), e!) + y * (1 - y) * (1 + Math.abs(x!)) + y + FLUSHED,
    bound: ulps(47),
    operands: between(-20, 20),
  }),
  unaryPrimitive('softplus', ops.softplus, 3, 'wide', {
    rounding: ([x], [e], y) => through(sigmoid(x!), e!) + sigmoid(-Math.abs(x!)) * (1 + Math.abs(x!)) + y + FLUSHED,
    bound: ulps(51),
    operands: between(-20, 20),
  }),
  unary('abs', composites.abs, 2, 'kink-safe'),
  unary('square', composites.square, 3, 'kink-safe'),
  unary('logSigmoid', composites.logSigmoid, 3, 'wide'),
  unary('gelu', composites.gelu, 3, 'wide'),
  binaryPrimitive('add', ops.add, 3, broadcasting(['kink-safe', 'kink-safe']), {
    rounding: roundedOnce(() => [1, 1]),
    bound: (_expected, magnitude) => U * 2 * magnitude,
    linear: [[0, 1]],
  }),
  operation({
    name: 'addAll',
    run: (xs) => ops.addAll(xs),
    samples: (size) =>
      fc
        .tuple(fc.integer({ min: 1, max: size === 'small' ? 4 : 16 }), anyShape(size, { maxSize: size === 'small' ? 4 : 1100 }))
        .chain(([k, shape]) =>
          tensorsOf(
            size,
            Array.from({ length: k }, () => [shape, 'kink-safe'] as const),
            null,
          ),
        ),
    order: 3,
  }),
  binaryPrimitive('sub', ops.sub, 3, broadcasting(['kink-safe', 'kink-safe']), {
    rounding: roundedOnce(() => [1, -1]),
    bound: (expected) => ULP * Math.abs(expected),
    linear: [[0, 1]],
  }),
  binaryPrimitive('mul', ops.mul, 3, broadcasting(['kink-safe', 'kink-safe']), {
    rounding: roundedOnce(([a, b]) => [b!, a!]),
    bound: ulps(1),
    linear: [[0], [1]],
  }),
  binaryPrimitive('div', ops.div, 3, broadcasting(['kink-safe', 'positive']), {
    rounding: roundedOnce(([, b], y) => [1 / b!, y / b!]),
    bound: ulps(2.5),
    operands: positiveDivisor,
    linear: [[0]],
  }),
  binaryPrimitive('maximum', ops.maximum, 2, broadcasting(['kink-safe', 'kink-safe'], 'apart'), {
    rounding: (_x, [ea, eb]) => Math.max(ea!, eb!),
    bound: exact,
    operands: withTies,
  }),
  binary('minimum', ops.minimum, 2, broadcasting(['kink-safe', 'kink-safe'], 'apart')),
  binaryPrimitive('greater', ops.greater, 1, broadcasting(['kink-safe', 'kink-safe'], 'apart'), {
    rounding: ([a, b], [ea, eb]) => comparison(a! - b!, ea! + eb!),
    bound: exact,
    operands: withTies,
  }),
  binaryPrimitive('equal', ops.equal, 1, broadcasting(['kink-safe', 'kink-safe'], 'apart'), {
    rounding: ([a, b], [ea, eb]) => comparison(a! - b!, ea! + eb!),
    bound: exact,
    operands: withTies,
  }),
  operation({
    name: 'where',
    run: ([condition, a, b]) => ops.where(condition!, a!, b!),
    samples: broadcasting(['bits', 'kink-safe', 'kink-safe']),
    order: 3,
    wrt: [1, 2],
    linear: [[1, 2]],
    primitive: 'where',
    rounding: ([condition], [, ea, eb]) => (condition !== 0 ? ea! : eb!),
    kernel: broadcastOperands(3, exact, tiesInCondition),
  }),
];
