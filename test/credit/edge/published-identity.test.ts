/**
 * @file The published claim E[dL/dl] = E[score * c.O~] on one edge of two operations: false where the loss curves along the edge's
 * output, true where it is affine.
 */
import { describe, expect, it } from 'vitest';
import { gumbelSoftmax, RelaxedOneHotCategorical } from '../../../src/distributions/index.ts';
import { cpu, grad, gumbel, key, matmul, mul, noGrad, square, sub, sum, type Tensor } from '../../../src/index.ts';
import { moments } from '../../support/statistics.ts';

const device = cpu({ dtype: 'float64' });
const TEMPERATURE = 0.5;
const outputs = device.tensor([1.5, -0.8, 0.6, -0.3, 0.4, 0.2], [2, 3]);
const target = device.tensor([0.2, 0.6, -1.1]);
const logits = [0.4, -0.2];

const heads = {
  affine: (x: Tensor): Tensor => sum(mul(x, target), 1),
  quadratic: (x: Tensor): Tensor => mul(sum(square(sub(x, target)), 1), 0.5),
};

/** Both sides for each row of noise, first component: dL/dl_1 by the path, and score_1 * c.O~ with c.O~ a cost. */
async function bothSides(noise: Tensor, head: (x: Tensor) => Tensor): Promise<{ path: number[]; credit: number[] }> {
  const rows = noise.shape[0]!;
  const l = device.tensor(Array.from({ length: rows }, () => logits).flat(), [rows, 2]);
  const mixed = matmul(gumbelSoftmax(l, { temperature: TEMPERATURE, noise }), outputs);
  const [gl, c] = grad(sum(head(mixed)), [l, mixed]);
  const cost = await noGrad(() => sum(mul(c, mixed), 1)).data();
  const score = await new RelaxedOneHotCategorical({ logits: l, temperature: TEMPERATURE }).score({ noise }).data();
  const path = await gl.data();
  return {
    path: Array.from({ length: rows }, (_, r) => path[2 * r]!),
    credit: Array.from({ length: rows }, (_, r) => score[2 * r]! * cost[r]!),
  };
}

/** Expectations over the noise by the trapezoid rule in G1 - G2, which is logistic: spectrally accurate. */
async function expectations(head: (x: Tensor) => Tensor): Promise<{ path: number; credit: number }> {
  const step = 0.02;
  const d = Array.from({ length: 4001 }, (_, i) => (i - 2000) * step);
  const density = d.map((x) => (step * Math.exp(-Math.abs(x))) / (1 + Math.exp(-Math.abs(x))) ** 2);
  const noise = device.tensor(
    d.flatMap((x) => [x / 2, -x / 2]),
    [d.length, 2],
  );
  const sides = await bothSides(noise, head);
  const mean = (values: number[]): number => values.reduce((s, v, i) => s + v * density[i]!, 0);
  return { path: mean(sides.path), credit: mean(sides.credit) };
}

describe('by quadrature', () => {
  it('the claim holds to 1e-12 for the affine loss', async () => {
    const { path, credit } = await expectations(heads.affine);
    expect(Math.abs(path)).toBeGreaterThan(0.05);
    expect(Math.abs(credit - path)).toBeLessThan(1e-12);
  });

  it('the claim is off by more than 10 % for the quadratic loss, and by exactly the curvature that it leaves out', async () => {
    const { path, credit } = await expectations(heads.quadratic);
    expect(Math.abs(credit / path - 1)).toBeGreaterThan(0.1);
    // I1 with H the identity: the gap is E[O~ . dO~/dl], the gradient of E[|O~|^2 / 2].
    const curvature = await expectations((x) => mul(sum(square(x), 1), 0.5));
    expect(Math.abs(credit - path - curvature.path)).toBeLessThan(1e-12);
  });
});

it('by sampling, the quadratic loss refutes the claim by more than 10 standard errors of paired differences, and I1 is not refuted (N = 2^16, seed 4)', async () => {
  const noise = gumbel(device, key(4), [2 ** 16, 2]);
  const quadratic = await bothSides(noise, heads.quadratic);
  const curvature = await bothSides(noise, (x) => mul(sum(square(x), 1), 0.5));
  const gap = moments(quadratic.credit.map((v, i) => v - quadratic.path[i]!));
  expect(Math.abs(gap.mean) / gap.standardError).toBeGreaterThan(10);
  const repaired = moments(quadratic.credit.map((v, i) => v - quadratic.path[i]! - curvature.path[i]!));
  expect(Math.abs(repaired.mean) / repaired.standardError).toBeLessThan(4);
  const affine = await bothSides(noise, heads.affine);
  const agreed = moments(affine.credit.map((v, i) => v - affine.path[i]!));
  expect(Math.abs(agreed.mean) / agreed.standardError).toBeLessThan(4);
});
