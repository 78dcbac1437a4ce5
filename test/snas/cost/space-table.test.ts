/** @file A counted table: what is there once counts once, and what is done twice counts twice. */
import { expect, it } from 'vitest';
import { cpu, key, type Tensor } from '../../../src/index.ts';
import { Identity, Layer, Linear } from '../../../src/nn/index.ts';
import { choice, costTable, type NetworkContext, SearchSpace } from '../../../src/snas/index.ts';

const device = cpu();
const context: NetworkContext = { device, key: key(1), channels: 3, height: 1, width: 1, item: [3], classes: 3 };

/** One choice, evaluated several times, each time with the same weights. */
class Recurrent extends Layer {
  readonly step = choice('step', { linear: new Linear(device, key(2), 3, 3), skip: new Identity() });
  readonly times: number;

  constructor(times: number) {
    super();
    this.times = times;
  }

  forward(x: Tensor): Tensor {
    let h = x;
    for (let t = 0; t < this.times; t++) h = this.step.forward(h);
    return h;
  }
}

it.each([1, 2, 5])('of a choice that is used %i times: parameters once, work each time', (times) => {
  using space = new SearchSpace(() => new Recurrent(times), context);
  const table = costTable(space);
  const { parameters, flops, memory } = table.of({ step: 'linear' });
  const child = space.child({ step: 'linear' });
  expect(parameters).toBe(child.parameterCount());
  // 3 x 3 products for the one example, which reads 3 numbers and 9 weights and writes 3; a sum with a bias is done on the way.
  expect([flops, memory]).toEqual([9 * times, 15 * times]);
  expect(table.of({ step: 'skip' }).parameters).toBe(0);
  expect(table.places).toHaveLength(times);
  child.dispose();
});
