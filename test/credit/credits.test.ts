/** @file How exact the credits are, and what is conserved, as properties over random networks in float64. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  conservation,
  costCredits,
  creditKinds,
  dagFixture,
  gaussLegendre,
  type GatedNetwork,
  networkCredits,
} from '../../src/credit/index.ts';
import { batchNormFixture } from '../../experiments/laboratory/index.ts';
import { add, cpu, grad, gumbel, key, mul, scope, softmax, sum, tanh, type Tensor } from '../../src/index.ts';

const device = cpu();

/** Relaxed gates [s, e, n] at a temperature. */
function gates(seed: number, samples: number, edges: number, n: number, temperature: number): Tensor {
  return softmax(mul(gumbel(device, key(seed), [samples, edges, n]), 1 / temperature));
}

async function values(t: Tensor): Promise<number[]> {
  const out = Array.from(await t.data());
  t.dispose();
  return out;
}

function largest(a: readonly number[], b: readonly number[]): number {
  return a.reduce((m, v, i) => Math.max(m, Math.abs(v - b[i]!)), 0);
}

const dag = fc.record({
  seed: fc.integer({ min: 1, max: 1000 }),
  nodes: fc.integer({ min: 1, max: 4 }),
  operations: fc.integer({ min: 2, max: 8 }),
  power: fc.integer({ min: -4, max: 1 }),
});

it('the second-order credit is the ablation credit where the loss is quadratic in the node, to 1e-12', async () => {
  await fc.assert(
    fc.asyncProperty(dag, async ({ seed, nodes, operations, power }) => {
      const f = dagFixture(device, { head: 'quadratic', activation: 'none', nodes, operations, seed });
      const network = f.network(gates(seed, 3, f.edges.length, operations, 2 ** power));
      const exact = await values(networkCredits(network, 'ablation'));
      const second = await values(networkCredits(network, 'taylor2'));
      expect(largest(second, exact)).toBeLessThan(1e-12 * Math.max(1, ...exact.map(Math.abs)));
    }),
    { seed: 8, numRuns: 40 },
  );
});

it('the integrated credit with 16 points is the ablation credit for smooth operations, to 1e-9', async () => {
  await fc.assert(
    fc.asyncProperty(dag, async ({ seed, nodes, operations, power }) => {
      const f = dagFixture(device, { head: 'softmax', nodes: Math.min(nodes, 3), operations, seed });
      const network = f.network(gates(seed, 2, f.edges.length, operations, 2 ** power));
      const exact = await values(networkCredits(network, 'ablation'));
      const integrated = await values(networkCredits(network, 'integrated', { points: 16 }));
      expect(largest(integrated, exact)).toBeLessThan(1e-9);
    }),
    { seed: 9, numRuns: 12 },
  );
});

it('the first-order credit is exact for a linear loss and wrong for a quadratic one', async () => {
  const at = async (head: 'linear' | 'quadratic'): Promise<number> => {
    const f = dagFixture(device, { head, activation: 'none', nodes: 2, operations: 3 });
    const network = f.network(gates(1, 4, 3, 3, 0.5));
    return largest(await values(networkCredits(network, 'taylor')), await values(networkCredits(network, 'ablation')));
  };
  expect(await at('linear')).toBeLessThan(1e-12);
  expect(await at('quadratic')).toBeGreaterThan(0.1);
});

it('credits of chosen edges are those of the whole network at their places, and an unknown edge is refused by name', async () => {
  const f = dagFixture(device, { head: 'tanh', nodes: 2, operations: 3 });
  const network = f.network(gates(2, 3, 3, 3, 0.5));
  const weights = (): number[] => [0.5, 0.3, 0.2];
  for (const kind of creditKinds) {
    const all = await values(networkCredits(network, kind, { weights }));
    expect(
      largest(await values(networkCredits(network, kind, { weights, edges: [2, 0] })), [...all.slice(6, 9), ...all.slice(0, 3)]),
    ).toBeLessThan(1e-15);
    // Where no two edges share a Z, each is a group of its own.
    const byGroup = await values(networkCredits(network, kind, { weights, by: 'group' }));
    expect(largest(byGroup, all)).toBeLessThan(1e-15);
  }
  expect(() => networkCredits(network, 'taylor', { edges: [3] })).toThrow(/edge 3 is not one of the network's 3/);
});

it('what enters a node is what it holds, to 1e-13', async () => {
  await fc.assert(
    fc.asyncProperty(dag, async ({ seed, nodes, operations, power }) => {
      const f = dagFixture(device, { head: 'tanh', nodes, operations, seed });
      const report = await conservation(f.network(gates(seed, 2, f.edges.length, operations, 2 ** power)));
      expect(report.nodes).toHaveLength(nodes);
      for (const { inflow, held } of report.nodes)
        expect(Math.abs(inflow - held)).toBeLessThan(1e-13 * Math.max(1, Math.abs(held) * 10));
    }),
    { seed: 5, numRuns: 40 },
  );
});

it('with homogeneous operations and a linear head, every node holds the loss or passes on what enters; biases break it', async () => {
  const of = async (activation: 'relu' | 'none' | 'tanh'): Promise<Awaited<ReturnType<typeof conservation>>> => {
    // Two operations: the activation of W x (+ b) and W x. The last node alone is read, so it holds d L = L.
    const f = dagFixture(device, { head: 'linear', activation, nodes: 3, operations: 2 });
    return conservation(f.network(gates(3, 2, f.edges.length, 2, 1)));
  };
  const plain = await of('none');
  expect(plain.nodes.at(-1)!.held).toBeCloseTo(plain.loss, 12);
  expect(plain.nodes).toHaveLength(3);
  for (const n of plain.nodes) expect(n.outflow).toBeCloseTo(n.inflow, 12);
  // The head reads the last node alone.
  expect(plain.nodes.map((n) => Math.abs(n.elsewhere) > 1e-3)).toEqual([false, false, true]);
  const biased = await of('tanh');
  expect(biased.nodes.some((n) => Math.abs(n.outflow - n.inflow) > 1e-3)).toBe(true);
});

it('credits into a node that only batch norm consumes sum to 0 at eps 0 (1e-10), and to O(eps) otherwise', async () => {
  const sumAt = async (eps: number): Promise<number> =>
    Math.abs((await conservation(batchNormFixture(device, eps))).nodes[0]!.inflow);
  expect(await sumAt(0)).toBeLessThan(1e-10);
  const slope = Math.log((await sumAt(1e-3)) / (await sumAt(1e-4))) / Math.log(10);
  expect(Math.abs(slope - 1)).toBeLessThan(0.15);
  const { groups } = await conservation(batchNormFixture(device, 0));
  expect(Math.max(...[...groups.values()].map(Math.abs))).toBeGreaterThan(1e-3);
});

it('credits of cells that share one Z sum to -d L where the loss is homogeneous of degree d in it', async () => {
  for (const cells of [1, 2, 3]) {
    const z = device.tensor([0.7, 0.3], [2]);
    const edges = Array.from({ length: cells }, (_, c) => ({ name: `${c}`, from: c, to: c + 1, group: 0 }));
    const network: GatedNetwork = {
      edges,
      run: (tap = (_e, output) => output) => {
        let x = device.tensor([1, -2], [2]);
        const nodes = new Map<number, Tensor>();
        for (let c = 0; c < cells; c++) {
          const scaled = mul(x, device.tensor([2, 3], [2]));
          x = tap(c, mul(add(x, scaled), sum(mul(z, device.tensor([1, 2], [2])))));
          nodes.set(c + 1, x);
        }
        return { losses: sum(x), nodes };
      },
    };
    const report = await conservation(network);
    expect(report.groups.get(0)!).toBeCloseTo(-cells * report.loss, 10);
  }
});

it('the cost adds exactly -eta Z . C to the credit, which is its ablation credit and -Z . d(eta C)/dZ', async () => {
  const z = gates(4, 1, 5, 4, 0.5);
  const costs = device.tensor(
    Array.from({ length: 20 }, (_, i) => (i * 7) % 5),
    [5, 4],
  );
  const share = await values(costCredits(z, costs, 0.3));
  const [slope] = scope(() => grad(mul(sum(mul(z, costs)), 0.3), [z]));
  const byGradient = await values(scope(() => mul(sum(mul(z, slope), -1), -1)));
  expect(largest(share, byGradient)).toBeLessThan(1e-12);
  expect(Math.min(...share.map(Math.abs))).toBeGreaterThan(0);
});

it('Gauss-Legendre of m points integrates polynomials up to degree 2 m - 1 to 1e-14, and misses x^4 by 1/180 with two', () => {
  for (const m of [1, 2, 5, 16, 40]) {
    const { points, weights } = gaussLegendre(m);
    const integral = (degree: number): number => points.reduce((s, x, i) => s + weights[i]! * x ** degree, 0);
    for (let degree = 0; degree < 2 * m; degree++) expect(Math.abs(integral(degree) - 1 / (degree + 1))).toBeLessThan(1e-14);
  }
  const { points, weights } = gaussLegendre(2);
  expect(Math.abs(points.reduce((s, x, i) => s + weights[i]! * x ** 4, 0) - 1 / 5)).toBeCloseTo(1 / 180, 12);
});

it('a credit is a number: no gradient flows through it, and nothing is left over', () => {
  const f = dagFixture(device, { head: 'softmax', nodes: 2, operations: 3 });
  const before = device.memory().tensors;
  scope(() => {
    const z = tanh(gates(5, 2, 3, 3, 1));
    for (const kind of creditKinds) {
      expect(() => grad(sum(networkCredits(f.network(z), kind, { weights: () => [0.5, 0.3, 0.2] })), [z])).toThrow(
        /does not depend/,
      );
    }
  });
  expect(device.memory().tensors).toBe(before);
});
