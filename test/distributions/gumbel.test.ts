/** @file Gumbel-softmax and Gumbel-max in float64: limits, gradients with the noise held, straight-through, replay. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gumbelMax, gumbelSoftmax, oneHotArgmax, straightThrough } from '../../src/distributions/index.ts';
import { cpu, grad, gumbel, key, mul, permute, square, sub, sum, type Tensor } from '../../src/index.ts';

const device = cpu({ dtype: 'float64' });
const cases = fc.record({
  rows: fc.integer({ min: 1, max: 4 }),
  n: fc.integer({ min: 2, max: 8 }),
  seed: fc.integer({ min: 0, max: 1e6 }),
  temperature: fc.integer({ min: -4, max: 1 }).map((e) => 2 ** e),
});

/** Logits from a wave that depends on the seed, in [-2, 2]. */
function logitsOf({ rows, n, seed }: { rows: number; n: number; seed: number }): Tensor {
  return device.tensor(
    Array.from({ length: rows * n }, (_, i) => 2 * Math.sin(1 + seed * 0.37 + i * 2.1)),
    [rows, n],
  );
}

const rowsOf = (flat: ArrayLike<number>, n: number): number[][] =>
  Array.from({ length: flat.length / n }, (_, r) => Array.from(flat).slice(r * n, (r + 1) * n));

it('every row sums to one and lies in the simplex, whatever the temperature', async () => {
  await fc.assert(
    fc.asyncProperty(cases, async (c) => {
      const z = await gumbelSoftmax(logitsOf(c), { temperature: c.temperature, key: key(c.seed) }).data();
      for (const row of rowsOf(z, c.n)) {
        expect(row.every((v) => v >= 0)).toBe(true);
        expect(Math.abs(row.reduce((a, b) => a + b, 0) - 1)).toBeLessThan(1e-14);
      }
    }),
    { seed: 1, numRuns: 100 },
  );
});

it('as the temperature goes to zero the sample goes to Gumbel-max of the same noise, and its hard form equals it at any temperature', async () => {
  await fc.assert(
    fc.asyncProperty(cases, async (c) => {
      const logits = logitsOf(c);
      const exact = await gumbelMax(logits, { key: key(c.seed) }).data();
      const hard = await gumbelSoftmax(logits, { temperature: c.temperature, key: key(c.seed), hard: true }).data();
      const cold = await gumbelSoftmax(logits, { temperature: 1e-7, key: key(c.seed) }).data();
      expect(hard).toEqual(exact);
      cold.forEach((v, i) => expect(Math.abs(v - exact[i]!)).toBeLessThan(1e-9));
    }),
    { seed: 2, numRuns: 100 },
  );
});

it('the gradients in logits and temperature agree with central differences with the noise held', async () => {
  await fc.assert(
    fc.asyncProperty(cases, async (c) => {
      const logits = logitsOf(c);
      const flat = await logits.data();
      const weights = device.tensor(
        Array.from(flat, (_, i) => Math.cos(i * 1.3)),
        logits.shape,
      );
      const f = (l: Tensor, t: Tensor | number): Tensor =>
        sum(square(sub(gumbelSoftmax(l, { temperature: t, key: key(c.seed) }), weights)));
      const t = device.tensor(c.temperature, []);
      const [gl, gt] = grad(f(logits, t), [logits, t]);
      const h = 1e-5 * c.temperature;
      // Truncation h^2 / lambda^3 and rounding u / h, both relative to the scale 1 / lambda of the gradient.
      const tolerance = 1e-8 / c.temperature;
      const analytic = await gl.data();
      for (let i = 0; i < flat.length; i++) {
        const at = (d: number): Promise<number> =>
          f(
            device.tensor(
              flat.map((v, k) => (k === i ? v + d : v)),
              logits.shape,
            ),
            c.temperature,
          ).item();
        expect(Math.abs(((await at(h)) - (await at(-h))) / (2 * h) - analytic[i]!)).toBeLessThan(tolerance);
      }
      const numeric = ((await f(logits, c.temperature + h).item()) - (await f(logits, c.temperature - h).item())) / (2 * h);
      expect(Math.abs(numeric - (await gt.item()))).toBeLessThan(tolerance * 20);
    }),
    { seed: 3, numRuns: 60 },
  );
});

describe('straight-through', () => {
  it('has exactly the hard value and exactly the gradient of the relaxed sample', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (c) => {
        const logits = logitsOf(c);
        const w = device.tensor(Array.from({ length: c.n }, (_, i) => i - 1));
        const gradientOf = (hard: boolean): Promise<ArrayLike<number>> =>
          grad(sum(mul(gumbelSoftmax(logits, { temperature: c.temperature, key: key(c.seed), hard }), w)), [logits])[0].data();
        expect(await gradientOf(true)).toEqual(await gradientOf(false));
      }),
      { seed: 4, numRuns: 50 },
    );
  });

  it('refuses values of different shapes', () => {
    expect(() => straightThrough(device.zeros([2]), device.zeros([3]))).toThrow('straightThrough: [2] and [3] differ');
  });
});

it('the sample of given noise is the sample of the key that the noise was drawn from, also along another axis', async () => {
  const logits = logitsOf({ rows: 3, n: 4, seed: 7 });
  const noise = gumbel(device, key(5), logits.shape);
  const byKey = await gumbelSoftmax(logits, { temperature: 0.3, key: key(5) }).data();
  expect(await gumbelSoftmax(logits, { temperature: 0.3, noise }).data()).toEqual(byKey);
  const turned = gumbelSoftmax(permute(logits), { temperature: 0.3, noise: permute(noise), axis: 0 });
  expect(await permute(turned).data()).toEqual(byKey);
});

it('ties go to the lowest index, along any axis', async () => {
  expect(await oneHotArgmax(device.tensor([1, 3, 3, 3, 2, 2], [2, 3])).data()).toEqual(Float64Array.of(0, 1, 0, 1, 0, 0));
  expect(await oneHotArgmax(device.tensor([1, 3, 1, 3, 2, 2], [2, 3]), 0).data()).toEqual(Float64Array.of(0, 1, 0, 1, 0, 1));
  const tied = gumbelMax(device.zeros([4]), { noise: device.zeros([4]) });
  expect(await tied.data()).toEqual(Float64Array.of(1, 0, 0, 0));
});

it('refuses a temperature that is not positive and noise from no source or two, naming what was given', () => {
  const logits = device.zeros([3]);
  for (const temperature of [0, -1, Number.NaN, Infinity]) {
    expect(() => gumbelSoftmax(logits, { temperature, key: key(1) })).toThrow(`temperature ${temperature} must be positive`);
  }
  expect(() => gumbelSoftmax(logits, { temperature: 1 })).toThrow('either { key } or { noise }');
  expect(() => gumbelMax(logits, { key: key(1), noise: logits })).toThrow('either { key } or { noise }');
});
