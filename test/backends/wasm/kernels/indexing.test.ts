/** @file take and put on SIMD and in the plain loop. */
import { afterAll, expect, it } from 'vitest';
import { put, take } from '../../../../src/core/indexing.ts';
import { cpu } from '../../../../src/index.ts';

const fast = cpu({ dtype: 'float32' });
const plain = cpu({ dtype: 'float32', simd: false });
afterAll(() => {
  fast.destroy();
  plain.destroy();
});

it('take gives NaN and put makes its row NaN for an index outside the row', async () => {
  for (const device of [fast, plain]) {
    const x = device.tensor([1, 2, 3, 4, 5, 6], [2, 3]);
    const index = device.tensor([2, 3, -1, 0, 1e9, 1], [2, 3]);
    expect([...(await take(x, index).data())]).toEqual([3, NaN, NaN, 4, NaN, 5]);
    expect([...(await put(x, index, 3).data())]).toEqual([NaN, NaN, NaN, NaN, NaN, NaN]);
  }
});
