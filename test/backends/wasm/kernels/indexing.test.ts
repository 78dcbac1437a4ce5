/** @file take and put on SIMD and in the plain loop. */
import fc from 'fast-check';
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

it('take and put give the numbers of the plain loop, whatever the indices and however many', async () => {
  const wrong = fc.constantFrom(-1, 0.5, NaN, Infinity, -Infinity, 2 ** 31, -(2 ** 31), 2 ** 32, 1e-40, -0);
  const cases = fc.integer({ min: 1, max: 12 }).chain((n) =>
    fc.record({
      n: fc.constant(n),
      rows: fc.array(
        fc.array(fc.oneof({ weight: 30, arbitrary: fc.nat(n - 1) }, { weight: 1, arbitrary: wrong }), {
          minLength: 9,
          maxLength: 9,
        }),
        { minLength: 1, maxLength: 4 },
      ),
      m: fc.integer({ min: 1, max: 9 }),
    }),
  );
  await fc.assert(
    fc.asyncProperty(cases, async ({ n, rows, m }) => {
      const index = rows.map((row) => row.slice(0, m));
      const results = [];
      for (const device of [fast, plain]) {
        const i = device.tensor(index.flat(), [rows.length, m]);
        const x = device.tensor(
          Float32Array.from({ length: rows.length * n }, (_, k) => k + 0.5),
          [rows.length, n],
        );
        const g = device.tensor(
          Float32Array.from({ length: rows.length * m }, (_, k) => 1 / (k + 1)),
          [rows.length, m],
        );
        const [taken, given] = [take(x, i), put(g, i, n)];
        results.push([await taken.data(), await given.data()]);
        for (const t of [i, x, g, taken, given]) t.dispose();
      }
      expect(results[0]).toEqual(results[1]);
    }),
    { numRuns: 200 },
  );
});
