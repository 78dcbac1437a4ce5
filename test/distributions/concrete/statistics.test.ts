/** @file Statistics of the Concrete distribution: its law, and the score's moments. Fixed seeds; p > 1e-3, |z| < 4. */
import { describe, expect, it } from 'vitest';
import { gumbelSoftmax, RelaxedOneHotCategorical } from '../../../src/distributions/index.ts';
import { cpu, gumbel, key, reshape, softmax } from '../../../src/index.ts';
import { kolmogorovSmirnov, moments } from '../../support/statistics.ts';

const device = cpu({ dtype: 'float64' });
const N = 2 ** 17;
const Z = 4;

describe(`the first of two operations has P(Z1 <= z) = sigmoid(lambda logit z - (l1 - l2)): KS (N = ${N}, seed 1)`, () => {
  it.each([2, 0.5, 0.1])('lambda = %d', async (temperature) => {
    const difference = 0.8;
    const noise = gumbel(device, key(1), [N, 2]);
    const z = await gumbelSoftmax(device.tensor([0.3 + difference, 0.3]), { temperature, noise }).data();
    // Compared in logit z, which does not round to 0 and 1: z1 / z2 is at hand.
    const logits = Float64Array.from({ length: N }, (_, i) => Math.log(z[2 * i]! / z[2 * i + 1]!));
    const cdf = (x: number): number => 1 / (1 + Math.exp(-(temperature * x - difference)));
    expect(kolmogorovSmirnov(logits, cdf).p).toBeGreaterThan(1e-3);
    expect(kolmogorovSmirnov(logits, (x) => cdf(x + 0.1 / temperature)).p).toBeLessThan(1e-6);
  });
});

describe(`the score has the moments of its law, whatever logits and temperature (N = ${N}, seed 10 + n, |z| < ${Z})`, () => {
  it.each([
    { n: 2, temperature: 0.1 },
    { n: 4, temperature: 1 },
    { n: 8, temperature: 0.5 },
  ])(
    'n = $n, lambda = $temperature: mean 0, variance (n-1)/(n+1), and given the argmax, onehot - pi',
    async ({ n, temperature }) => {
      const logits = device.tensor(Array.from({ length: n }, (_, i) => 1.2 * Math.cos(2 * i)));
      const p = new RelaxedOneHotCategorical({ logits, temperature });
      const noise = gumbel(device, key(10 + n), [N, n]);
      const logZ = await p.rsampleLog({ noise }).data();
      const score = await p.score({ logZ: device.tensor(logZ, [N, n]) }).data();
      const pi = await softmax(reshape(logits, [n])).data();
      for (let k = 0; k < n; k++) {
        const component = Float64Array.from({ length: N }, (_, i) => score[i * n + k]!);
        const { mean, standardError, variance } = moments(component);
        expect(Math.abs(mean) / standardError).toBeLessThan(Z);
        const squares = moments(component.map((v) => v * v));
        expect(Math.abs(squares.mean - (n - 1) / (n + 1)) / squares.standardError).toBeLessThan(Z);
        expect(Math.abs(variance - (n - 1) / (n + 1))).toBeLessThan(0.1);
      }
      const chosen = Array.from({ length: N }, (_, i) => {
        const row = logZ.subarray(i * n, (i + 1) * n);
        return row.indexOf(Math.max(...row));
      });
      for (let i = 0; i < n; i++) {
        const rows = chosen.flatMap((c, r) => (c === i ? [r] : []));
        for (let k = 0; k < n; k++) {
          const { mean, standardError } = moments(rows.map((r) => score[r * n + k]!));
          expect(Math.abs(mean - ((i === k ? 1 : 0) - pi[k]!)) / standardError).toBeLessThan(Z + 0.5);
        }
      }
    },
  );
});
