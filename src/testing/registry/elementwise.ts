/** @file Registry: elementwise operations of one, two and three tensors. */
import fc from 'fast-check';
import * as composites from '../../core/composites.ts';
import * as ops from '../../core/ops.ts';
import type { Primitive } from '../../contract/backend.ts';
import type { Tensor } from '../../core/tensor.ts';
import { broadcasts } from '../arbitraries/shapes.ts';
import { bulk, kinkSafe, labels, positive, type Spread, type TensorValue, tieSafeParts } from '../arbitraries/values.ts';
import { anyShape, noParams, oneTensor, type Operation, operation, type Sample, type Size, tensorsOf } from './operation.ts';

function unary(
  name: string,
  run: (x: Tensor) => Tensor,
  order: Operation['order'],
  spread: Spread,
  more: { readonly primitive?: Primitive; readonly linear?: readonly (readonly number[])[] } = {},
): Operation {
  return operation({ name, run: ([x]) => run(x!), order, samples: oneTensor(spread, noParams), ...more });
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

function binary(
  name: string,
  run: (a: Tensor, b: Tensor) => Tensor,
  order: Operation['order'],
  samples: Operation<null>['samples'],
  more: { readonly primitive?: Primitive; readonly linear?: readonly (readonly number[])[] } = {},
): Operation {
  return operation({ name, run: ([a, b]) => run(a!, b!), order, samples, ...more });
}

export const elementwise: readonly Operation[] = [
  unary('neg', ops.neg, 3, 'kink-safe', { primitive: 'neg', linear: [[0]] }),
  unary('exp', ops.exp, 3, 'kink-safe', { primitive: 'exp' }),
  unary('log', ops.log, 3, 'positive', { primitive: 'log' }),
  unary('sqrt', ops.sqrt, 3, 'positive', { primitive: 'sqrt' }),
  unary('reciprocal', ops.reciprocal, 3, 'positive', { primitive: 'reciprocal' }),
  unary('relu', ops.relu, 2, 'kink-safe', { primitive: 'relu' }),
  unary('step', ops.step, 1, 'kink-safe', { primitive: 'step' }),
  unary('tanh', ops.tanh, 3, 'wide', { primitive: 'tanh' }),
  unary('erf', ops.erf, 3, 'wide', { primitive: 'erf' }),
  unary('abs', composites.abs, 2, 'kink-safe'),
  unary('square', composites.square, 3, 'kink-safe'),
  unary('sigmoid', composites.sigmoid, 3, 'wide'),
  unary('softplus', composites.softplus, 3, 'wide'),
  unary('gelu', composites.gelu, 3, 'wide'),
  binary('add', ops.add, 3, broadcasting(['kink-safe', 'kink-safe']), { primitive: 'add', linear: [[0, 1]] }),
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
  binary('sub', ops.sub, 3, broadcasting(['kink-safe', 'kink-safe']), { primitive: 'sub', linear: [[0, 1]] }),
  binary('mul', ops.mul, 3, broadcasting(['kink-safe', 'kink-safe']), { primitive: 'mul', linear: [[0], [1]] }),
  binary('div', ops.div, 3, broadcasting(['kink-safe', 'positive']), { primitive: 'div', linear: [[0]] }),
  binary('maximum', ops.maximum, 2, broadcasting(['kink-safe', 'kink-safe'], 'apart'), { primitive: 'maximum' }),
  binary('minimum', composites.minimum, 2, broadcasting(['kink-safe', 'kink-safe'], 'apart')),
  binary('greater', ops.greater, 1, broadcasting(['kink-safe', 'kink-safe'], 'apart'), { primitive: 'greater' }),
  binary('equal', ops.equal, 1, broadcasting(['kink-safe', 'kink-safe'], 'apart')),
  operation({
    name: 'where',
    run: ([condition, a, b]) => ops.where(condition!, a!, b!),
    samples: broadcasting(['bits', 'kink-safe', 'kink-safe']),
    order: 3,
    wrt: [1, 2],
    linear: [[1, 2]],
    primitive: 'where',
  }),
];
