/** @file When the published form is exact: the two losses that are not affine and for which it is, and equations 18 and 19 with one Z for all cells. */
import { expect, it } from 'vitest';
import { attentionGap } from '../../../../../experiments/laboratory/identity/attention-gap.ts';
import { type GateObjective, identityTerms } from '../../../../../experiments/laboratory/index.ts';
import { add, cpu, div, matmul, mul, slice, square, sub, sum, tanh, type Tensor } from '../../../../../src/index.ts';

const device = cpu();
const LAMBDAS = [1, 0.5, 0.1];

it('a quadratic loss whose two outputs have one length: the published form is exact at equal logits, at every temperature, and off at others', async () => {
  const outputs = device.tensor([0.6, 0.8, 1, 0], [2, 2]);
  const target = device.tensor([0.2, -0.7]);
  const objective: GateObjective = {
    device,
    losses: (z) => mul(sum(square(sub(matmul(z, outputs), target)), 1), 0.5),
  };
  for (const lambda of LAMBDAS) {
    const at = await identityTerms(objective, [0, 0], lambda);
    expect(Math.abs(at.path)).toBeGreaterThan(0.05);
    expect(Math.abs(at.published - at.path)).toBeLessThan(1e-14);
    const off = await identityTerms(objective, [0.5, -0.2], lambda);
    expect(Math.abs(off.published - off.path)).toBeGreaterThan(1e-3);
  }
});

it('x1 g(x2 / x1) + 3 (x1 - 1)^2 with outputs (1, 0) and (1, 1): exact at all logits and temperatures, though neither is L affine nor c constant', async () => {
  const losses = (z: Tensor): Tensor => {
    const s = z.shape[0]!;
    const [x1, x2] = [sum(z, 1), sum(slice(z, [0, 1], [s, 2]), 1)];
    return add(mul(x1, tanh(mul(div(x2, x1), 2))), mul(square(sub(x1, 1)), 3));
  };
  for (const lambda of LAMBDAS) {
    for (const logits of [
      [0, 0],
      [0.7, -0.4],
      [-1, 1.5],
    ] as const) {
      const t = await identityTerms({ device, losses }, logits, lambda);
      expect(Math.abs(t.path)).toBeGreaterThan(0.02);
      expect(Math.abs(t.published - t.path)).toBeLessThan(1e-13);
    }
  }
  const at = async (z: readonly number[]): Promise<number> => losses(device.tensor([...z], [1, 2])).item();
  // On the ray through (0.5, 0.5), and along the hull.
  const [half, one, more] = [await at([0.25, 0.25]), await at([0.5, 0.5]), await at([0.75, 0.75])];
  expect(Math.abs(half - 2 * one + more)).toBeGreaterThan(0.1);
  const [left, middle, right] = [await at([0.8, 0.2]), one, await at([0.2, 0.8])];
  expect(Math.abs(left - 2 * middle + right)).toBeGreaterThan(0.05);
});

it('equations 18 and 19 in a linear network: equal for a Z of each cell, 1e-12; with one Z for all cells off by over a tenth of the deviation of L in most of 40 chains', () => {
  for (const cells of [2, 3, 4]) {
    const found = Array.from({ length: 40 }, (_, seed) => attentionGap(cells, seed + 1));
    for (const { own } of found) expect(Math.abs(own.gap)).toBeLessThan(1e-12);
    const large = found.filter(({ tied }) => Math.abs(tied.gap) > 0.1 * tied.deviation);
    expect(large.length).toBeGreaterThan(20);
  }
  const one = attentionGap(1, 1);
  expect(Math.abs(one.tied.gap)).toBeLessThan(1e-14);
});
