/** @file The estimators against exact enumeration: the unbiased ones to sampling error, the biased ones at their known limits. */
import { expect, it } from 'vitest';
import {
  allEstimators,
  baselineSpreads,
  conditionalMean,
  controlVariate,
  counterfactual,
  type Estimator,
  leaveOneOut,
  meanBaseline,
  reinforce,
  dagFixture,
  singleEdgeFixture,
  enumerate,
  gumbelRao,
  makeDraw,
  MAX_ARCHITECTURES,
  rebar,
  runLaboratory,
  straightThroughGumbel,
  studentQuantile,
  chiSquareTail,
  VectorMoments,
  compositeRule,
  interval,
} from '../../src/credit/index.ts';
import { RelaxedOneHotCategorical } from '../../src/distributions/index.ts';
import {
  add,
  broadcastTo,
  cpu,
  div,
  foldIn,
  grad,
  gumbel,
  gumbels,
  key,
  mul,
  scope,
  softmax,
  sum,
  type Tensor,
} from '../../src/index.ts';

const device = cpu();
const logitsOf = (edges: number, n: number): number[][] =>
  Array.from({ length: edges }, (_, e) => Array.from({ length: n }, (_u, k) => 0.5 * Math.cos(1.7 * e + 2.3 * k)));

it('the enumerated gradient is the derivative of the enumerated expectation: central differences, 1e-8', async () => {
  const f = dagFixture(device, { head: 'softmax', nodes: 2, operations: 3 });
  const logits = logitsOf(3, 3);
  const { gradient } = await enumerate(f, logits);
  const h = 1e-5;
  for (const [e, k] of [
    [0, 0],
    [1, 2],
    [2, 1],
  ] as const) {
    const moved = (by: number): number[][] => logits.map((row, i) => row.map((v, j) => (i === e && j === k ? v + by : v)));
    const slope = ((await enumerate(f, moved(h))).expected - (await enumerate(f, moved(-h))).expected) / (2 * h);
    expect(Math.abs(slope - gradient[e * 3 + k]!)).toBeLessThan(1e-8);
  }
});

it('enumerated ablation credits give the enumerated gradient to 1e-12, at 27 and at 4,096 architectures; first-order credits do not', async () => {
  for (const [nodes, operations] of [
    [2, 3],
    [3, 4],
  ] as const) {
    const f = dagFixture(device, { head: 'softmax', nodes, operations });
    const { gradient, ablationGradient, taylorGradient, architectures } = await enumerate(f, logitsOf(f.edges.length, operations));
    expect(architectures).toBe(operations ** f.edges.length);
    expect(Math.max(...gradient.map((g, i) => Math.abs(g - ablationGradient[i]!)))).toBeLessThan(1e-12);
    expect(Math.max(...gradient.map((g, i) => Math.abs(g - taylorGradient[i]!)))).toBeGreaterThan(1e-3);
  }
});

it('more than 4,096 architectures are refused by number', async () => {
  const f = dagFixture(device, { head: 'linear', nodes: 3, operations: 5 });
  await expect(enumerate(f, logitsOf(6, 5))).rejects.toThrow(new RegExp(`15625 architectures; at most ${MAX_ARCHITECTURES}`));
});

it('unbiased estimators: every component within 5 standard errors of enumeration, chi-square p > 1e-4; N = 6,144, seed 3', async () => {
  const fixture = dagFixture(device, { head: 'softmax', nodes: 2, operations: 3 });
  const options = { fixture, logits: logitsOf(3, 3), temperature: 0.5, key: key(3) };
  const estimators = allEstimators(options).filter((e) => e.unbiased);
  expect(estimators.map((e) => e.name)).toEqual([
    'REINFORCE',
    'REINFORCE, mean',
    'REINFORCE, EMA',
    'REINFORCE, leave-one-out K=4',
    'REINFORCE, counterfactual',
    'REINFORCE, conditional mean',
    'REBAR',
    'RELAX',
  ]);
  const { estimators: reports } = await runLaboratory({ ...options, samples: 6144, estimators });
  for (const r of reports) {
    expect([r.name, r.maxZ < 5, r.p > 1e-4]).toEqual([r.name, true, true]);
    expect(r.biasInterval[0]).toBe(0);
  }
  const spread = (name: string): number => reports.find((r) => r.name === name)!.spread;
  expect(spread('REINFORCE, mean')).toBeLessThan(0.6 * spread('REINFORCE'));
  expect(spread('REBAR')).toBeLessThan(spread('REINFORCE, mean'));
});

it('biased estimators are found biased: N = 6,144 at temperature 1, more than 5 standard errors off in some component', async () => {
  const fixture = dagFixture(device, { head: 'softmax', nodes: 2, operations: 3 });
  const options = { fixture, logits: logitsOf(3, 3), temperature: 1, key: key(4) };
  const wanted = ['concrete pathwise', 'straight-through', 'Gumbel-Rao K=10', 'DSNAS', 'score x taylor (SNAS)'];
  const estimators = allEstimators(options).filter((e) => wanted.includes(e.name));
  const { estimators: reports } = await runLaboratory({ ...options, samples: 6144, estimators });
  expect(reports).toHaveLength(wanted.length);
  for (const r of reports) expect([r.name, r.maxZ > 5]).toEqual([r.name, true]);
  const [path, st, rao] = reports;
  expect(rao!.spread).toBeLessThan(st!.spread);
  expect(path!.cosine).toBeGreaterThan(0.9);
});

it('straight-through tends to pi1 pi2 (c1 + c2).(O1 - O2) / 2 as the temperature falls, the trapezoid rule, by quadrature at 0.002', async () => {
  const fixture = singleEdgeFixture(device, { head: 'tanh' });
  const logits = [[0.3, -0.2]];
  const lambda = 0.002;
  const breaks = [
    -40,
    -20,
    -10,
    -5,
    -2,
    2,
    5,
    10,
    20,
    40,
    ...[0, 1, 2, 4, 8, 16, 32].flatMap((y) => [lambda * y - 0.5, -lambda * y - 0.5]),
  ];
  const rule = compositeRule(breaks, 20);
  const density = rule.points.map((d, i) => rule.weights[i]! / (2 + Math.exp(d) + Math.exp(-d)));
  const rows = scope(() => {
    const noise = device.tensor(
      rule.points.flatMap((d) => [d, 0]),
      [rule.points.length, 1, 2],
    );
    return straightThroughGumbel.estimate(makeDraw(fixture, logits, lambda, rule.points.length, noise, key(1)));
  });
  const flat = await rows.data();
  const found = density.reduce((s, w, i) => s + w * flat[2 * i]!, 0);
  const slopeAt = async (hot: number[]): Promise<number> => {
    const z = device.tensor(hot, [1, 1, 2]);
    const [g] = grad(sum(fixture.network(z).run().losses), [z]);
    const [a, b] = (await g.data()) as unknown as [number, number];
    return a - b;
  };
  const pi = 1 / (1 + Math.exp(-0.5));
  const limit = (pi * (1 - pi) * ((await slopeAt([1, 0])) + (await slopeAt([0, 1])))) / 2;
  expect(Math.abs(found - limit)).toBeLessThan(2e-3 * Math.abs(limit));
  const { trapezoidGradient, gradient } = await enumerate(fixture, logits);
  expect(Math.abs(trapezoidGradient[0]! - limit)).toBeLessThan(1e-12);
  expect(Math.abs(gradient[0]! - limit)).toBeGreaterThan(1e-3);
});

it('the trapezoid limit is the gradient for quadratic losses of one edge, any number of operations: 1e-12, 20 networks', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const operations = 2 + (seed % 5);
    const fixture = singleEdgeFixture(device, { head: 'quadratic', seed, operations });
    const { trapezoidGradient, gradient } = await enumerate(fixture, logitsOf(1, operations));
    gradient.forEach((g, i) => expect(Math.abs(g - trapezoidGradient[i]!)).toBeLessThan(1e-12));
  }
});

it('Gumbel-Rao has the mean of straight-through: paired difference within 5 standard errors, N = 8,192, seed 5', async () => {
  const fixture = dagFixture(device, { head: 'softmax', nodes: 2, operations: 3 });
  const moments = new VectorMoments(9);
  const rao = gumbelRao(4);
  for (let chunk = 0; chunk < 16; chunk++) {
    const [a, b] = await estimates(fixture, chunk, [straightThroughGumbel, rao]);
    moments.add(a!.map((v, i) => v - b![i]!));
  }
  expect(Math.max(...moments.zScores(new Float64Array(9)).map(Math.abs))).toBeLessThan(5);
});

async function estimates(
  fixture: ReturnType<typeof dagFixture>,
  chunk: number,
  list: readonly { estimate: typeof straightThroughGumbel.estimate }[],
): Promise<number[][]> {
  const tensors = scope(() => {
    const noise = gumbel(device, foldIn(key(5), chunk), [512, 3, 3]);
    const draw = makeDraw(fixture, logitsOf(3, 3), 0.5, 512, noise, foldIn(key(6), chunk));
    return list.map((e) => e.estimate(draw));
  });
  return Promise.all(tensors.map(async (t) => Array.from(await t.data())));
}

it('the control variate of REBAR and RELAX has mean zero whatever the surrogate: N = 16,384, seed 5, two surrogates', async () => {
  const fixture = dagFixture(device, { head: 'softmax', nodes: 2, operations: 3 });
  const surrogates = [
    (draw: Parameters<typeof controlVariate>[0], perturbed: Tensor): Tensor =>
      draw.fixture.network(softmax(div(perturbed, 0.3))).run().losses,
    (_draw: unknown, perturbed: Tensor): Tensor => sum(mul(perturbed, perturbed), [1, 2]),
  ];
  const moments = surrogates.map(() => new VectorMoments(9));
  for (let chunk = 0; chunk < 32; chunk++) {
    const rows = await estimates(
      fixture,
      chunk,
      surrogates.map((s) => ({ estimate: (draw) => controlVariate(draw, s) })),
    );
    rows.forEach((r, i) => moments[i]!.add(r));
  }
  for (const m of moments) {
    expect(Math.max(...m.zScores(new Float64Array(9)).map(Math.abs))).toBeLessThan(5);
    expect(m.spread()).toBeGreaterThan(0.1);
  }
});

it('E[score | argmax = i] = onehot_i - pi: N = 40,000, seed 11, within 5 standard errors', async () => {
  const logits = [0.5, -0.3, 0, 0.8];
  const N = 40_000;
  const noise = gumbels(key(11), 4 * N);
  const score = scope(() =>
    new RelaxedOneHotCategorical({ logits: device.tensor(logits), temperature: 0.5 }).score({
      noise: device.tensor(noise, [N, 4]),
    }),
  );
  const rows = await score.data();
  const total = logits.reduce((s, l) => s + Math.exp(l), 0);
  const moments = logits.map(() => new VectorMoments(4));
  for (let r = 0; r < N; r++) {
    const perturbed = logits.map((l, k) => l + noise[4 * r + k]!);
    moments[perturbed.indexOf(Math.max(...perturbed))]!.add(rows.subarray(4 * r, 4 * r + 4));
  }
  moments.forEach((m, i) => {
    const expected = logits.map((l, k) => Number(k === i) - Math.exp(l) / total);
    expect(Math.max(...m.zScores(expected).map(Math.abs))).toBeLessThan(5);
  });
});

it('exact spreads of REINFORCE by baseline are those of samples, N = 8,192, seed 9, within 6 %; none is below the best', async () => {
  const fixture = dagFixture(device, { head: 'tanh', nodes: 2, operations: 3, seed: 4 });
  const logits = logitsOf(3, 3);
  const enumeration = await enumerate(fixture, logits);
  const reports = baselineSpreads(fixture, logits, enumeration);
  const length = Math.hypot(...enumeration.gradient);
  const estimators = [reinforce, meanBaseline, counterfactual, conditionalMean];
  const sampled = await runLaboratory({ fixture, logits, temperature: 1, samples: 8192, key: key(9), estimators });
  for (const [i, name] of (['none', 'mean', 'ablation', 'conditional mean'] as const).entries()) {
    const exact = reports.find((r) => r.name === name)!;
    expect(Math.abs(sampled.estimators[i]!.spread / length / exact.spread - 1)).toBeLessThan(0.06);
    expect(exact.operations).toBe([1, 1, 4, 7][i]);
    expect(sampled.estimators[i]!.operations).toBe(exact.operations);
    expect(reports.at(-1)!.spread).toBeLessThanOrEqual(exact.spread);
  }
});

it('architectures whose loss is NaN are named: 0 / 0 at a node of zeros', async () => {
  const fixture = dagFixture(device, { head: 'scale-invariant', nodes: 2, operations: 4 });
  await expect(enumerate(fixture, logitsOf(3, 4))).rejects.toThrow(
    // None on 0-1 makes node 1 zero, and then linear, identity and none on 1-2 give zero; with none on 0-2 that is all: 3, and 4 with none on 1-2.
    /^enumerate: 6 of 64 architectures have a loss that is not finite: operation 3 on 0-1, operation 3 on 0-2, operation 1 on 1-2 \(NaN\);.* and 3 more\./,
  );
});

const exactly = (gradient: ArrayLike<number>): Estimator => ({
  name: 'exact',
  unbiased: true,
  relaxed: false,
  passes: { forward: 0, backward: 0 },
  estimate: ({ noise }) => broadcastTo(device.tensor(Array.from(gradient), [1, ...noise.shape.slice(1)]), noise.shape),
});

it('an estimator without variance is judged: the exact gradient has bias 0 and p 1, one that is off by a thousandth p 0', async () => {
  const fixture = dagFixture(device, { head: 'softmax', nodes: 2, operations: 3 });
  const logits = logitsOf(3, 3);
  const { gradient } = await enumerate(fixture, logits);
  const estimators = [exactly(gradient), exactly(gradient.map((g) => 1.001 * g))];
  const { estimators: found } = await runLaboratory({ fixture, logits, temperature: 1, samples: 1000, key: key(1), estimators });
  expect(found[0]).toMatchObject({ maxZ: 0, p: 1 });
  expect(Math.max(found[0]!.bias, found[0]!.spread)).toBeLessThan(1e-12);
  expect(found[1]!.p).toBe(0);
  expect(found[1]!.bias).toBeCloseTo(0.001, 9);
});

it('peaked logits run: what the samples cannot judge is counted, and a gradient below rounding has no relative bias', async () => {
  const fixture = singleEdgeFixture(device, { head: 'softmax' });
  const run = (top: number): ReturnType<typeof runLaboratory> =>
    runLaboratory({ fixture, logits: [[top, 0]], temperature: 0.5, samples: 512, key: key(1) });
  const [plain, rare, peaked] = [await run(0.5), await run(12), await run(60)];
  expect([plain.rare, rare.rare, peaked.rare]).toEqual([0, 2, 2]);
  for (const e of peaked.estimators) expect([e.name, e.bias, e.maxZ, e.p]).toEqual([e.name, NaN, 0, 1]);
});

it('groups that do not divide the batch or the samples are refused by the name of the estimator, as are estimates of another shape', async () => {
  const fixture = singleEdgeFixture(device, { head: 'softmax' });
  const run = (samples: number, batch: number, estimators: Estimator[]): Promise<unknown> =>
    runLaboratory({ fixture, logits: [[0, 0]], temperature: 1, samples, batch, key: key(1), estimators });
  await expect(run(1020, 510, [leaveOneOut(4)])).rejects.toThrow(
    'REINFORCE, leave-one-out K=4: groups of 4 do not divide 510 samples',
  );
  await expect(run(1022, 512, [leaveOneOut(4)])).rejects.toThrow('do not divide 1022 samples');
  await expect(run(16, 16, [{ ...reinforce, estimate: (draw) => draw.pi }])).rejects.toThrow(
    /the estimates of REINFORCE have shape/,
  );
  const broken: Estimator = { ...reinforce, name: 'mine', estimate: ({ noise }) => mul(noise, NaN) };
  await expect(run(16, 16, [broken])).rejects.toThrow(/mine is NaN for a sample of the architecture operation \d on 0-1/);
  expect(() => leaveOneOut(1)).toThrow('groups of 1');
});

it("a network's head may be a function of one's own: |x - 1|^2 is the sum of its own squares", async () => {
  const own = (x: Tensor): Tensor => sum(mul(add(x, -1), add(x, -1)), 1);
  const fixture = singleEdgeFixture(device, { head: own });
  const { losses } = await enumerate(fixture, [[0, 0]]);
  fixture.outputs.forEach((o, k) => {
    expect(losses[k]).toBeCloseTo(
      o.reduce((s, v, i) => s + (v + fixture.base[i]! - 1) ** 2, 0),
      12,
    );
  });
});

it('REBAR is fitted on random numbers of its own: two fits differ only by their keys', async () => {
  const fixture = dagFixture(device, { head: 'softmax', nodes: 2, operations: 3 });
  const fit = (seed: number): Promise<number[][]> =>
    estimates(fixture, 0, [rebar({ fixture, logits: logitsOf(3, 3), temperature: 0.5, key: key(seed) })]);
  expect(await fit(1)).toEqual(await fit(1));
  expect(await fit(1)).not.toEqual(await fit(2));
});

it('statistics: chi-square tails, Student quantiles and batched covariance agree with tables and direct sums', () => {
  // Abramowitz and Stegun, tables 26.7 and 26.10.
  expect(chiSquareTail(3.841459, 1)).toBeCloseTo(0.05, 6);
  expect(chiSquareTail(18.307038, 10)).toBeCloseTo(0.05, 6);
  expect(chiSquareTail(23.209251, 10)).toBeCloseTo(0.01, 6);
  expect(studentQuantile(0.975, 1)).toBeCloseTo(12.706205, 4);
  expect(studentQuantile(0.975, 4)).toBeCloseTo(2.776445, 5);
  expect(studentQuantile(0.995, 30)).toBeCloseTo(2.749996, 5);
  const i = interval([1, 2, 3, 4, 5]);
  expect(i.high - i.mean).toBeCloseTo((2.776445 * Math.sqrt(2.5)) / Math.sqrt(5), 5);
  // One component twice and one that does not vary: one degree of freedom, and what cannot be is impossible.
  const d = new VectorMoments(3);
  d.add([1, 1, 7, 2, 2, 7, 4, 4, 7]);
  const alone = d.chiSquare([2, 2, 7], [0]);
  expect(d.chiSquare([2, 2, 7], [0, 1, 2])).toEqual({ ...alone, degrees: 1 });
  expect(d.chiSquare([2, 2.5, 7], [0, 1])).toMatchObject({ statistic: Infinity, p: 0 });
  expect(d.chiSquare([2, 2, 7.5], [0, 2])).toMatchObject({ statistic: Infinity, p: 0 });
  const m = new VectorMoments(2);
  m.add([1, 2, 3, 5]);
  m.add([2, 2]);
  expect(Array.from(m.mean)).toEqual([2, 3]);
  expect(m.covariance(0, 1)).toBeCloseTo(1.5, 12);
  expect(m.covariance(1, 1)).toBeCloseTo(3, 12);
});
