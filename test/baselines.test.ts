/** @file SNAS's rivals: their child rules, and their gradients against exact expectations. */
import { expect, it } from 'vitest';
import { grad } from '../src/core/autograd.ts';
import {
  AutoregressiveSnas,
  Darts,
  Dsnas,
  Enas,
  Gdas,
  RandomSearch,
  randomArchitecture,
  Reinforce,
  RewardBaseline,
  strategy,
  STRATEGY_NAMES,
  UniformAlpha,
} from '../src/baselines/index.ts';
import { cpu } from '../src/devices/cpu.ts';
import { LstmCell } from '../src/nn/lstm.ts';
import { add, assign, dot, mul, square, sum } from '../src/index.ts';
import { foldIn, key, normals } from '../src/core/random.ts';
import { scope } from '../src/core/scope.ts';
import type { ChoiceWeights } from '../src/snas/space/layout.ts';
import { architectureGenotype, dartsLayout } from '../src/snas/spaces/darts/choices.ts';
import { activeEdges, operationNumber } from '../src/snas/spaces/darts/genotype.ts';
import { darts as dartsSpace } from '../src/snas/spaces/darts/index.ts';
import { Snas } from '../src/snas/strategies/snas.ts';
import type { ArchitectureStrategy, StrategySpace } from '../src/snas/strategies/strategy.ts';
import { softmax } from '../src/core/softmax.ts';
import type { Tensor } from '../src/core/tensor.ts';

const device = cpu({ dtype: 'float64' });

/** DARTS cells of so many nodes: all their edges' choices in one matrix, the normal cell's first, and the top-2 rule. */
function spaceOf(nodes: number): StrategySpace {
  return { layout: dartsLayout(nodes), definition: dartsSpace({ channels: 2, cells: 3, nodes }) };
}

it('DARTS never derives none, even where none has nearly all the weight, and SNAS does', async () => {
  const darts = new Darts(device, key(1), spaceOf(4));
  const snas = new Snas(device, key(1), spaceOf(4));
  const mostlyNone = Array.from({ length: 28 * 8 }, (_, i) => (i % 8 === 0 ? 9 : i % 8 === 4 ? 1 : 0));
  for (const s of [darts, snas]) assign(s.logAlpha[0]!, device.tensor(mostlyNone, [28, 8]));
  const child = architectureGenotype(await darts.derive(), 4);
  expect(child.normal.map((e) => e.operation)).toEqual(Array.from({ length: 8 }, () => 'sep_conv_3x3'));
  expect(activeEdges(architectureGenotype(await snas.derive(), 4), 'normal')).toEqual([]);
});

it('DARTS proposes softmax(alpha) with no noise, GDAS and DSNAS and ENAS and random search one-hot rows, SNAS and uniform rows inside the simplex', async () => {
  const soft = ['snas', 'uniform', 'darts-1', 'snas-autoregressive'];
  for (const name of STRATEGY_NAMES) {
    const s = strategy(name, device, key(3), spaceOf(2));
    const z = await s.propose(s.inputs({ key: key(5), temperature: 0.5 }))[0]!.data();
    for (let e = 0; e < 10; e++) {
      const row = [...z.subarray(8 * e, 8 * e + 8)];
      expect(row.reduce((x, y) => x + y)).toBeCloseTo(1, 12);
      expect(Math.max(...row) === 1).toBe(!(soft.includes(name) || name.startsWith('darts')));
    }
  }
  expect(() => strategy('nasnet', device, key(1), spaceOf(4))).toThrow(/'nasnet' is not one of snas,/);
});

/** A loss that is linear in Z, or not, of a space of one node: two edges a cell type, 8^4 architectures. */
const c: ChoiceWeights = [device.parameter([...normals(key(21), 16), ...normals(key(22), 16)], [4, 8])];
const linearLoss = (z: ChoiceWeights): Tensor => dot(z[0]!, c[0]!);
const nonlinearLoss = (z: ChoiceWeights): Tensor => add(linearLoss(z), square(linearLoss(z)));

/** All one-hot Z of that space with the values of a loss: expectations under independent rows are sums over them. */
async function expectedGradient(s: { readonly logAlpha: ChoiceWeights }, loss: (z: number[]) => number): Promise<number[]> {
  const logits = [...(await s.logAlpha[0]!.data())];
  const pi = [0, 1, 2, 3].map((e) => {
    const row = logits.slice(8 * e, 8 * e + 8).map(Math.exp);
    const total = row.reduce((x, y) => x + y);
    return row.map((v) => v / total);
  });
  const out = Array.from({ length: 32 }, () => 0);
  for (let code = 0; code < 8 ** 4; code++) {
    const choice = [0, 1, 2, 3].map((e) => Math.floor(code / 8 ** e) % 8);
    const p = choice.reduce((x, k, e) => x * pi[e]![k]!, 1);
    const value = loss(choice);
    choice.forEach((k, e) => {
      for (let j = 0; j < 8; j++) out[8 * e + j]! += p * value * ((j === k ? 1 : 0) - pi[e]![j]!);
    });
  }
  return out;
}

interface Sampled {
  readonly mean: number[];
  readonly error: number[];
}

/** Mean and standard error of a strategy's gradients over independent steps. */
async function sampleGradients(
  s: ArchitectureStrategy,
  loss: (z: ChoiceWeights) => Tensor,
  steps: number,
  seed: number,
): Promise<Sampled> {
  const first: number[] = [];
  const second: number[] = [];
  for (let i = 0; i < steps; i++) {
    const gradients = scope(() => {
      const z = s.propose(s.inputs({ key: foldIn(key(seed), i), temperature: 0.5 }));
      const value = loss(z);
      return [...s.gradients(z, { loss: value, gradient: grad(value, z) })];
    });
    const flat: number[] = [];
    for (const g of gradients) {
      flat.push(...(await g.data()));
      g.dispose();
    }
    flat.forEach((v, j) => {
      first[j] = (first[j] ?? 0) + v;
      second[j] = (second[j] ?? 0) + v * v;
    });
  }
  const mean = first.map((v) => v / steps);
  return { mean, error: mean.map((m, j) => Math.sqrt(Math.max(0, second[j]! / steps - m * m) / steps)) };
}

const worst = ({ mean, error }: Sampled, exact: readonly number[]): number =>
  Math.max(...exact.map((v, j) => Math.abs(mean[j]! - v) / (error[j]! + 1e-9)));

it('DSNAS is unbiased for a loss linear in Z (N = 1,000, seed 31, |z| < 4.5 in 32 components)', async () => {
  const s = new Dsnas(device, key(23), spaceOf(1), { mean: 0, std: 1 });
  const table = [...(await c[0]!.data())];
  const exact = await expectedGradient(s, (choice) => choice.reduce((x, k, e) => x + table[8 * e + k]!, 0));
  expect(worst(await sampleGradients(s, linearLoss, 1000, 31), exact)).toBeLessThan(4.5);
});

it('REINFORCE with its moving baseline is unbiased for any loss (N = 1,500, seed 33, |z| < 4.5 in 32 components)', async () => {
  const s = new Reinforce(device, key(25), spaceOf(1), { mean: 0, std: 1 });
  const table = [...(await c[0]!.data())];
  const exact = await expectedGradient(s, (choice) => {
    const l = choice.reduce((x, k, e) => x + table[8 * e + k]!, 0);
    return l + l * l;
  });
  expect(worst(await sampleGradients(s, nonlinearLoss, 1500, 33), exact)).toBeLessThan(4.5);
});

it("ENAS's controller is unbiased: a loss of the first choice alone has the gradient of its exact expectation (N = 600, seed 35, |z| < 4.5 in 24 components)", async () => {
  const s = new Enas(device, key(27), spaceOf(1), { hidden: 3, entropyWeight: 0, temperature: 1 });
  const firstChoice = (z: ChoiceWeights): Tensor => sum(mul(z[0]!, mul(c[0]!, device.tensor([[1], [0], [0], [0]]))));
  // probabilities() gives the first row exactly, for nothing comes before it: difference it in every entry of the head.
  const head = s.parameters()[4]!;
  const start = [...(await head.data())];
  const table = await c[0]!.data();
  const expectation = async (values: readonly number[]): Promise<number> => {
    assign(head, device.tensor(values, head.shape));
    const p = await s.probabilities()[0]!.data();
    return [0, 1, 2, 3, 4, 5, 6, 7].reduce((x, k) => x + p[k]! * table[k]!, 0);
  };
  const exact: number[] = [];
  for (const j of start.keys()) {
    const at = (d: number): number[] => start.map((v, i) => (i === j ? v + d : v));
    exact.push(((await expectation(at(1e-5))) - (await expectation(at(-1e-5)))) / 2e-5);
  }
  assign(head, device.tensor(start, head.shape));
  const sampled = await sampleGradients(s, firstChoice, 600, 35);
  const offset = s
    .parameters()
    .slice(0, 4)
    .reduce((n, p) => n + p.size, 0);
  const part = { mean: sampled.mean.slice(offset, offset + 24), error: sampled.error.slice(offset, offset + 24) };
  expect(Math.max(...exact.map(Math.abs))).toBeGreaterThan(0.01);
  expect(worst(part, exact)).toBeLessThan(4.5);
});

it("ENAS's entropy bonus raises the controller's entropy when the reward says nothing", async () => {
  const s = new Enas(device, key(41), spaceOf(1), { hidden: 8, entropyWeight: 1, temperature: 0.05 });
  const entropy = async (): Promise<number> => {
    const p = [...(await s.probabilities()[0]!.data())].slice(0, 8);
    return p.reduce((h, v) => h - v * Math.log(v), 0);
  };
  const before = await entropy();
  expect(before).toBeLessThan(2.0);
  for (let i = 0; i < 30; i++) {
    const z = s.propose(s.inputs({ key: foldIn(key(42), i), temperature: 1 }));
    const zero = device.scalar(0);
    const gradients = s.gradients(z, { loss: zero, gradient: z });
    s.parameters().forEach((p, j) => assign(p, add(p, mul(gradients[j]!, -0.05))));
  }
  expect(await entropy()).toBeGreaterThan(before + 0.02);
});

it('GDAS has the value of the one-hot sample and the gradient of the relaxed one', async () => {
  const s = new Gdas(device, key(43), spaceOf(1), { mean: 0, std: 1 });
  const soft = new Snas(device, key(43), spaceOf(1), { mean: 0, std: 1 });
  const step = { key: key(44), temperature: 0.7 };
  const hard = s.propose(s.inputs(step));
  const relaxed = soft.propose(soft.inputs(step));
  const argmax = (row: ArrayLike<number>): number => Array.from(row).indexOf(Math.max(...Array.from(row)));
  const [h, r] = [await hard[0]!.data(), await relaxed[0]!.data()];
  for (const e of [0, 1, 2, 3]) expect(argmax(h.subarray(8 * e, 8 * e + 8))).toBe(argmax(r.subarray(8 * e, 8 * e + 8)));
  const [gh] = s.gradients(hard, { loss: device.scalar(0), gradient: c });
  const [gr] = soft.gradients(relaxed, { loss: device.scalar(0), gradient: c });
  const expected = await gr!.data();
  for (const [i, v] of (await gh!.data()).entries()) expect(v).toBeCloseTo(expected[i]!, 12);
});

it('an autoregressive p(Z) without coupling is the factorised one: the same noise gives the same Z, gradient and child', async () => {
  const auto = new AutoregressiveSnas(device, key(51), spaceOf(2));
  const plain = new Snas(device, key(51), spaceOf(2));
  const step = { key: key(52), temperature: 0.4 };
  const z = auto.propose(auto.inputs(step));
  const zPlain = plain.propose(plain.inputs(step));
  expect([...(await z[0]!.data())]).toEqual([...(await zPlain[0]!.data())]);
  const gradient = [device.tensor([...normals(key(53), 40), ...normals(key(54), 40)], [10, 8])];
  const found = auto.gradients(z, { loss: device.scalar(0), gradient });
  const expected = plain.gradients(zPlain, { loss: device.scalar(0), gradient });
  const e = await expected[0]!.data();
  for (const [j, v] of (await found[0]!.data()).entries()) expect(v).toBeCloseTo(e[j]!, 12);
  expect(await auto.derive()).toEqual(await plain.derive());
});

it('with coupling, a later edge depends on an earlier choice, never the reverse, and the coupling learns from the pathwise gradient', async () => {
  const auto = new AutoregressiveSnas(device, key(55), spaceOf(1));
  const coupling = normals(key(56), 32 * 32);
  assign(auto.coupling, device.tensor(coupling, [32, 32]));
  const noise = auto.inputs({ key: key(57), temperature: 0.6 });
  const lossAt = (): Tensor => linearLoss(auto.propose(noise));
  const z = auto.propose(noise);
  const [, g] = auto.gradients(z, { loss: device.scalar(0), gradient: c });
  const found = await g!.data();
  for (const [row, column] of [
    [2, 9],
    [5, 30],
    [17, 26],
  ] as const) {
    const at = async (d: number): Promise<number> => {
      const moved = coupling.slice();
      moved[32 * row + column]! += d;
      assign(auto.coupling, device.tensor(moved, [32, 32]));
      return lossAt().item();
    };
    expect(found[32 * row + column]).toBeCloseTo(((await at(1e-6)) - (await at(-1e-6))) / 2e-6, 7);
  }
  // On and below the diagonal blocks nothing is read.
  for (const [row, column] of [
    [0, 0],
    [9, 3],
    [31, 24],
    [12, 8],
  ] as const)
    expect(found[32 * row + column]).toBe(0);
});

it('the reward baseline is the weighted mean of past rewards without the bias of its start, and the first reward is its own baseline', async () => {
  const baseline = new RewardBaseline(device, 0.9);
  const rewards = [3, -1, 4, 1, 5];
  expect(await baseline.value(device.scalar(7)).item()).toBe(7);
  for (const [t, r] of rewards.entries()) {
    baseline.update(device.scalar(r));
    const past = rewards.slice(0, t + 1);
    const weights = past.map((_, i) => 0.9 ** (t - i));
    const expected = past.reduce((x, v, i) => x + v * weights[i]!, 0) / weights.reduce((x, y) => x + y);
    expect(await baseline.value(device.scalar(100)).item()).toBeCloseTo(expected, 12);
  }
});

it('random genotypes draw every operation equally often (N = 200 cells of 14 edges, seed 61, chi-squared of 7 degrees below 24.3, p = 0.001)', () => {
  const counts = Array.from({ length: 8 }, () => 0);
  for (let i = 0; i < 200; i++) {
    const drawn = randomArchitecture(foldIn(key(61), i), dartsLayout(4));
    for (const { operation } of architectureGenotype(drawn, 4).normal) counts[operationNumber(operation)]! += 1;
  }
  const expected = (200 * 14) / 8;
  expect(counts.reduce((x, n) => x + (n - expected) ** 2 / expected, 0)).toBeLessThan(24.3);
});

it('random search and uniform alpha have nothing to learn and replay from their keys', async () => {
  const random = new RandomSearch(device, key(63), spaceOf(2));
  const uniform = new UniformAlpha(device, key(63), spaceOf(2));
  for (const s of [random, uniform]) {
    expect(s.parameters()).toEqual([]);
    const step = { key: key(64), temperature: 0.5 };
    const once = await s.propose(s.inputs(step))[0]!.data();
    expect([...(await s.propose(s.inputs(step))[0]!.data())]).toEqual([...once]);
    expect(await s.derive()).toEqual(await s.derive());
  }
  const [first, second] = random.candidates(2);
  expect(await random.derive()).toEqual(first);
  random.choose(second!);
  expect(await random.derive()).toEqual(second);
});

it('an LSTM cell agrees with PyTorch 1.13 on two steps and their gradients', async () => {
  const cell = new LstmCell(device, key(1), 3, 2);
  let n = 0;
  for (const p of cell.parameters()) {
    assign(
      p,
      device.tensor(
        Array.from({ length: p.size }, () => Math.round(Math.sin(1 + n++) * 0.8e6) / 1e6),
        p.shape,
      ),
    );
  }
  const x = device.parameter([
    [0.5, -1, 2],
    [1.5, 0.25, -0.75],
  ]);
  const state = {
    h: device.tensor([
      [0.1, -0.2],
      [0.3, 0.4],
    ]),
    c: device.tensor([
      [0.5, 0.6],
      [-0.7, 0.8],
    ]),
  };
  const { h, c: memory } = cell.forward(mul(x, 0.5), cell.forward(x, state));
  const close = async (t: Tensor, expected: readonly number[]): Promise<void> => {
    for (const [i, v] of (await t.data()).entries()) expect(v).toBeCloseTo(expected[i]!, 12);
  };
  await close(h, [0.1643024177152819, 0.03869404846274467, 0.14230949670900106, 0.0942210300249369]);
  await close(memory, [0.45402922357026654, 0.17368975491902028, 0.4789439450253673, 0.2916652764082031]);
  const [gx, gw] = grad(add(sum(h), mul(sum(memory), 2)), [x, cell.weight_hh]);
  await close(
    gx,
    [0.14484675563772328, -0.21199046799539834, -0.3739250953254427, 0.06512404024123415, -0.2566419227225938, -0.3424525800869467],
  );
  await close(
    gw,
    [
      0.20011099533139431, 0.17761220457942084, -0.027958531915004955, -0.00894375755947965, 0.013037850895024572,
      -0.06961594227355586, 0.15438113067227316, 0.12630175252480197, 0.0730013220393216, 0.07926839556733117, 0.2843872061452244,
      0.13800273487114156, 0.019993469373898363, 0.029480443787797392, 0.011417253482235712, 0.019374708103234023,
    ],
  );
});

it('probabilities are rows of the softmax for a factorised strategy', async () => {
  const s = new Dsnas(device, key(71), spaceOf(1), { std: 1 });
  const expected = await softmax(s.logAlpha[0]!).data();
  expect([...(await s.probabilities()[0]!.data())]).toEqual([...expected]);
});

it("DARTS asks for the space's rule of the strongest options: without one it takes the most likely, or says what is missing", async () => {
  const layout = dartsLayout(1);
  const plain = new Darts(cpu(), key(0), { layout });
  expect(Object.keys(await plain.derive())).toEqual(layout.choices.map(({ name }) => name));
  expect(() => new Darts(cpu(), key(0), { layout }, { child: 'strongest' })).toThrow(
    /darts: child 'strongest' asks the space .* for a rule that it does not have; take 'argmax'/,
  );
});
