/** @file A function with a gradient of the author's own. */
import { describe, expect, it } from 'vitest';
import { cpu, customVjp, mul, relu, square, type Tensor } from '../../src/index.ts';
import { checkGrads } from '../../src/testing/index.ts';

const device = cpu({ dtype: 'float64' });

describe('customVjp', () => {
  it('gives the value of one function and the gradient that its author wrote, to higher orders too', async () => {
    const straight = customVjp(
      'straight',
      (x: Tensor) => relu(x),
      (g, { inputs: [x] }) => [mul(g, square(x))],
    );
    const x = device.tensor([-2, 3]);
    expect(Array.from(await straight(x).data())).toEqual([0, 3]);
    const f = customVjp(
      'cube',
      (t: Tensor) => mul(t, square(t)),
      (g, { inputs: [t] }) => [mul(g, mul(square(t), 3))],
    );
    await checkGrads((t) => f(t), [x], { order: 3 });
  });
});
