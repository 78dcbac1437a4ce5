/** @file The check of a kernel against its rounding bound finds kernels that are a little wrong. */
import { describe, expect, it } from 'vitest';
import { cpu, mul, sub } from '../../src/index.ts';
import { checkOperationKernel, operation, operations } from '../../src/testing/properties/index.ts';

describe('checkOperationKernel', () => {
  it('finds a kernel that drops the last term of a long sum', async () => {
    const right = operations.find((op) => op.name === 'sum')!;
    const float32 = cpu({ dtype: 'float32' });
    const { failure } = await checkOperationKernel(
      { ...right, run: ([x], params) => (x!.device === float32 ? sub(right.run([x!], params), 1e-3) : right.run([x!], params)) },
      float32,
      { seed: 1, runs: 5 },
    );
    expect(failure?.message).toMatch(/off by more than rounding explains/);
  });

  it('finds one wrong bit in an operation that should be exact', async () => {
    const right = operations.find((op) => op.name === 'permute')!;
    const float32 = cpu({ dtype: 'float32' });
    const wrong = operation({
      ...right,
      run: ([x], params) => {
        const y = right.run([x!], params);
        return x!.device === float32 ? mul(y, 1 + 2 ** -23) : y;
      },
    });
    const { failure } = await checkOperationKernel(wrong, float32, { seed: 1, runs: 3 });
    expect(failure?.message).toMatch(/off by more than rounding explains/);
  });
});
