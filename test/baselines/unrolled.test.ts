/** @file DARTS's second order: the mixed derivative and the unrolled gradient against hand-written derivatives and differences. */
import { expect, it } from 'vitest';
import { grad } from '../../src/core/autograd.ts';
import { mixedProduct, unrolledGradients } from '../../src/baselines/unrolled.ts';
import { cpu } from '../../src/devices/cpu.ts';
import { add, dot, exp, matmul, mul, reshape, square, sum, tanh } from '../../src/index.ts';
import { key, normals } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import type { Tensor } from '../../src/core/tensor.ts';

const device = cpu({ dtype: 'float64' });
const vector = (seed: number, n: number): Tensor => device.parameter(normals(key(seed), n), [n]);

it('both methods give the mixed derivative of a function for which it is known: sum_ij M_ij w_i^2 a_j / 2 has the product sum_i M_ij w_i v_i', async () => {
  const M = normals(key(1), 12);
  const w = vector(2, 4);
  const a = vector(3, 3);
  const v = vector(4, 4);
  const m = device.parameter(M, [4, 3]);
  const trainingLoss = (): Tensor => mul(sum(matmul(matmul(reshape(square(w), [1, 4]), m), reshape(a, [3, 1]))), 0.5);
  const wv = await w.data();
  const vv = await v.data();
  const expected = [0, 1, 2].map((j) => [0, 1, 2, 3].reduce((s, i) => s + M[3 * i + j]! * wv[i]! * vv[i]!, 0));
  for (const method of ['exact', 'finite-difference'] as const) {
    const [product] = mixedProduct({ weights: [w], architecture: [a], trainingLoss }, [v], { method });
    for (const [j, value] of (await product!.data()).entries()) expect(value).toBeCloseTo(expected[j]!, 9);
  }
});

/** A function without special structure; weights in two tensors. */
const w1 = vector(11, 3);
const w2 = vector(12, 2);
const a = vector(13, 2);
const c = vector(14, 3);
const trainingLoss = (): Tensor => add(sum(tanh(mul(w1, sum(mul(exp(mul(a, 0.3)), w2))))), mul(dot(square(w2), tanh(a)), 0.7));
const validationLoss = (): Tensor => add(sum(square(tanh(add(mul(w1, sum(a)), c)))), dot(exp(mul(w2, 0.5)), square(a)));

it('the finite difference is divided by 2 eps: its error falls a hundredfold when eps is a tenth', async () => {
  const v = [vector(15, 3), vector(16, 2)];
  const problem = { weights: [w1, w2], architecture: [a], trainingLoss };
  const exact = await mixedProduct(problem, v)[0]!.data();
  const errorAt = async (radius: number): Promise<number> => {
    const found = await mixedProduct(problem, v, { method: 'finite-difference', radius })[0]!.data();
    return Math.hypot(...[...found].map((x, i) => x - exact[i]!));
  };
  const coarse = await errorAt(0.1);
  const fine = await errorAt(0.01);
  expect(coarse / fine).toBeGreaterThan(90);
  expect(coarse / fine).toBeLessThan(110);
  expect(fine).toBeLessThan(1e-4 * Math.hypot(...exact));
});

/** L_val(w - xi dL_train/dw, a) as a function of a alone, computed from scratch. */
async function unrolled(at: readonly number[], learningRate: number): Promise<number> {
  const values = await Promise.all([w1.data(), w2.data(), a.data()]);
  const set = (t: Tensor, data: ArrayLike<number>): void => device.backend.write(t.storage.handle, Float64Array.from(data));
  set(a, at);
  const gradients = grad(trainingLoss(), [w1, w2]);
  const [g1, g2] = await Promise.all(gradients.map((g) => g.data()));
  set(
    w1,
    values[0].map((x, i) => x - learningRate * g1![i]!),
  );
  set(
    w2,
    values[1].map((x, i) => x - learningRate * g2![i]!),
  );
  const loss = await validationLoss().item();
  set(w1, values[0]);
  set(w2, values[1]);
  set(a, values[2]);
  return loss;
}

it('the unrolled gradient is the total derivative of the validation loss after a virtual step: validation at the stepped weights, mixed derivative at the present ones', async () => {
  const xi = 0.3;
  const start = [...(await a.data())];
  const h = 1e-5;
  const expected: number[] = [];
  for (const j of start.keys()) {
    const at = (d: number): number[] => start.map((x, i) => (i === j ? x + d : x));
    expected.push(((await unrolled(at(h), xi)) - (await unrolled(at(-h), xi))) / (2 * h));
  }
  const problem = { weights: [w1, w2], architecture: [a], learningRate: device.tensor(xi), trainingLoss, validationLoss };
  const found = await unrolledGradients(problem)[0]!.data();
  for (const [j, value] of found.entries()) expect(value).toBeCloseTo(expected[j]!, 7);
  // The mistakes this prevents differ from it by far more than the tolerance.
  const first = await unrolledGradients({ ...problem, learningRate: device.tensor(0) })[0]!.data();
  const atPresentWeights = await grad(validationLoss(), [a])[0].data();
  expect([...first]).toEqual([...atPresentWeights]);
  expect(Math.abs(first[0]! - found[0]!)).toBeGreaterThan(1e-2);
});

it('the finite-difference option agrees with the exact one to its own error', async () => {
  const problem = { weights: [w1, w2], architecture: [a], learningRate: device.tensor(0.3), trainingLoss, validationLoss };
  const exact = await unrolledGradients(problem)[0]!.data();
  const approximate = await unrolledGradients(problem, { method: 'finite-difference' })[0]!.data();
  for (const [j, value] of approximate.entries()) expect(Math.abs(value - exact[j]!)).toBeLessThan(1e-4);
});

it('the weights come back to the bit, and no tensor is left behind', async () => {
  const before = [...(await w1.data()), ...(await w2.data())];
  const problem = { weights: [w1, w2], architecture: [a], learningRate: device.tensor(0.3), trainingLoss, validationLoss };
  const run = (method: 'exact' | 'finite-difference'): void => scope(() => void unrolledGradients(problem, { method }));
  run('exact');
  run('finite-difference');
  const live = device.memory().tensors;
  run('exact');
  run('finite-difference');
  expect(device.memory().tensors).toBe(live);
  expect([...(await w1.data()), ...(await w2.data())]).toEqual(before);
});

it('along a zero vector, and along one whose square underflows, the finite difference is what the exact method gives', async () => {
  for (const scale of [0, 1e-200]) {
    const v = [mul(vector(15, 3), scale), mul(vector(16, 2), scale)];
    const problem = { weights: [w1, w2], architecture: [a], trainingLoss };
    const exact = await mixedProduct(problem, v)[0]!.data();
    const found = await mixedProduct(problem, v, { method: 'finite-difference' })[0]!.data();
    for (const [i, want] of exact.entries()) expect(Math.abs(found[i]! - want)).toBeLessThanOrEqual(1e-4 * scale);
  }
});
