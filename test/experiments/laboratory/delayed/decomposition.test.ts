/** @file Redistributions of the return, judged by exact differences of Q. */
import { expect, it } from 'vitest';
import { decompose, type DecompositionRow } from '../../../../experiments/laboratory/delayed/decomposition.ts';
import { cpu } from '../../../../src/index.ts';

it('exact differences are optimal; the return as it comes, credits and a briefly trained LSTM each fall short where theory says', async () => {
  const options = { head: 'softmax', choices: 2, instances: 1, episodes: [20], lstmSteps: 5 } as const;
  const rows = await decompose(cpu(), options, () => {});
  const of = (name: string): DecompositionRow => rows.find((r) => r.method.startsWith(name))!;
  const zero = expect.closeTo(0, 9);
  // Q differences sum to the return, leave nothing to be expected, and have the policy gradient: each score times its own difference.
  expect(of('exact')).toMatchObject({
    correlation: expect.closeTo(1, 9),
    error: zero,
    future: zero,
    unassigned: zero,
    gradientError: zero,
  });
  // Baselines that do not see the choice keep the gradient; their credits do not sum to the return.
  for (const name of ['ablation', 'conditional']) {
    expect(of(name).gradientError).toBeLessThan(1e-9);
    expect(of(name).unassigned).toBeGreaterThan(0.01);
  }
  // Given the choice before, the mean over an edge's own operations leaves nothing to be expected of later edges.
  expect(of('conditional').future).toBeLessThan(1e-9);
  expect(of('R_ij').gradientError).toBeGreaterThan(0.01);
  expect(of('the return').unassigned).toBeLessThan(1e-9);
  expect(of('the return').gradientError).toBeGreaterThan(0.1);
  expect(of('RUDDER').unassigned).toBeLessThan(1e-9);
  expect(of('RUDDER').error).toBeGreaterThan(0.1);
});
