/** @file Optimiser steps on SIMD against the float64 loops. */
import { afterAll, describe, expect, it } from 'vitest';
import { cpu, type Device } from '../../../../src/index.ts';
import { applyInPlace } from '../../../../src/core/primitive.ts';
import { numbers, roundingFault } from '../../../support/float32.ts';

const fast = cpu({ dtype: 'float32' });
const exact = cpu({ dtype: 'float64' });
afterAll(() => {
  fast.destroy();
  exact.destroy();
});

type Values = readonly ArrayLike<number>[];

describe('optimiser steps on SIMD equal the float64 loops', () => {
  it.each([
    ['sgd', 2, { nesterov: false }],
    ['sgd', 2, { nesterov: true }],
    ['adam', 3, {}],
  ] as const)('%s of %i tensors, %o', async (op, count, params) => {
    const hyper = op === 'sgd' ? [0.1, 0.9, 0.01, 0.5] : [0.01, 0.9, 0.999, 1e-8, 0.01, 0.271, 0.002997, 0.5];
    for (const size of [1, 4, 7, 33]) {
      const run = async (device: Device): Promise<Values> => {
        const targets = Array.from({ length: count }, (_, i) =>
          device.tensor(
            numbers(i, [size]).map((v) => (i === 2 ? Math.abs(v) : v)),
            [size],
          ),
        );
        const h = device.tensor(Float32Array.from(hyper), [hyper.length]);
        for (let step = 0; step < 3; step++) {
          const inputs = [device.tensor(numbers(10 + step, [size]), [size]), h];
          if (op === 'sgd') applyInPlace('sgd', params as { nesterov: boolean }, inputs, targets);
          else applyInPlace('adam', {}, inputs, targets);
        }
        return Promise.all(targets.map((t) => t.data()));
      };
      const [got, expected] = [await run(fast), await run(exact)];
      got.forEach((v, i) =>
        expect(
          roundingFault(
            v,
            expected[i]!,
            Float64Array.from(expected[i]!, (e) => 4 + Math.abs(e)),
            8,
          ),
        ).toBeUndefined(),
      );
    }
  });
});
