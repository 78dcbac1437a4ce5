/** @file A project that has fast-check, against the entry point that draws from it. */
import type { Arbitrary } from 'fast-check';
import { mul, type Tensor } from 'reparam';
import { checkOperationGrads, kinkSafe, type Operation, operation, shapes, type TensorValue } from 'reparam/testing/properties';

const values: Arbitrary<TensorValue> = shapes({ maxSize: 4 }).chain(kinkSafe);

export const squares: Operation = operation({
  name: 'square',
  run: ([x]): Tensor => mul(x!, x!),
  samples: () => values.map((x) => ({ inputs: [x], params: null })),
  order: 3,
});

export const report: ReturnType<typeof checkOperationGrads> = checkOperationGrads(squares, { seed: 1, runs: 1 });
