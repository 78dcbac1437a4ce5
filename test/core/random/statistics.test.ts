/** @file Statistical gates of the random numbers. Seeds are fixed, so each p > 1e-3 is met once and for all. */
import { describe, expect, it } from 'vitest';
import { chiSquareTail } from '../../../src/credit/statistics.ts';
import { foldIn, gumbels, key, normals, permutation, split, uniforms } from '../../../src/index.ts';
import { chiSquare, correlation, kolmogorovSmirnov, moments } from '../../support/statistics.ts';

const N = 2 ** 18;
const P = 1e-3;

describe('the p-values used below agree with published tables', () => {
  it.each([
    { x: 3.841, degrees: 1, p: 0.05 },
    { x: 6.635, degrees: 1, p: 0.01 },
    { x: 14.067, degrees: 7, p: 0.05 },
    { x: 24.322, degrees: 7, p: 0.001 },
    { x: 2.167, degrees: 7, p: 0.95 },
    { x: 124.342, degrees: 100, p: 0.05 },
  ])('chi-square $x on $degrees degrees of freedom', ({ x, degrees, p }) => {
    expect(chiSquareTail(x, degrees)).toBeCloseTo(p, 4);
  });

  it('Kolmogorov: sqrt(n) D = 1.3581 has p = 0.05 and 1.6276 has p = 0.01', () => {
    for (const [t, p] of [
      [1.3581, 0.05],
      [1.6276, 0.01],
    ] as const) {
      // Points (i + 1/2) / n + shift against the identity: D = 1 / (2 n) + shift.
      const n = 10_000;
      const shift = t / Math.sqrt(n) - 1 / (2 * n);
      const xs = Array.from({ length: n }, (_, i) => (i + 0.5) / n + shift);
      expect(kolmogorovSmirnov(xs, (x) => x).p).toBeCloseTo(p, 3);
    }
  });
});

it(`uniforms: KS against the identity, and each of the top 8 bits fair (N = ${N}, seed 1)`, () => {
  const u = uniforms(key(1), N);
  expect(kolmogorovSmirnov(u, (x) => x).p).toBeGreaterThan(P);
  const cells = new Float64Array(256);
  for (const x of u) cells[Math.floor(x * 256)]!++;
  expect(chiSquare(cells, new Float64Array(256).fill(1 / 256)).p).toBeGreaterThan(P);
});

it(`Gumbel numbers: KS against exp(-exp(-g)); mean 0.5772 and variance pi^2 / 6 within 4 standard errors (N = ${N}, seed 2)`, () => {
  const g = gumbels(key(2), N);
  expect(kolmogorovSmirnov(g, (x) => Math.exp(-Math.exp(-x))).p).toBeGreaterThan(P);
  const { mean, variance, standardError } = moments(g);
  expect(Math.abs(mean - 0.5772156649015329) / standardError).toBeLessThan(4);
  // Kurtosis of the Gumbel distribution is 5.4, so the variance's standard error is variance sqrt(4.4 / N).
  expect(Math.abs(variance - Math.PI ** 2 / 6) / ((Math.PI ** 2 / 6) * Math.sqrt(4.4 / N))).toBeLessThan(4);
});

it(`normal numbers: KS against the normal distribution function by quadrature (N = ${N}, seed 3)`, () => {
  const step = 2 ** -10;
  const table: number[] = [0];
  const density = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
  for (let x = -8; x < 8; x += step)
    table.push(table.at(-1)! + (step / 6) * (density(x) + 4 * density(x + step / 2) + density(x + step)));
  const cdf = (x: number): number => {
    const at = (x + 8) / step;
    const i = Math.floor(at);
    return table[i]! + (at - i) * (table[i + 1]! - table[i]!);
  };
  expect(kolmogorovSmirnov(normals(key(3), N), cdf).p).toBeGreaterThan(P);
});

describe(`argmax of logits + Gumbel noise has the frequencies of softmax(logits): chi-square (N = ${N}, seed 10 + K)`, () => {
  it.each([2, 3, 4, 8])('K = %i', (K) => {
    const logits = Array.from({ length: K }, (_, i) => Math.sin(3 * i) * 1.5);
    const total = logits.reduce((s, l) => s + Math.exp(l), 0);
    const g = gumbels(key(10 + K), N * K);
    const counts = new Float64Array(K);
    for (let r = 0; r < N; r++) {
      let best = 0;
      for (let i = 1; i < K; i++) if (logits[i]! + g[r * K + i]! > logits[best]! + g[r * K + best]!) best = i;
      counts[best]!++;
    }
    const probabilities = logits.map((l) => Math.exp(l) / total);
    expect(chiSquare(counts, probabilities).p).toBeGreaterThan(P);
    // The gate sees a distribution that is off by five percent in one category.
    const wrong = probabilities.map((p, i) => (i === 0 ? p * 1.05 : p) / (1 + 0.05 * probabilities[0]!));
    expect(chiSquare(counts, wrong).p).toBeLessThan(P);
  });
});

describe(`independence: |correlation| sqrt(N) < 4 (N = ${N}, seed 20)`, () => {
  const root = key(20);
  const z = (x: ArrayLike<number>, y: ArrayLike<number>, count: number): number =>
    Math.abs(correlation(x, y, count)) * Math.sqrt(count);

  it('of neighbours in one stream, at lags 1, 2 and 8', () => {
    const u = uniforms(root, N);
    for (const lag of [1, 2, 8]) expect(z(u, u.subarray(lag), N - lag)).toBeLessThan(4);
  });

  it('of parent and children, sibling streams, and streams of neighbouring seeds, steps and edges', () => {
    const streams = [
      root,
      ...split(root, 3),
      key(21),
      foldIn(foldIn(root, 5), 0),
      foldIn(foldIn(root, 5), 1),
      foldIn(foldIn(root, 6), 0),
    ].map((k) => uniforms(k, N));
    // The two words of split(root)[i] are those whose exclusive or is word i of the parent's own stream: still no correlation.
    streams.forEach((x, i) => streams.slice(i + 1).forEach((y) => expect(z(x, y, N)).toBeLessThan(4)));
  });

  it('sees a stream that repeats every other value', () => {
    const u = uniforms(root, N);
    const repeated = u.map((_, i) => u[i - (i % 2)]!);
    expect(z(repeated, repeated.subarray(1), N - 1)).toBeGreaterThan(100);
  });
});

it('a permutation puts every value everywhere equally often: chi-square over 5! orders (N = 24,000, seed 30)', () => {
  const counts = new Map<string, number>();
  const times = 24_000;
  for (let i = 0; i < times; i++) {
    const order = permutation(foldIn(key(30), i), 5).join('');
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  expect(counts.size).toBe(120);
  expect(chiSquare([...counts.values()], new Float64Array(120).fill(1 / 120)).p).toBeGreaterThan(P);
});
