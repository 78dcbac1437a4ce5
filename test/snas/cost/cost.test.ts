/** @file Resource cost: published tables, linearity, and three estimators of its gradient held against one another. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { grad } from '../../../src/core/autograd.ts';
import { cpu } from '../../../src/devices/cpu.ts';
import { gumbelMax, gumbelSoftmax } from '../../../src/distributions/gumbel.ts';
import { add, mul } from '../../../src/core/ops.ts';
import { foldIn, key, normals, uniforms } from '../../../src/core/random.ts';
import { scope } from '../../../src/core/scope.ts';
import { childSize } from '../../../src/snas/child/size.ts';
import {
  combinedCosts,
  costTable,
  genotypeCost,
  largestCost,
  operationCost,
  relativeWeights,
} from '../../../src/snas/cost/cost.ts';
import {
  cost,
  costTensors,
  edgeCosts,
  expectedCost,
  logCost,
  scoreFunctionBlackBox,
  scoreFunctionCost,
} from '../../../src/snas/cost/expected-cost.ts';
import { edgesOf, genotypeFromChoices, oneHotOf, type OperationName, OPERATIONS } from '../../../src/snas/space/genotype.ts';
import { genotype, type PublishedName } from '../../../src/snas/space/published.ts';
import type { Tensor } from '../../../src/core/tensor.ts';
import type { CellWeights } from '../../../src/snas/space/cell-weights.ts';

const device = cpu({ dtype: 'float64' });

it('costs of every operation at 16 channels meet the published table, at stride 1 (side 32) and stride 2 (side 16)', () => {
  const table: Readonly<Record<string, readonly (readonly [number, number, number])[]>> = {
    none: [
      [0, 0, 0],
      [0, 0, 0],
    ],
    max_pool_3x3: [
      [0, 147456, 32768],
      [0, 36864, 20480],
    ],
    avg_pool_3x3: [
      [0, 147456, 32768],
      [0, 36864, 20480],
    ],
    skip_connect: [
      [0, 0, 32768],
      [256, 65536, 37120],
    ],
    sep_conv_3x3: [
      [800, 819200, 131872],
      [800, 204800, 45856],
    ],
    sep_conv_5x5: [
      [1312, 1343488, 132384],
      [1312, 335872, 46368],
    ],
    dil_conv_3x3: [
      [400, 409600, 65936],
      [400, 102400, 29072],
    ],
    dil_conv_5x5: [
      [656, 671744, 66192],
      [656, 167936, 29328],
    ],
  };
  expect(Object.keys(table)).toEqual([...OPERATIONS]);
  for (const [name, rows] of Object.entries(table)) {
    for (const stride of [1, 2] as const) {
      const { parameters, flops, memory } = operationCost(name as OperationName, { channels: 16, side: 32 / stride, stride });
      expect([name, stride, parameters, flops, memory]).toEqual([name, stride, ...rows[stride - 1]!]);
    }
  }
});

it('a child of 20 cells at 36 channels has the published number of parameters', () => {
  const published: Readonly<Partial<Record<PublishedName, number>>> = {
    DARTS_V1: 3171574,
    DARTS_V2: 3351502,
    SNAS_mild: 2663542,
    SNAS_moderate: 2848222,
    SNAS_aggressive: 2313622,
  };
  const config = { channels: 36, cells: 20, classes: 10, inChannels: 3, imageSide: 32 };
  for (const [name, parameters] of Object.entries(published)) {
    expect([name, childSize(genotype(name), config).parameters]).toEqual([name, parameters]);
  }
});

const small = { channels: 4, cells: 3, nodes: 2, classes: 10, inChannels: 1, imageSide: 28, stemStride: 2 as const };

it('the table sums the cells of a type, each at its own channels, side and stride', () => {
  const table = costTable({ ...small, cells: 8, imageSide: 32, stemStride: 1 });
  const at = (operation: OperationName, channels: number, side: number, stride: 1 | 2): number =>
    operationCost(operation, { channels, side, stride }).memory;
  for (const [k, operation] of OPERATIONS.entries()) {
    // Eight cells reduce at 2 and 5, so the channels are 4 4 8 8 8 16 16 16 and the sides 32 32 16 16 16 8 8 8.
    const normal = 2 * at(operation, 4, 32, 1) + 2 * at(operation, 8, 16, 1) + 2 * at(operation, 16, 8, 1);
    expect(table.byType.normal.memory[k]).toBeCloseTo(normal, 6);
    expect(table.byType.reduce.memory[k]).toBeCloseTo(at(operation, 8, 16, 2) + at(operation, 16, 8, 2), 6);
    // The last edge of a reduction cell comes from a node of the cell: stride 1.
    expect(table.byType.reduce.memory.at(k - 8)).toBeCloseTo(at(operation, 8, 16, 1) + at(operation, 16, 8, 1), 6);
  }
});

const choices = fc.array(fc.integer({ min: 0, max: 7 }), { minLength: 5, maxLength: 5 });

function tensors(data: { readonly normal: ArrayLike<number>; readonly reduce: ArrayLike<number> }): CellWeights {
  return { normal: device.tensor(data.normal, [5, 8]), reduce: device.tensor(data.reduce, [5, 8]) };
}

it('C(Z) at the one-hot Z of a child is the summed cost of its operations, resource by resource', async () => {
  const table = costTable(small);
  await fc.assert(
    fc.asyncProperty(choices, choices, async (normal, reduce) => {
      const child = genotypeFromChoices({ normal, reduce }, 2);
      const z = tensors({ normal: oneHotOf(child, 'normal'), reduce: oneHotOf(child, 'reduce') });
      for (const resource of ['parameters', 'flops', 'memory'] as const) {
        const c = cost(z, costTensors(device, table, { [resource]: 1 }));
        expect(await c.item()).toBeCloseTo(genotypeCost(child, table)[resource], 6);
      }
    }),
    { seed: 1, numRuns: 30 },
  );
});

it('C(Z) is linear in Z: C(a Z + b Z2) = a C(Z) + b C(Z2), and its gradient in Z is the table', async () => {
  const costs = costTensors(device, costTable(small), { parameters: 1e-3, flops: 1e-6, memory: 1e-5 });
  const z = tensors({ normal: uniforms(key(1), 40), reduce: uniforms(key(2), 40) });
  const z2 = tensors({ normal: uniforms(key(3), 40), reduce: uniforms(key(4), 40) });
  const combined = { normal: add(mul(z.normal, 0.3), mul(z2.normal, -1.7)), reduce: add(mul(z.reduce, 0.3), mul(z2.reduce, -1.7)) };
  const expected = 0.3 * (await cost(z, costs).item()) - 1.7 * (await cost(z2, costs).item());
  expect(await cost(combined, costs).item()).toBeCloseTo(expected, 9);
  const [g] = grad(cost(z, costs), [z.normal]);
  expect([...(await g.data())]).toEqual([...(await costs.normal.data())]);
});

it('the logarithmic form is not linear: it is the logarithm of the linear one, and edges are no longer independent', async () => {
  const costs = costTensors(device, costTable(small), { memory: 1e-4 });
  const z = tensors({ normal: uniforms(key(1), 40), reduce: uniforms(key(2), 40) });
  expect(await logCost(z, costs).item()).toBeCloseTo(Math.log(await cost(z, costs).item()), 12);
  const [g] = grad(logCost(z, costs), [z.normal]);
  const total = await cost(z, costs).item();
  const table = await costs.normal.data();
  for (const [i, v] of (await g.data()).entries()) expect(v).toBeCloseTo(table[i]! / total, 12);
});

it('a cost below 1 stays what it is, it is not raised to 1', async () => {
  const costs = costTensors(device, costTable(small), { parameters: 1e-9 });
  const z = tensors({ normal: uniforms(key(1), 40), reduce: uniforms(key(2), 40) });
  const value = await cost(z, costs).item();
  expect(value).toBeGreaterThan(0);
  expect(value).toBeLessThan(1e-4);
  expect(await logCost(z, costs).item()).toBeCloseTo(Math.log(value), 9);
});

it('relative weights price the most expensive network at 1 and the empty one at 0', () => {
  const table = costTable(small);
  const weights = relativeWeights(table, { parameters: 1, flops: 1, memory: 2 });
  const costs = combinedCosts(table, weights);
  const largest = [costs.normal, costs.reduce].flatMap((c) =>
    Array.from({ length: 5 }, (_, e) => Math.max(...c.subarray(8 * e, 8 * e + 8))),
  );
  // In this space sep_conv_5x5 is the most expensive operation by each resource, so the maxima of the parts add up.
  expect(largest.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
  const empty = genotypeFromChoices({ normal: [0, 0, 0, 0, 0], reduce: [0, 0, 0, 0, 0] }, 2);
  expect(genotypeCost(empty, table)).toEqual({ parameters: 0, flops: 0, memory: 0 });
  const full = genotypeFromChoices({ normal: [5, 5, 5, 5, 5], reduce: [5, 5, 5, 5, 5] }, 2);
  expect(genotypeCost(full, table)).toEqual(largestCost(table));
  expect(() => relativeWeights(table, {})).toThrow(/not all 0/);
});

// One edge a cell type would be enumerated trivially; two nodes give five edges a type, and each edge is enumerated on its own because C is linear.
const logits = tensors({ normal: normals(key(11), 40), reduce: normals(key(12), 40) });
const priced = costTensors(device, costTable(small), relativeWeights(costTable(small), { parameters: 1, flops: 1, memory: 1 }));
const alphas = [logits.normal, logits.reduce];

/** dE[C]/dlog alpha in closed form: pi_k (C_k - E[C]) on each edge. */
async function exactGradient(): Promise<number[]> {
  const [a, b] = grad(expectedCost(logits, priced), alphas);
  return [...(await a!.data()), ...(await b!.data())];
}

it('the closed form of the expected cost is the sum over all architectures of p(Z) C(Z), edge by edge, and so is its gradient', async () => {
  const exact = await exactGradient();
  for (const [t, type] of (['normal', 'reduce'] as const).entries()) {
    const l = await logits[type].data();
    const c = await priced[type].data();
    edgesOf(2).forEach((_, e) => {
      const row = Array.from({ length: 8 }, (_v, k) => Math.exp(l[8 * e + k]!));
      const total = row.reduce((x, y) => x + y);
      const mean = row.reduce((x, p, k) => x + (p / total) * c[8 * e + k]!, 0);
      row.forEach((p, k) => expect(exact[40 * t + 8 * e + k]).toBeCloseTo((p / total) * (c[8 * e + k]! - mean), 12));
    });
  }
});

it('the score function enumerated over every choice of an edge, weighted by its probability, is the exact gradient to rounding', async () => {
  const exact = await exactGradient();
  const l = await logits.normal.data();
  const sum = new Float64Array(40);
  // Choice k on every edge at once: each edge's term depends on its own choice alone, so eight passes enumerate all edges.
  for (let k = 0; k < 8; k++) {
    const oneHot = Array.from({ length: 40 }, (_, i) => (i % 8 === k ? 1 : 0));
    const surrogate = scoreFunctionCost(logits, tensors({ normal: oneHot, reduce: oneHot }), priced, { baseline: 0.01 });
    const g = await grad(surrogate, [logits.normal])[0].data();
    for (let e = 0; e < 5; e++) {
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
  estimate: (noise: CellWeights) => Tensor,
): Promise<{ mean: number[]; error: number[] }> {
  const s1 = new Float64Array(80);
  const s2 = new Float64Array(80);
  for (let i = 0; i < draws; i++) {
    const noise = (t: number): Tensor =>
      device.tensor(
        uniforms(foldIn(foldIn(key(seed), i), t), 40).map((u) => -Math.log(-Math.log(u))),
        [5, 8],
      );
    const [a, b] = scope(() => grad(estimate({ normal: noise(0), reduce: noise(1) }), alphas));
    [...(await a!.data()), ...(await b!.data())].forEach((v, j) => {
      s1[j]! += v;
      s2[j]! += v * v;
    });
    a!.dispose();
    b!.dispose();
  }
  const mean = [...s1].map((v) => v / draws);
  return { mean, error: mean.map((m, j) => Math.sqrt(Math.max(0, s2[j]! / draws - m * m) / draws)) };
}

// Each statistical test compares 80 components; with the normal law, max |z| of 80 exceeds 4.5 in fewer than one seed in 1,800.
const Z_LIMIT = 4.5;

it('the score function of one-hot samples agrees with the closed form (N = 2,000, seed 21, |z| < 4.5 in 80 components)', async () => {
  const exact = await exactGradient();
  const { mean, error } = await sampled(2000, 21, (noise) => {
    const z = {
      normal: gumbelMax(logits.normal, { noise: noise.normal }),
      reduce: gumbelMax(logits.reduce, { noise: noise.reduce }),
    };
    return scoreFunctionCost(logits, z, priced);
  });
  const worst = Math.max(...mean.map((m, j) => Math.abs(m - exact[j]!) / (error[j]! + 1e-12)));
  expect(worst).toBeLessThan(Z_LIMIT);
});

it('a black-box cost with a baseline agrees with the closed form too, though it knows only the total (N = 2,000, seed 23, |z| < 4.5)', async () => {
  const exact = await exactGradient();
  const baseline = await scope(() => expectedCost(logits, priced)).item();
  const { mean, error } = await sampled(2000, 23, (noise) => {
    const z = {
      normal: gumbelMax(logits.normal, { noise: noise.normal }),
      reduce: gumbelMax(logits.reduce, { noise: noise.reduce }),
    };
    return scoreFunctionBlackBox(logits, z, cost(z, priced), baseline);
  });
  expect(Math.max(...mean.map((m, j) => Math.abs(m - exact[j]!) / (error[j]! + 1e-12)))).toBeLessThan(Z_LIMIT);
});

it('through the sample and by the score of its Concrete density, a relaxed cost has the same gradient (lambda 0.7, N = 2,000, |z| < 4.5)', async () => {
  const temperature = 0.7;
  const relaxed = (noise: CellWeights): CellWeights => ({
    normal: gumbelSoftmax(logits.normal, { noise: noise.normal, temperature }),
    reduce: gumbelSoftmax(logits.reduce, { noise: noise.reduce, temperature }),
  });
  const pathwise = await sampled(2000, 25, (noise) => cost(relaxed(noise), priced));
  const score = await sampled(2000, 27, (noise) => scoreFunctionCost(logits, relaxed(noise), priced, { temperature }));
  const z = pathwise.mean.map((m, j) => Math.abs(m - score.mean[j]!) / Math.hypot(pathwise.error[j]!, score.error[j]!));
  expect(Math.max(...z)).toBeLessThan(Z_LIMIT);
});

it('through the sample, the gradient tends to the closed form as the temperature falls (lambda 0.1, N = 4,000, seed 29, |z| < 4.5)', async () => {
  const exact = await exactGradient();
  const { mean, error } = await sampled(4000, 29, (noise) =>
    cost(
      {
        normal: gumbelSoftmax(logits.normal, { noise: noise.normal, temperature: 0.1 }),
        reduce: gumbelSoftmax(logits.reduce, { noise: noise.reduce, temperature: 0.1 }),
      },
      priced,
    ),
  );
  expect(Math.max(...mean.map((m, j) => Math.abs(m - exact[j]!) / (error[j]! + 1e-12)))).toBeLessThan(Z_LIMIT);
});

it('Z is held fixed inside log p: a relaxed Z that carries its graph gives no gradient through the density or the cost', async () => {
  const noise = tensors({ normal: normals(key(31), 40), reduce: normals(key(32), 40) });
  const z = {
    normal: gumbelSoftmax(logits.normal, { noise: noise.normal, temperature: 0.5 }),
    reduce: gumbelSoftmax(logits.reduce, { noise: noise.reduce, temperature: 0.5 }),
  };
  const surrogate = scoreFunctionCost(logits, z, priced, { temperature: 0.5 });
  const g = await grad(surrogate, [logits.normal])[0].data();
  // The score of a Concrete density is 1 - 8 softmax(-G); the edge's cost multiplies it.
  const perEdge = await edgeCosts(z, priced).normal.data();
  const G = await noise.normal.data();
  for (let e = 0; e < 5; e++) {
    const row = Array.from(G.subarray(8 * e, 8 * e + 8), (v) => Math.exp(-v));
    const total = row.reduce((a, b) => a + b);
    row.forEach((v, k) => expect(g[8 * e + k]).toBeCloseTo(perEdge[e]! * (1 - (8 * v) / total), 9));
  }
});
