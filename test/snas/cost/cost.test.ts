/** @file Resource cost: its linearity, and three estimators of its gradient held against one another. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { grad } from '../../../src/core/autograd.ts';
import { cpu } from '../../../src/devices/cpu.ts';
import { gumbelMax, gumbelSoftmax } from '../../../src/distributions/gumbel.ts';
import { add, mul } from '../../../src/core/ops.ts';
import { foldIn, key, normals, uniforms } from '../../../src/core/random.ts';
import { scope } from '../../../src/core/scope.ts';
import { CostTable, type ResourceWeights } from '../../../src/snas/cost/cost.ts';
import {
  choiceCosts,
  expectedCost,
  logCost,
  scoreFunctionBlackBox,
  scoreFunctionCost,
} from '../../../src/snas/cost/expected-cost.ts';
import { SpaceCost } from '../../../src/snas/cost/space-cost.ts';
import { type Architecture, optionIndices } from '../../../src/snas/space/architecture.ts';
import { type ChoiceWeights, oneHotWeights } from '../../../src/snas/space/layout.ts';
import { dartsLayout, genotypeArchitecture } from '../../../src/snas/spaces/darts/choices.ts';
import { costTable, placeCosts } from '../../../src/snas/spaces/darts/cost-table.ts';
import { genotypeFromChoices } from '../../../src/snas/spaces/darts/genotype.ts';
import type { Tensor } from '../../../src/core/tensor.ts';

const device = cpu({ dtype: 'float64' });

const small = { channels: 4, cells: 3, nodes: 2, classes: 10, inChannels: 1, imageSide: 28, stemStride: 2 as const };
/** Two nodes: five edges a cell type, so ten choices of eight options in one matrix, [10, 8]. */
const layout = dartsLayout(2);
const table = new CostTable(layout, placeCosts(costTable(small)));

function costOf(weights: ResourceWeights): SpaceCost {
  return new SpaceCost(device, table, weights);
}

const choices = fc.array(fc.integer({ min: 0, max: 7 }), { minLength: 5, maxLength: 5 });

/** A matrix [10, 8] of numbers of both cell types. */
function tensors({ normal, reduce }: { readonly normal: ArrayLike<number>; readonly reduce: ArrayLike<number> }): ChoiceWeights {
  return [device.tensor([...Array.from(normal), ...Array.from(reduce)], [10, 8])];
}

function architecture(normal: readonly number[], reduce: readonly number[]): Architecture {
  return genotypeArchitecture(genotypeFromChoices({ normal, reduce }, 2));
}

it('C(Z) at the one-hot Z of a child is the summed cost of its operations, resource by resource', async () => {
  await fc.assert(
    fc.asyncProperty(choices, choices, async (normal, reduce) => {
      const child = architecture(normal, reduce);
      const z = oneHotWeights(device, layout, optionIndices(layout, child));
      for (const resource of ['parameters', 'flops', 'memory'] as const) {
        const c = costOf({ [resource]: 1 }).of(z);
        expect(await c.item()).toBeCloseTo(table.of(child)[resource], 6);
      }
    }),
    { seed: 1, numRuns: 30 },
  );
});

it('C(Z) is linear in Z: C(a Z + b Z2) = a C(Z) + b C(Z2), and its gradient in Z is the table', async () => {
  const cost = costOf({ parameters: 1e-3, flops: 1e-6, memory: 1e-5 });
  const z = tensors({ normal: uniforms(key(1), 40), reduce: uniforms(key(2), 40) });
  const z2 = tensors({ normal: uniforms(key(3), 40), reduce: uniforms(key(4), 40) });
  const combined = [add(mul(z[0]!, 0.3), mul(z2[0]!, -1.7))];
  const expected = 0.3 * (await cost.of(z).item()) - 1.7 * (await cost.of(z2).item());
  expect(await cost.of(combined).item()).toBeCloseTo(expected, 9);
  const [g] = grad(cost.of(z), z);
  expect([...(await g!.data())]).toEqual([...(await cost.weights[0]!.data())]);
});

it('the logarithmic form is not linear: it is the logarithm of the linear one, and edges are no longer independent', async () => {
  const cost = costOf({ memory: 1e-4 });
  const z = tensors({ normal: uniforms(key(1), 40), reduce: uniforms(key(2), 40) });
  expect(await logCost(z, cost).item()).toBeCloseTo(Math.log(await cost.of(z).item()), 12);
  const [g] = grad(logCost(z, cost), z);
  const total = await cost.of(z).item();
  const costs = await cost.weights[0]!.data();
  for (const [i, v] of (await g!.data()).entries()) expect(v).toBeCloseTo(costs[i]! / total, 12);
});

it('a cost below 1 stays what it is, it is not raised to 1', async () => {
  const cost = costOf({ parameters: 1e-9 });
  const z = tensors({ normal: uniforms(key(1), 40), reduce: uniforms(key(2), 40) });
  const value = await cost.of(z).item();
  expect(value).toBeGreaterThan(0);
  expect(value).toBeLessThan(1e-4);
  expect(await logCost(z, cost).item()).toBeCloseTo(Math.log(value), 9);
});

it('relative weights price the most expensive network at 1 and the empty one at 0', () => {
  const weights = table.relativeWeights({ parameters: 1, flops: 1, memory: 2 });
  const largest = table.byChoice().map((costs) => Math.max(...CostTable.combined(costs, weights)));
  // In this space sep_conv_5x5 is the most expensive operation by each resource, so the maxima of the parts add up.
  expect(largest.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
  const empty = architecture([0, 0, 0, 0, 0], [0, 0, 0, 0, 0]);
  expect(table.of(empty)).toEqual({ parameters: 0, flops: 0, memory: 0 });
  const full = architecture([5, 5, 5, 5, 5], [5, 5, 5, 5, 5]);
  expect(table.of(full)).toEqual(table.extremes().largest);
  expect(() => table.relativeWeights({})).toThrow(/not all 0/);
});

// One edge a cell type would be enumerated trivially; two nodes give five edges a type, and each edge is enumerated on its own because C is linear.
const logits = tensors({ normal: normals(key(11), 40), reduce: normals(key(12), 40) });
const priced = costOf(table.relativeWeights({ parameters: 1, flops: 1, memory: 1 }));

/** dE[C]/dlog alpha in closed form: pi_k (C_k - E[C]) on each edge. */
async function exactGradient(): Promise<number[]> {
  const [g] = grad(expectedCost(logits, priced), logits);
  return [...(await g!.data())];
}

it('the closed form of the expected cost is the sum over all architectures of p(Z) C(Z), edge by edge, and so is its gradient', async () => {
  const exact = await exactGradient();
  const l = await logits[0]!.data();
  const c = await priced.weights[0]!.data();
  for (let e = 0; e < 10; e++) {
    const row = Array.from({ length: 8 }, (_v, k) => Math.exp(l[8 * e + k]!));
    const total = row.reduce((x, y) => x + y);
    const mean = row.reduce((x, p, k) => x + (p / total) * c[8 * e + k]!, 0);
    row.forEach((p, k) => expect(exact[8 * e + k]).toBeCloseTo((p / total) * (c[8 * e + k]! - mean), 12));
  }
});

it('the score function enumerated over every choice of an edge, weighted by its probability, is the exact gradient to rounding', async () => {
  const exact = await exactGradient();
  const l = await logits[0]!.data();
  const sum = new Float64Array(80);
  // Choice k on every edge at once: each edge's term depends on its own choice alone, so eight passes enumerate all edges.
  for (let k = 0; k < 8; k++) {
    const oneHot = Array.from({ length: 40 }, (_, i) => (i % 8 === k ? 1 : 0));
    const surrogate = scoreFunctionCost(logits, tensors({ normal: oneHot, reduce: oneHot }), priced.weights, { baseline: 0.01 });
    const g = await grad(surrogate, logits)[0]!.data();
    for (let e = 0; e < 10; e++) {
      const row = Array.from(l.subarray(8 * e, 8 * e + 8), Math.exp);
      const p = row[k]! / row.reduce((x, y) => x + y);
      for (let j = 0; j < 8; j++) sum[8 * e + j]! += p * g[8 * e + j]!;
    }
  }
  sum.forEach((v, i) => expect(v).toBeCloseTo(exact[i]!, 12));
});

/** Mean and standard error of `draws` gradients, element by element. */
async function sampled(
  draws: number,
  seed: number,
  estimate: (noise: ChoiceWeights) => Tensor,
): Promise<{ mean: number[]; error: number[] }> {
  const s1 = new Float64Array(80);
  const s2 = new Float64Array(80);
  for (let i = 0; i < draws; i++) {
    const noise = (t: number): ArrayLike<number> =>
      uniforms(foldIn(foldIn(key(seed), i), t), 40).map((u) => -Math.log(-Math.log(u)));
    const [g] = scope(() => grad(estimate(tensors({ normal: noise(0), reduce: noise(1) })), logits));
    (await g!.data()).forEach((v, j) => {
      s1[j]! += v;
      s2[j]! += v * v;
    });
    g!.dispose();
  }
  const mean = [...s1].map((v) => v / draws);
  return { mean, error: mean.map((m, j) => Math.sqrt(Math.max(0, s2[j]! / draws - m * m) / draws)) };
}

// Each statistical test compares 80 components; with the normal law, max |z| of 80 exceeds 4.5 in fewer than one seed in 1,800.
const Z_LIMIT = 4.5;

it('the score function of one-hot samples agrees with the closed form (N = 2,000, seed 21, |z| < 4.5 in 80 components)', async () => {
  const exact = await exactGradient();
  const { mean, error } = await sampled(2000, 21, (noise) => {
    const z = [gumbelMax(logits[0]!, { noise: noise[0]! })];
    return scoreFunctionCost(logits, z, priced.weights);
  });
  const worst = Math.max(...mean.map((m, j) => Math.abs(m - exact[j]!) / (error[j]! + 1e-12)));
  expect(worst).toBeLessThan(Z_LIMIT);
});

it('a black-box cost with a baseline agrees with the closed form too, though it knows only the total (N = 2,000, seed 23, |z| < 4.5)', async () => {
  const exact = await exactGradient();
  const baseline = await scope(() => expectedCost(logits, priced)).item();
  const { mean, error } = await sampled(2000, 23, (noise) => {
    const z = [gumbelMax(logits[0]!, { noise: noise[0]! })];
    return scoreFunctionBlackBox(logits, z, priced.of(z), baseline);
  });
  expect(Math.max(...mean.map((m, j) => Math.abs(m - exact[j]!) / (error[j]! + 1e-12)))).toBeLessThan(Z_LIMIT);
});

it('through the sample and by the score of its Concrete density, a relaxed cost has the same gradient (lambda 0.7, N = 2,000, |z| < 4.5)', async () => {
  const temperature = 0.7;
  const relaxed = (noise: ChoiceWeights): ChoiceWeights => [gumbelSoftmax(logits[0]!, { noise: noise[0]!, temperature })];
  const pathwise = await sampled(2000, 25, (noise) => priced.of(relaxed(noise)));
  const score = await sampled(2000, 27, (noise) => scoreFunctionCost(logits, relaxed(noise), priced.weights, { temperature }));
  const z = pathwise.mean.map((m, j) => Math.abs(m - score.mean[j]!) / Math.hypot(pathwise.error[j]!, score.error[j]!));
  expect(Math.max(...z)).toBeLessThan(Z_LIMIT);
});

it('through the sample, the gradient tends to the closed form as the temperature falls (lambda 0.1, N = 4,000, seed 29, |z| < 4.5)', async () => {
  const exact = await exactGradient();
  const { mean, error } = await sampled(4000, 29, (noise) =>
    priced.of([gumbelSoftmax(logits[0]!, { noise: noise[0]!, temperature: 0.1 })]),
  );
  expect(Math.max(...mean.map((m, j) => Math.abs(m - exact[j]!) / (error[j]! + 1e-12)))).toBeLessThan(Z_LIMIT);
});

it('Z is held fixed inside log p: a relaxed Z that carries its graph gives no gradient through the density or the cost', async () => {
  const noise = tensors({ normal: normals(key(31), 40), reduce: normals(key(32), 40) });
  const z = [gumbelSoftmax(logits[0]!, { noise: noise[0]!, temperature: 0.5 })];
  const surrogate = scoreFunctionCost(logits, z, priced.weights, { temperature: 0.5 });
  const g = await grad(surrogate, logits)[0]!.data();
  // The score of a Concrete density is 1 - 8 softmax(-G); the edge's cost multiplies it.
  const perEdge = await choiceCosts(z, priced.weights)[0]!.data();
  const G = await noise[0]!.data();
  for (let e = 0; e < 10; e++) {
    const row = Array.from(G.subarray(8 * e, 8 * e + 8), (v) => Math.exp(-v));
    const total = row.reduce((a, b) => a + b);
    row.forEach((v, k) => expect(g[8 * e + k]).toBeCloseTo(perEdge[e]! * (1 - (8 * v) / total), 9));
  }
});
