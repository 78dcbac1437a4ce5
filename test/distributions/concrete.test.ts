/** @file The Concrete density in float64: normalisation, its two-operation law, and the score as autodiff of the density. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { categoricalEntropy, RelaxedOneHotCategorical } from '../../src/distributions/index.ts';
import { cpu, grad, gumbel, key, softmax, sum, type Tensor } from '../../src/index.ts';

const device = cpu({ dtype: 'float64' });
const cases = fc.record({
  n: fc.integer({ min: 2, max: 8 }),
  seed: fc.integer({ min: 0, max: 1e6 }),
  temperature: fc.integer({ min: -4, max: 1 }).map((e) => 2 ** e),
});

function build({ n, seed, temperature }: { n: number; seed: number; temperature: number }): {
  p: RelaxedOneHotCategorical;
  logits: Tensor;
  noise: Tensor;
} {
  const logits = device.tensor(
    Array.from({ length: 2 * n }, (_, i) => 2 * Math.sin(1 + seed * 0.37 + i * 2.1)),
    [2, n],
  );
  return { p: new RelaxedOneHotCategorical({ logits, temperature }), logits, noise: gumbel(device, key(seed), [2, n]) };
}

const worst = (a: ArrayLike<number>, b: ArrayLike<number>): number => Math.max(...Array.from(a, (v, i) => Math.abs(v - b[i]!)));

describe('the density', () => {
  it('of two operations is the derivative of P(Z1 <= z) = sigmoid(lambda logit z - (l1 - l2))', async () => {
    const { p, logits } = build({ n: 2, seed: 3, temperature: 0.6 });
    const l = await logits.data();
    for (const z of [0.01, 0.2, 0.5, 0.77, 0.99]) {
      const s = 1 / (1 + Math.exp(-(0.6 * Math.log(z / (1 - z)) - (l[0]! - l[1]!))));
      const expected = Math.log((s * (1 - s) * 0.6) / (z * (1 - z)));
      const got = await p.logProb({ z: device.tensor([z, 1 - z]) }).data();
      expect(Math.abs(got[0]! - expected)).toBeLessThan(1e-12);
    }
  });

  it('of three operations integrates to one over the simplex (trapezoid rule in log-ratio coordinates, spectrally accurate)', async () => {
    const p = new RelaxedOneHotCategorical({ logits: device.tensor([0.3, -0.5, 0.1]), temperature: 0.8 });
    // z = softmax(u, v, 0); dz1 dz2 = z1 z2 z3 du dv.
    const step = 0.5;
    const side = Array.from({ length: 161 }, (_, i) => (i - 80) * step);
    const points = side.flatMap((u) => side.map((v) => [u, v, 0]));
    const logZ = points.map((row) => {
      const top = Math.max(...row);
      const total = top + Math.log(row.reduce((s, x) => s + Math.exp(x - top), 0));
      return row.map((x) => x - total);
    });
    const density = await p.logProb({ logZ: device.tensor(logZ.flat(), [logZ.length, 3]) }).data();
    const integral = logZ.reduce((s, row, i) => s + Math.exp(density[i]! + row[0]! + row[1]! + row[2]!) * step * step, 0);
    expect(Math.abs(integral - 1)).toBeLessThan(1e-6);
  });

  it('is the same whether the sample is given as z, as log z or as noise, and whatever constant is added to the logits', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (c) => {
        const { p, logits, noise } = build({ ...c, temperature: Math.max(c.temperature, 0.25) });
        const byNoise = await p.logProb({ noise }).data();
        const byLog = await p.logProb({ logZ: p.rsampleLog({ noise }) }).data();
        const byZ = await p.logProb({ z: p.rsample({ noise }) }).data();
        const shifted = new RelaxedOneHotCategorical({
          logits: device.tensor(
            (await logits.data()).map((v) => v + 3),
            logits.shape,
          ),
          temperature: p.temperature,
        });
        const scale = 1 + Math.max(...byNoise.map(Math.abs));
        expect(worst(byLog, byNoise)).toBeLessThan(1e-12 * scale);
        expect(worst(byZ, byNoise)).toBeLessThan(1e-9 * scale);
        expect(worst(await shifted.logProb({ noise }).data(), byNoise)).toBeLessThan(1e-12 * scale);
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  it('at a temperature given as a tensor is the same, and its derivative there agrees with central differences', async () => {
    const { p, logits, noise } = build({ n: 4, seed: 9, temperature: 0.7 });
    const logZ = p.rsampleLog({ noise });
    const temperature = device.tensor([0.7]);
    const value = new RelaxedOneHotCategorical({ logits, temperature }).logProb({ logZ });
    expect(worst(await value.data(), await p.logProb({ logZ }).data())).toBeLessThan(1e-13);
    const at = (t: number): Promise<number> =>
      sum(new RelaxedOneHotCategorical({ logits, temperature: t }).logProb({ logZ })).item();
    const numeric = ((await at(0.7 + 1e-5)) - (await at(0.7 - 1e-5))) / 2e-5;
    expect(Math.abs(numeric - (await grad(sum(value), [temperature])[0].item()))).toBeLessThan(1e-7);
  });
});

it('autodiff of log p in the logits is the score, 1 - n softmax(-G), to 1e-12, from noise, log z and a detached sample alike', async () => {
  await fc.assert(
    fc.asyncProperty(cases, async (c) => {
      const { p, logits, noise } = build(c);
      const g = Array.from(await noise.data());
      const expected = Float64Array.from(g, (_, i) => {
        const row = g.slice(i - (i % c.n), i - (i % c.n) + c.n);
        const total = row.reduce((s, v) => s + Math.exp(-v), 0);
        return 1 - (c.n * Math.exp(-g[i]!)) / total;
      });
      const logZ = p.rsampleLog({ noise });
      const fixed = device.tensor(await logZ.data(), logZ.shape);
      expect(worst(await p.score({ noise }).data(), expected)).toBeLessThan(1e-12);
      expect(worst(await p.score({ logZ }).data(), expected)).toBeLessThan(1e-12);
      expect(worst(await grad(sum(p.logProb({ noise })), [logits])[0].data(), expected)).toBeLessThan(1e-12);
      expect(worst(await grad(sum(p.logProb({ logZ: fixed })), [logits])[0].data(), expected)).toBeLessThan(1e-12);
    }),
    { seed: 2, numRuns: 100 },
  );
});

it('log p differentiated through the sample as well is another vector: a pathwise logZ is not held', async () => {
  const { p, logits, noise } = build({ n: 4, seed: 5, temperature: 0.3 });
  const through = await grad(sum(p.logProb({ logZ: p.rsampleLog({ noise }) })), [logits])[0].data();
  expect(worst(through, await p.score({ noise }).data())).toBeGreaterThan(1);
});

it('the score is bounded by (1 - n, 1), its rows sum to zero, and it takes no gradient', async () => {
  const { p, logits, noise } = build({ n: 5, seed: 6, temperature: 0.05 });
  const score = p.score({ noise });
  const data = Array.from(await score.data());
  expect(data.every((v) => v > -4 && v < 1)).toBe(true);
  expect(Math.abs(data.slice(0, 5).reduce((a, b) => a + b, 0))).toBeLessThan(1e-14);
  expect(() => grad(sum(score), [logits])).toThrow('does not depend');
});

it('entropy is log n for equal logits, 0 in the limit of certainty, and -sum pi log pi between, in nats', async () => {
  expect(await categoricalEntropy(device.zeros([8])).item()).toBeCloseTo(Math.log(8), 14);
  expect(await categoricalEntropy(device.tensor([1000, 0, -1000])).item()).toBe(0);
  const logits = device.tensor([0.2, -1, 2, 0.5, 0, 1], [2, 3]);
  const pi = await softmax(logits).data();
  const expected = [0, 1].map((r) => -[0, 1, 2].reduce((s, k) => s + pi[r * 3 + k]! * Math.log(pi[r * 3 + k]!), 0));
  const got = await new RelaxedOneHotCategorical({ logits, temperature: 1 }).entropy().data();
  expect(worst(got, expected)).toBeLessThan(1e-14);
});

it('refuses fewer than two categories, a temperature of several elements, and a sample of another length', () => {
  expect(() => new RelaxedOneHotCategorical({ logits: device.zeros([3, 1]), temperature: 1 })).toThrow('two or more categories');
  expect(() => new RelaxedOneHotCategorical({ logits: device.zeros([3]), temperature: device.ones([3]) })).toThrow(
    'must have one element',
  );
  const p = new RelaxedOneHotCategorical({ logits: device.zeros([3]), temperature: 1 });
  expect(() => p.logProb({ logZ: device.zeros([4]) })).toThrow('needs 3 categories');
});
