/** @file What leaves a node, the cell's output included: the cases in which it equals what enters, and those in which it does not. */
import { expect, it } from 'vitest';
import { conservation, type GatedNetwork } from '../../src/credit/index.ts';
import { add, cpu, key, matmul, mul, normals, relu, sum, tanh, type Tensor } from '../../src/index.ts';

const device = cpu();
const SIZE = 3;
const draw = (purpose: number, n: number): number[] => Array.from(normals(key(purpose), n));

/** 0 -> 1 -> 2 and 0 -> 2 by relu(W x), no biases; the head reads node 2, or both. */
function homogeneous(reads: 'last' | 'both', activation: (x: Tensor) => Tensor = relu): GatedNetwork {
  const edges = [
    { name: '0-1', from: 0, to: 1 },
    { name: '0-2', from: 0, to: 2 },
    { name: '1-2', from: 1, to: 2 },
  ];
  const weights = edges.map((_, e) => device.parameter(draw(10 + e, SIZE * SIZE), [SIZE, SIZE]));
  const x0 = device.parameter([1, 2, -1], [1, SIZE]);
  const [t1, t2] = [device.parameter(draw(1, SIZE)), device.parameter(draw(2, SIZE))];
  return {
    edges,
    run: (tap = (_e, o) => o) => {
      const output = (e: number, x: Tensor): Tensor => tap(e, activation(matmul(x, weights[e]!)));
      const x1 = output(0, x0);
      const x2 = add(output(1, x0), output(2, x1));
      const last = sum(mul(x2, t2), 1);
      return {
        losses: reads === 'last' ? last : add(last, sum(mul(x1, t1), 1)),
        nodes: new Map([
          [1, x1],
          [2, x2],
        ]),
      };
    },
  };
}

it('homogeneous operations without bias: what leaves a node is what enters it, 1e-12, whether or not the head reads it', async () => {
  for (const reads of ['last', 'both'] as const) {
    const { nodes } = await conservation(homogeneous(reads));
    for (const n of nodes) {
      expect(Math.abs(n.inflow)).toBeGreaterThan(1e-3);
      expect(Math.abs(n.outflow - n.inflow)).toBeLessThan(1e-12);
    }
    // Node 1 leaves by its edge alone, or by the head too: then its edge alone does not carry what enters.
    const [first, second] = nodes;
    expect(Math.abs(first!.elsewhere) > 1e-3).toBe(reads === 'both');
    expect(second!.elsewhere).toBeCloseTo(second!.held, 12);
  }
});

it('with an operation that is not homogeneous what leaves is not what enters', async () => {
  const { nodes } = await conservation(homogeneous('both', tanh));
  expect(Math.abs(nodes[0]!.outflow - nodes[0]!.inflow)).toBeGreaterThan(1e-3);
});
