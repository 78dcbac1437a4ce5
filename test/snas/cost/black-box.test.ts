/** @file A black-box cost in the objective: its gradient held against enumeration, its baseline, its share of a search. */
import { expect, it } from 'vitest';
import { grad } from '../../../src/core/autograd.ts';
import { Darts, Dsnas, Enas, Gdas, RandomSearch, Reinforce } from '../../../src/baselines/index.ts';
import { cpu } from '../../../src/devices/cpu.ts';
import { NonFiniteError, OptionError } from '../../../src/contract/errors.ts';
import { add, assign, mul, reshape, slice, sum } from '../../../src/core/ops.ts';
import { foldIn, key, normals } from '../../../src/core/random.ts';
import { scope } from '../../../src/core/scope.ts';
import { BlackBoxCost } from '../../../src/snas/cost/black-box.ts';
import { scoreFunctionBlackBox } from '../../../src/snas/cost/expected-cost.ts';
import { type Architecture, optionIndices } from '../../../src/snas/space/architecture.ts';
import type { ChoiceWeights } from '../../../src/snas/space/layout.ts';
import { dartsLayout } from '../../../src/snas/spaces/darts/choices.ts';
import { OPERATIONS } from '../../../src/snas/spaces/darts/genotype.ts';
import { latencyFrom } from '../../../src/snas/cost/latency.ts';
import { latencyUnit } from '../../../src/snas/cost/relative-latency.ts';
import { Snas } from '../../../src/snas/strategies/snas.ts';
import { softmax } from '../../../src/core/softmax.ts';
import type { Tensor } from '../../../src/core/tensor.ts';

const device = cpu({ dtype: 'float64' });

/** Two choices of three options: nine architectures. */
const logits: ChoiceWeights = [device.tensor([0.3, -0.8, 1.1, -0.4, 0.9, 0.2], [2, 3])];
/** f(i, j): not a sum of a part for each choice, so that no estimator that splits over choices can be right. */
const COSTS = [
  [0.2, 1.7, 0.9],
  [2.5, 0.1, 1.3],
  [0.6, 3.1, 0.05],
];

function oneHot(...options: readonly number[]): ChoiceWeights {
  const rows = options.flatMap((k) => [0, 1, 2].map((i) => (i === k ? 1 : 0)));
  return [device.tensor(rows, [2, 3])];
}

async function values(gradients: readonly Tensor[]): Promise<number[]> {
  const out: number[] = [];
  for (const g of gradients) out.push(...(await g.data()));
  return out;
}

/** d/dlog alpha of sum over all Z of p(Z) f(Z), by differentiating the sum itself: no score function in it. */
async function enumerated(): Promise<number[]> {
  const both = softmax(logits[0]!);
  const p = reshape(slice(both, [0], [1]), [3, 1]);
  const q = slice(both, [1], [2]);
  return values(grad(sum(mul(mul(p, q), device.tensor(COSTS))), logits));
}

async function probabilities(): Promise<{ readonly p: readonly number[]; readonly q: readonly number[] }> {
  const both = [...(await softmax(logits[0]!).data())];
  return { p: both.slice(0, 3), q: both.slice(3) };
}

it('sum over Z of p(Z) (f(Z) - b) dlog p(Z) is the gradient of sum p(Z) f(Z) for any baseline b, to 1e-14', async () => {
  const exact = await enumerated();
  const { p, q } = await probabilities();
  for (const b of [0, 1.2, -40, 1e3]) {
    const total = [0, 0, 0, 0, 0, 0];
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j < 3; j++) {
        const g = await values(grad(scoreFunctionBlackBox(logits, oneHot(i, j), COSTS[i]![j]!, b), logits));
        g.forEach((v, n) => (total[n]! += p[i]! * q[j]! * v));
      }
    }
    total.forEach((v, n) => expect(Math.abs(v - exact[n]!)).toBeLessThan(1e-14 * Math.max(1, Math.abs(b))));
  }
});

/** Operations that the fixture of whole searches can draw: the others have probability exp(-60). */
const DRAWN = [0, 4, 5] as const;

const layout = dartsLayout(1);

/** SNAS on cells of one node, two edges a type, three likely operations: 81 likely architectures. */
function fixture(): Snas {
  const snas = new Snas(device, key(1), { layout });
  const noise = [...normals(key(40), 16), ...normals(key(41), 16)];
  const rows = noise.map((v, i) => (DRAWN.includes((i % 8) as 0) ? v * 0.7 : -60));
  scope(() => assign(snas.logAlpha[0]!, device.tensor(rows, [4, 8])));
  return snas;
}

function choicesOf(child: Architecture): number[] {
  return optionIndices(layout, child);
}

/** Deterministic and not a sum over edges. */
function artificial(choices: readonly number[]): number {
  const [a, b, c, d] = choices as [number, number, number, number];
  return 0.1 * a + 0.3 * b * c + 0.05 * d * d + (a === d ? 1.5 : 0);
}

/** eta dE[f]/dlog alpha over all 81 architectures in plain arithmetic: dp(Z)/dlog alpha_ek = p(Z) (Z_ek - pi_ek). */
async function exactOf(snas: Snas, eta: number): Promise<number[]> {
  const pi = await values([softmax(snas.logAlpha[0]!)]);
  const total = Array.from<number>({ length: 32 }).fill(0);
  const visit = (chosen: readonly number[], probability: number): void => {
    if (chosen.length < 4) {
      for (const k of DRAWN) visit([...chosen, k], probability * pi[chosen.length * 8 + k]!);
      return;
    }
    const f = eta * probability * artificial(chosen);
    for (let e = 0; e < 4; e++) {
      for (let k = 0; k < 8; k++) total[e * 8 + k]! += f * ((chosen[e] === k ? 1 : 0) - pi[e * 8 + k]!);
    }
  };
  visit([], 1);
  return total;
}

/** Mean and standard error, component by component, of what a black-box cost adds to the gradient in each of its steps. */
async function sampled(
  snas: Snas,
  steps: number,
  options: { readonly eta: number; readonly every: number; readonly seed: number; readonly temperature: number },
): Promise<{ readonly mean: number[]; readonly error: number[] }> {
  const box = new BlackBoxCost(snas, { price: (child) => artificial(choicesOf(child)) }, options);
  const s1 = new Float64Array(32);
  const s2 = new Float64Array(32);
  let count = 0;
  for (let step = 0; step < steps; step++) {
    await box.measure(step, { key: foldIn(key(options.seed), step), temperature: options.temperature });
    // The first measurement has no past to compare itself with and moves nothing.
    if (step < options.every) continue;
    const inputs = box.inputs(step);
    const found = box.gradients(inputs);
    (await values(found)).forEach((v, i) => {
      s1[i]! += v;
      s2[i]! += v * v;
    });
    count++;
    for (const t of [...inputs.z, inputs.coefficient, ...found]) t.dispose();
  }
  const mean = [...s1].map((v) => v / count);
  return { mean, error: mean.map((m, i) => Math.sqrt(Math.max(0, s2[i]! / count - m * m) / count)) };
}

// 12 components are not zero; with the normal law max |z| of 12 exceeds 4 in fewer than one seed in 1,300.
const Z_LIMIT = 4;

it('with its moving average it agrees with the sum over 81 architectures, at a temperature of 0.1 (N = 2,000, seed 61, |z| < 4)', async () => {
  const snas = fixture();
  const exact = await exactOf(snas, 2);
  expect(Math.max(...exact.map(Math.abs))).toBeGreaterThan(0.3);
  const { mean, error } = await sampled(snas, 2001, { eta: 2, every: 1, seed: 61, temperature: 0.1 });
  const z = mean.map((m, i) => Math.abs(m - exact[i]!) / (error[i]! + 1e-12));
  expect(Math.max(...z)).toBeLessThan(Z_LIMIT);
});

it('measured in every third step only, it is the same price: the mean over all steps is still the exact gradient (N = 3,000, seed 63, |z| < 4)', async () => {
  const snas = fixture();
  const exact = await exactOf(snas, 2);
  const { mean, error } = await sampled(snas, 3003, { eta: 2, every: 3, seed: 63, temperature: 1 });
  const z = mean.map((m, i) => Math.abs(m - exact[i]!) / (error[i]! + 1e-12));
  expect(Math.max(...z)).toBeLessThan(Z_LIMIT);
});

it('a relaxed Z that carries its graph gives the gradient of log p alone: Z and the cost are held fixed', async () => {
  const snas = fixture();
  const z = snas.propose(snas.inputs({ key: key(5), temperature: 0.6 }));
  const cost = add(sum(mul(slice(z[0]!, [0], [2]), slice(z[0]!, [0], [2]))), 1);
  const found = await values(grad(scoreFunctionBlackBox(snas.logAlpha, z, cost, 0.25), snas.parameters()));
  const pi = await values([softmax(snas.logAlpha[0]!)]);
  const drawn = await values(z);
  const f = (await cost.item()) - 0.25;
  // d/dlog alpha_k of Z . logSoftmax(log alpha) is Z_k - pi_k sum Z, and a row of Z sums to 1.
  found.forEach((v, i) => expect(v).toBeCloseTo(f * (drawn[i]! - pi[i]!), 12));
});

it('scores the child that it measured: the argmax of the Z that the step itself proposes', async () => {
  const snas = fixture();
  const seen: number[][] = [];
  const box = new BlackBoxCost(snas, { price: (child) => seen.push(choicesOf(child)) }, { eta: 1, every: 1 });
  for (let step = 0; step < 8; step++) {
    const at = { key: foldIn(key(71), step), temperature: 0.7 };
    await box.measure(step, at);
    const { coefficient, z: hotRows } = box.inputs(step);
    const z = await values(snas.propose(snas.inputs(at)));
    const rows = Array.from({ length: 4 }, (_, e) => z.slice(8 * e, 8 * e + 8));
    const chosen = rows.map((row) => row.indexOf(Math.max(...row)));
    expect(seen[step]).toEqual(chosen);
    const hot = await values(hotRows);
    expect(hot.map((v, i) => (v === 1 ? i % 8 : -1)).filter((k) => k >= 0)).toEqual(chosen);
    // The prices are 1, 2, 3, ...: the coefficient is above 0 in all steps but the first, and never compares a step with itself.
    const past = Array.from({ length: step }, (_, i) => i + 1);
    const weights = past.map((_, i) => 0.9 ** (step - 1 - i));
    const average = past.reduce((a, v, i) => a + v * weights[i]!, 0) / weights.reduce((a, b) => a + b, 0);
    expect(await coefficient.item()).toBeCloseTo(step === 0 ? 0 : step + 1 - average, 12);
  }
});

it('gives inputs of the same number and shapes in every step, and zeros where nothing was measured', async () => {
  const snas = fixture();
  let prices = 0;
  const box = new BlackBoxCost(snas, { price: () => ++prices }, { eta: 1, every: 4 });
  const shapes = new Set<string>();
  for (let step = 0; step < 9; step++) {
    await box.measure(step, { key: foldIn(key(7), step), temperature: 1 });
    const inputs = box.inputs(step);
    const all = [...inputs.z, inputs.coefficient];
    shapes.add(all.map((t) => t.shape.join('x')).join(' '));
    const data = await values(all);
    expect(data.some((v) => v !== 0)).toBe(step % 4 === 0);
    expect((await values(box.gradients(inputs))).some((v) => v !== 0)).toBe(step === 4 || step === 8);
  }
  expect(prices).toBe(3);
  expect([...shapes]).toEqual(['4x8 ']);
});

it('goes on from its saved state with the same baseline', async () => {
  const price = (child: Architecture): number => artificial(choicesOf(child));
  const snas = fixture();
  const whole = new BlackBoxCost(snas, { price }, { eta: 1, every: 1 });
  const begun = new BlackBoxCost(snas, { price }, { eta: 1, every: 1 });
  const resumed = new BlackBoxCost(snas, { price }, { eta: 1, every: 1 });
  const run = async (box: BlackBoxCost, from: number, to: number): Promise<void> => {
    for (let step = from; step < to; step++) await box.measure(step, { key: foldIn(key(8), step), temperature: 1 });
  };
  await run(whole, 0, 6);
  await run(begun, 0, 3);
  resumed.loadState(begun.state());
  await run(resumed, 3, 6);
  expect(resumed.average).toBe(whole.average);
  const inputsOf = (box: BlackBoxCost): Promise<number[]> => {
    const { z, coefficient } = box.inputs(5);
    return values([...z, coefficient]);
  };
  expect(await inputsOf(resumed)).toEqual(await inputsOf(whole));
  expect(() => resumed.loadState({})).toThrow(OptionError);
});

it('takes strategies that draw each edge from softmax(log alpha), and refuses the others by name', () => {
  const box = { price: () => 1 };
  for (const S of [Snas, Dsnas, Gdas, Reinforce]) {
    expect(() => new BlackBoxCost(new S(device, key(1), { layout }), box, { eta: 1 })).not.toThrow();
  }
  for (const S of [Darts, Enas, RandomSearch]) {
    const strategy = new S(device, key(1), { layout });
    expect(() => new BlackBoxCost(strategy, box, { eta: 1 })).toThrow(strategy.name);
  }
});

it('refuses settings and prices that make no sense', async () => {
  const snas = fixture();
  const made = (options: { every?: number; decay?: number }): (() => BlackBoxCost) => {
    return () => new BlackBoxCost(snas, { price: () => NaN }, { eta: 1, ...options });
  };
  expect(made({ every: 0 })).toThrow(/every 0/);
  expect(made({ every: 1.5 })).toThrow(OptionError);
  expect(made({ decay: 1 })).toThrow(/decay 1/);
  await expect(made({})().measure(0, { key: key(1), temperature: 1 })).rejects.toThrow(NonFiniteError);
});

it('a relative latency has the slowest uniform network as its unit, and refuses a device on which no option takes longer than another', () => {
  const times = OPERATIONS.map((option, k) => ({
    option,
    milliseconds: [2, 3, 3, 2.5, 8, 9, 6, 7][k]!,
    clock: 'wall' as const,
  }));
  expect(latencyUnit(times)).toEqual({
    fastest: 2,
    fastestOption: 'none',
    slowest: 9,
    slowestOption: 'sep_conv_5x5',
    clock: 'wall',
  });
  const flat = times.map((t) => ({ ...t, milliseconds: 2 }));
  expect(() => latencyUnit(flat)).toThrow(OptionError);
  expect(() => latencyUnit(flat)).toThrow(/quieter machine/);
});

it('a latency is of one pass, the median or the shortest of its samples, and wall time as soon as one sample has no timestamps', () => {
  const stamped = [4, 1, 9].map((milliseconds) => ({ milliseconds, clock: 'timestamps' as const, wall: 10 * milliseconds }));
  expect(latencyFrom(stamped, 2, 'median')).toEqual({ milliseconds: 2, clock: 'timestamps', samples: [2, 0.5, 4.5], passes: 2 });
  expect(latencyFrom(stamped, 2, 'shortest').milliseconds).toBe(0.5);
  const oneWithout = [...stamped, { milliseconds: 30, clock: 'wall' as const, wall: 30 }];
  expect(latencyFrom(oneWithout, 1, 'median')).toEqual({ milliseconds: 35, clock: 'wall', samples: [40, 10, 90, 30], passes: 1 });
});
