/** @file Elementwise SIMD kernels against the plain float32 loops, and sums against the float64 loops. */
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import {
  add,
  broadcastTo,
  cpu,
  type Device,
  div,
  greater,
  maximum,
  mul,
  neg,
  reciprocal,
  relu,
  type Shape,
  sqrt,
  step,
  sub,
  sumTo,
  type Tensor,
  where,
} from '../../../../src/index.ts';
import { numbers, roundingFault } from '../../../support/float32.ts';

const fast = cpu({ dtype: 'float32' });
const plain = cpu({ dtype: 'float32', simd: false });
const exact = cpu({ dtype: 'float64' });
afterAll(() => {
  for (const device of [fast, plain, exact]) device.destroy();
});

const sizes: fc.Arbitrary<number> = fc.constantFrom(1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33);
const shapes = fc.array(sizes, { minLength: 0, maxLength: 4 }).filter((shape) => shape.reduce((a, b) => a * b, 1) <= 20_000);

/** A shape and which of its axes an operand stays along; leading axes that it stays along may be missing altogether. */
const broadcast = fc
  .record({ shape: shapes, mask: fc.nat(15), cut: fc.boolean(), seed: fc.nat(1_000_000) })
  .map(({ shape, mask, cut, seed }) => {
    const operand = shape.map((d, i) => (mask & (1 << i) ? 1 : d));
    const kept = operand.findIndex((d) => d !== 1);
    return { shape, operand: cut && kept > 0 ? operand.slice(kept) : operand, seed };
  });

async function values(
  device: Device,
  inputs: readonly (readonly [ArrayLike<number>, Shape])[],
  f: (...xs: Tensor[]) => Tensor,
): Promise<ArrayLike<number>> {
  const tensors = inputs.map(([data, shape]) => device.tensor(data, shape));
  const y = f(...tensors);
  const data = await y.data();
  for (const t of [...tensors, y]) t.dispose();
  return data;
}

const special = [NaN, Infinity, -Infinity, 0, -0, 1e-40, -1e-40, 3.4e38, 1, -1, 0.5, -2];

describe('SIMD kernels without sums give the very numbers of the plain float32 loops', () => {
  it('where, of operands that broadcast; NaN and signed zeros in the condition included', async () => {
    const operand = (shape: Shape, mask: number): Shape => shape.map((d, i) => (mask & (1 << i) ? 1 : d));
    await fc.assert(
      fc.asyncProperty(shapes, fc.nat(15), fc.nat(15), fc.nat(1_000_000), async (shape, maskA, maskB, seed) => {
        const [shapeA, shapeB] = [operand(shape, maskA), operand(shape, maskB)];
        const count = (of: Shape): number => of.reduce((a, b) => a * b, 1);
        const condition = numbers(seed, [count(shape)]).map((v, i) => (i % 2 === 0 ? special[(i / 2) % special.length]! : v));
        const inputs = [
          [condition, shape],
          [numbers(seed + 1, [count(shapeA)]), shapeA],
          [numbers(seed + 2, [count(shapeB)]), shapeB],
        ] as const;
        const choose = (...[c, a, b]: Tensor[]): Tensor => where(c!, a!, b!);
        expect(await values(fast, inputs, choose)).toEqual(await values(plain, inputs, choose));
      }),
      {
        numRuns: 60,
        examples: [
          [[64], 0, 15, 1],
          [[13], 15, 0, 2],
          [[7, 16], 1, 2, 3],
          [[3, 5, 9], 2, 5, 4],
          [[5], 15, 15, 5],
        ],
      },
    );
  });

  it.each([
    ['neg', neg],
    ['sqrt', sqrt],
    ['reciprocal', reciprocal],
    ['relu', relu],
    ['step', step],
  ] as const)('%s, special values included', async (_name, f) => {
    for (const shape of [[1], [3], [4], [5], [12], [64], [7, 9]]) {
      const x = numbers(shape[0]!, shape);
      special.forEach((v, i) => {
        if (i < x.length) x[x.length - 1 - i] = v;
      });
      expect(await values(fast, [[x, shape]], f)).toEqual(await values(plain, [[x, shape]], f));
    }
  });

  it.each([
    ['add', add],
    ['sub', sub],
    ['mul', mul],
    ['div', div],
    ['maximum', maximum],
    ['greater', greater],
  ] as const)('%s of operands that broadcast either way', async (_name, f) => {
    await fc.assert(
      fc.asyncProperty(broadcast, fc.boolean(), async ({ shape, operand, seed }, swap) => {
        const [a, b] = [numbers(seed, shape), numbers(seed + 1, operand)];
        special.forEach((v, i) => {
          if (i * 3 < a.length) a[i * 3] = v;
          if (i * 2 < b.length) b[i * 2] = v;
        });
        const inputs = [
          [a, shape],
          [b, operand],
        ] as const;
        const ordered = swap ? [inputs[1], inputs[0]] : inputs;
        expect(await values(fast, ordered, f)).toEqual(await values(plain, ordered, f));
      }),
      { seed: 11, numRuns: 60 },
    );
  });

  it('operands that broadcast to one another', async () => {
    for (const [a, b] of [
      [
        [5, 1],
        [1, 7],
      ],
      [
        [2, 1, 8],
        [1, 3, 1],
      ],
      [
        [4, 1, 3, 1],
        [1, 2, 1, 5],
      ],
      [
        [6, 1, 4],
        [2, 6, 5, 4],
      ],
    ] as const) {
      const inputs = [
        [numbers(1, a), a],
        [numbers(2, b), b],
      ] as const;
      expect(await values(fast, inputs, sub)).toEqual(await values(plain, inputs, sub));
    }
  });

  it('broadcastTo', async () => {
    await fc.assert(
      fc.asyncProperty(broadcast, async ({ shape, operand, seed }) => {
        const f = (x: Tensor): Tensor => broadcastTo(x, shape);
        const inputs = [[numbers(seed, operand), operand]] as const;
        expect(await values(fast, inputs, f)).toEqual(await values(plain, inputs, f));
      }),
      { seed: 12, numRuns: 60 },
    );
  });

  it('a kernel that ends in a partial vector leaves the next buffer alone', async () => {
    for (let n = 1; n <= 64; n += 7) {
      const x = fast.tensor(numbers(n, [n]), [n]);
      const y = relu(x);
      const next = fast.tensor(numbers(n + 1, [64]), [64]);
      const expected = await next.data();
      const z = add(y, 1);
      expect(await next.data()).toEqual(expected);
      for (const t of [x, y, next, z]) t.dispose();
    }
  });
});

describe('SIMD sums equal the float64 loops to rounding', () => {
  it('sumTo over any axes', async () => {
    await fc.assert(
      fc.asyncProperty(broadcast, async ({ shape, operand, seed }) => {
        const x = numbers(seed, shape);
        const f = (t: Tensor): Tensor => sumTo(t, operand);
        const terms =
          x.length /
          Math.max(
            1,
            operand.reduce((a, b) => a * b, 1),
          );
        const sums = await values(exact, [[x.map(Math.abs), shape]], f);
        expect(
          roundingFault(await values(fast, [[x, shape]], f), await values(exact, [[x, shape]], f), sums, terms),
        ).toBeUndefined();
      }),
      { seed: 13, numRuns: 200 },
    );
  });

  it.each([
    ['all of a long vector', [300_007], [1]],
    ['a channel of a batch', [64, 5, 1000], [1, 5, 1]],
    ['columns of a tall matrix', [20_000, 6], [1, 6]],
  ] as const)('positive numbers lose no digits in %s', async (_name, shape, to) => {
    const x = numbers(5, shape).map(Math.abs);
    const f = (t: Tensor): Tensor => sumTo(t, to);
    const expected = await values(exact, [[x, shape]], f);
    expect(roundingFault(await values(fast, [[x, shape]], f), expected, expected, x.length, 8)).toBeUndefined();
  });
});
