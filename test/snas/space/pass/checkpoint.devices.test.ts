/** @file A checkpoint around choices finds their architecture when it is computed again. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { add, checkpoint, type Device, grad, key, normals, scope, sum, tanh, type Tensor } from '../../../../src/index.ts';
import { Layer, Linear } from '../../../../src/nn/index.ts';
import { choice, SearchSpace } from '../../../../src/snas/index.ts';
import { openDevice } from '../../../support/device.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

class Stack extends Layer {
  readonly blocks: readonly (readonly [Layer, Layer])[];
  readonly recompute: boolean;
  constructor(d: Device, recompute: boolean) {
    super();
    this.recompute = recompute;
    this.blocks = [0, 1].map((i) => {
      const made = (name: string, k: number): Layer =>
        choice(`${name}${i}`, { one: new Linear(d, key(k), 4, 4), two: new Linear(d, key(k + 1), 4, 4), skip: (x: Tensor) => x });
      return [made('a', 10 * i), made('b', 10 * i + 5)] as const;
    });
  }
  override *children(): Iterable<readonly [string, Layer]> {
    for (const [i, [a, b]] of this.blocks.entries()) {
      yield [`a${i}`, a];
      yield [`b${i}`, b];
    }
  }
  forward(x: Tensor): Tensor {
    return this.blocks.reduce((h, [a, b]) => {
      const block = (y: Tensor): Tensor => add(tanh(a.forward(y)), b.forward(y));
      return (this.recompute ? checkpoint(block) : block)(h);
    }, x);
  }
}

it('gives the gradients of the network by weights and by Z, to 1e-5', async () => {
  const results: (readonly number[])[][] = [];
  for (const recompute of [false, true]) {
    const context = { device, key: key(1), inputs: [4], outputs: 4 } as never;
    const space = new SearchSpace({ name: 'stack', network: () => new Stack(device, recompute) } as never, context);
    const found = scope(() => {
      const x = device.tensor(normals(key(2), 12), [3, 4]);
      const z = space.layout.matrices.map((_, m) => {
        const shape = space.layout.shape(m);
        return device.tensor(
          normals(
            key(3 + m),
            shape.reduce((p, q) => p * q),
          ),
          shape,
        );
      });
      const y = space.forward(x, z);
      return grad(sum(tanh(y)), [...z, ...space.network.parameters()]);
    });
    results.push(await Promise.all(found.map(async (t) => [...(await t.data())])));
    space.dispose();
  }
  const [alone, again] = results as [number[][], number[][]];
  again.forEach((g, i) => g.forEach((v, j) => expect(Math.abs(v - alone[i]![j]!)).toBeLessThan(1e-5)));
  expect(again.every((g) => g.some((v) => v !== 0))).toBe(true);
});
