/** @file Shapley's and Banzhaf's values against their definitions over orders and sets, and what sums to the whole loss. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { dagFixture, lossesWithout, networkCredits } from '../../src/credit/index.ts';
import { cpu, gumbel, key, mul, noGrad, scope, softmax, type Tensor } from '../../src/index.ts';
import { tiedNetwork } from '../support/tied-network.ts';

const device = cpu();

async function values(t: Tensor): Promise<number[]> {
  const out = Array.from(await t.data());
  t.dispose();
  return out;
}

/** All orders of 0 .. n - 1. */
function orders(n: number): number[][] {
  if (n === 0) return [[]];
  return orders(n - 1).flatMap((rest) => Array.from({ length: n }, (_, at) => [...rest.slice(0, at), n - 1, ...rest.slice(at)]));
}

it("Shapley's value is the mean of the marginals over all orders, Banzhaf's over all sets; Shapley's and the joint path's sum to L0 - L, 1e-10", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 1000 }), fc.constantFrom('softmax', 'quadratic', 'tanh'), async (seed, head) => {
      const samples = 2;
      const f = dagFixture(device, { head, nodes: 2, operations: 3, seed });
      const n = f.edges.length;
      const network = f.network(scope(() => softmax(mul(gumbel(device, key(seed), [samples, n, 3]), 2))));
      const v = new Map<number, number[]>();
      for (let set = 0; set < 2 ** n; set++) {
        v.set(set, await values(noGrad(() => scope(() => lossesWithout(network, (e) => !((set >> e) & 1))))));
      }
      const [shapley, banzhaf, joint] = [
        await values(networkCredits(network, 'shapley')),
        await values(networkCredits(network, 'banzhaf')),
        await values(networkCredits(network, 'joint', { points: 24 })),
      ];
      for (let r = 0; r < samples; r++) {
        for (let e = 0; e < n; e++) {
          const all = orders(n).map((order) => {
            const before = order.slice(0, order.indexOf(e)).reduce((set, p) => set | (1 << p), 0);
            return v.get(before)![r]! - v.get(before | (1 << e))![r]!;
          });
          expect(Math.abs(shapley[e * samples + r]! - all.reduce((a, b) => a + b, 0) / all.length)).toBeLessThan(1e-12);
          const sets = [...v.keys()].filter((set) => !((set >> e) & 1));
          const mean = sets.reduce((s, set) => s + v.get(set)![r]! - v.get(set | (1 << e))![r]!, 0) / sets.length;
          expect(Math.abs(banzhaf[e * samples + r]! - mean)).toBeLessThan(1e-12);
        }
        const whole = v.get(0)![r]! - v.get(2 ** n - 1)![r]!;
        for (const credit of [shapley, joint]) {
          const total = Array.from({ length: n }, (_, e) => credit[e * samples + r]!).reduce((a, b) => a + b, 0);
          expect(Math.abs(total - whole)).toBeLessThan(1e-10 * (1 + Math.abs(whole)));
        }
      }
    }),
    { seed: 2, numRuns: 8 },
  );
});

it('more than 12 edges are refused by number, and as 6 groups they are not', () => {
  const groups = Array.from({ length: 13 }, (_, c) => c % 6);
  const network = tiedNetwork(device, { seed: 1, groups, loss: 'linear', activation: 'none' }).at(
    groups.slice(0, 6).map(() => [0.5, 0.5]),
  );
  expect(() => networkCredits(network, 'shapley')).toThrow(/shapley of 13 edges or groups takes 2\^13 runs; at most 12/);
  const credit = networkCredits(network, 'banzhaf', { by: 'group', groups: [2] });
  expect(credit.shape).toEqual([1, 1]);
  credit.dispose();
});
