/** @file Credits of all edges that share one Z at once, against plain numbers, differences and enumeration. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { creditKinds, groupsOf, networkCredits, playersOf } from '../../src/credit/index.ts';
import { cpu, type Tensor } from '../../src/index.ts';
import { tiedNetwork, type TiedSettings } from '../support/tied-network.ts';

const device = cpu();

async function values(t: Tensor): Promise<number[]> {
  const out = Array.from(await t.data());
  t.dispose();
  return out;
}

const settings: fc.Arbitrary<TiedSettings> = fc.record({
  seed: fc.integer({ min: 1, max: 10_000 }),
  groups: fc.constantFrom([0, 0], [0, 1, 0], [0, 0, 0], [0, 1, 1, 0]),
  loss: fc.constantFrom('linear', 'quadratic'),
  activation: fc.constantFrom('none', 'tanh'),
});

const rowsOf = (z: readonly number[]): number[][] => z.map((v) => [v, 1 - v]);

it('by group: ablation cuts all tied places at once; taylor and taylor2 are derivatives of the loss in one scale of them all (differences)', async () => {
  await fc.assert(
    fc.asyncProperty(
      settings,
      fc.tuple(fc.double({ min: 0.1, max: 0.9, noNaN: true }), fc.double({ min: 0.1, max: 0.9, noNaN: true })),
      async (spec, z) => {
        const built = tiedNetwork(device, spec);
        const rows = rowsOf(z);
        const network = built.at(rows);
        const byEdge = spec.groups.map((g) => rows[g]!);
        const groups = groupsOf(network);
        const of = async (kind: 'ablation' | 'taylor' | 'taylor2'): Promise<number[]> =>
          values(networkCredits(network, kind, { by: 'group' }));
        const [ablation, taylor, taylor2] = [await of('ablation'), await of('taylor'), await of('taylor2')];
        const places = await values(networkCredits(network, 'taylor'));
        groups.forEach(({ edges }, g) => {
          const phi = (s: number): number =>
            built.loss(
              byEdge,
              spec.groups.map((_, c) => (edges.includes(c) ? s : 1)),
            );
          const scale = 1 + Math.abs(phi(1)) + Math.abs(phi(2));
          expect(Math.abs(ablation[g]! - (phi(0) - phi(1)))).toBeLessThan(1e-12 * scale);
          const h = 1e-4;
          const first = (phi(1 + h) - phi(1 - h)) / (2 * h);
          const second = (phi(1 + h) - 2 * phi(1) + phi(1 - h)) / (h * h);
          expect(Math.abs(taylor[g]! + first)).toBeLessThan(1e-5 * scale);
          expect(Math.abs(taylor2[g]! + first - second / 2)).toBeLessThan(1e-4 * scale);
          expect(Math.abs(taylor[g]! - edges.reduce((s, e) => s + places[e]!, 0))).toBeLessThan(1e-12 * scale);
        });
      },
    ),
    { seed: 3, numRuns: 30 },
  );
});

it('on a chain of m linear cells with one Z under a linear loss, ablations place by place sum to m times that of the group; not under a quadratic one', async () => {
  for (const m of [1, 2, 3, 4]) {
    const of = async (loss: 'linear' | 'quadratic'): Promise<{ sum: number; group: number }> => {
      const network = tiedNetwork(device, { seed: 4, groups: Array.from({ length: m }, () => 0), loss, activation: 'none' }).at([
        [0.7, 0.3],
      ]);
      const places = await values(networkCredits(network, 'ablation'));
      const [group] = await values(networkCredits(network, 'ablation', { by: 'group' }));
      return { sum: places.reduce((a, b) => a + b, 0), group: group! };
    };
    const linear = await of('linear');
    expect(linear.sum / linear.group).toBeCloseTo(m, 10);
    // Cutting one place of a chain cuts it all, whatever the loss: the ratio is m by construction of the chain.
    const quadratic = await of('quadratic');
    expect(quadratic.sum / quadratic.group).toBeCloseTo(m, 10);
    const taylor = await values(
      networkCredits(
        tiedNetwork(device, { seed: 4, groups: Array.from({ length: m }, () => 0), loss: 'quadratic', activation: 'none' }).at([
          [0.7, 0.3],
        ]),
        'taylor',
        { by: 'group' },
      ),
    );
    // -dL/ds of a loss of degree 2 m in s with a linear part: Euler's factor is not m.
    expect([m, Math.abs(taylor[0]! / quadratic.group - m) > 0.1]).toEqual([m, true]);
  }
});

it('the edges of a group that are asked for by number are refused by name where they do not exist, or where the two ways are mixed', () => {
  const network = tiedNetwork(device, { seed: 1, groups: [0, 1, 0], loss: 'linear', activation: 'none' }).at([
    [0.5, 0.5],
    [0.5, 0.5],
  ]);
  expect(groupsOf(network)).toEqual([
    { group: 0, edges: [0, 2] },
    { group: 1, edges: [1] },
  ]);
  expect(playersOf(network, { by: 'group', groups: [1] })).toEqual([{ group: 1, edges: [1] }]);
  expect(() => networkCredits(network, 'taylor', { by: 'group', groups: [5] })).toThrow(/group 5 is not one of the network's 0, 1/);
  expect(() => networkCredits(network, 'taylor', { groups: [0] })).toThrow(/say by: 'group'/);
  expect(() => networkCredits(network, 'taylor', { by: 'group', edges: [0] })).toThrow(/leave by: 'group' out/);
  expect(() =>
    groupsOf({
      ...network,
      edges: [
        { name: 'a', from: 0, to: 1 },
        { name: 'b', from: 1, to: 2, group: 0 },
      ],
    }),
  ).toThrow(/edge a has no group/);
});

it('every kind by group is a row for each group', async () => {
  const network = tiedNetwork(device, { seed: 9, groups: [0, 1, 0], loss: 'quadratic', activation: 'tanh' }).at([
    [0.4, 0.6],
    [0.2, 0.8],
  ]);
  for (const kind of creditKinds) {
    const credit = networkCredits(network, kind, { by: 'group', weights: () => [0.4, 0.6] });
    expect([kind, credit.shape]).toEqual([kind, [2, 1]]);
    credit.dispose();
  }
});
