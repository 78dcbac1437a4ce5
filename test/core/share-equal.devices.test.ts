/** @file What `shareEqual` computes is what the function itself computes: values to the bit, derivatives of any order to rounding. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  add,
  assign,
  batchNorm2d,
  capture,
  cpu,
  type Device,
  exp,
  grad,
  key,
  maxPool2d,
  mul,
  noGrad,
  normals,
  relu,
  reshape,
  scope,
  shareEqual,
  sum,
  tanh,
  type Tensor,
  uniform,
} from '../../src/index.ts';
import { openDevice } from '../support/device.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

const SHAPE = [2, 2, 4, 4];

/** A step of a random program: what it does, and on which of the tensors that there are. */
interface Step {
  readonly op: number;
  readonly a: number;
  readonly b: number;
}

/** Few operations on few tensors, so that many are equal; among them some that change a tensor in place. */
const OPERATIONS: readonly ((a: Tensor, b: Tensor) => Tensor)[] = [
  (a) => tanh(a),
  (a) => relu(a),
  (a) => mul(a, 0.5),
  (a, b) => add(a, b),
  (a, b) => mul(a, b),
  (a) => batchNorm2d(a),
  (a) => maxPool2d(a, 3, { stride: 1, padding: 1 }),
  (a) => reshape(reshape(a, [64]), SHAPE),
  (a, b) => {
    // A result is changed after it was made: nobody else may see it.
    const c = mul(a, 0.5);
    noGrad(() => assign(c, b));
    return c;
  },
  (a, b) => {
    const c = reshape(a, [64]);
    noGrad(() => assign(reshape(c, SHAPE), b));
    return a;
  },
];

const programs = fc.array(fc.record({ op: fc.nat(OPERATIONS.length - 1), a: fc.nat(3), b: fc.nat(3) }), {
  minLength: 3,
  maxLength: 12,
});

/** Runs a program on two tensors; its value is the sum of all that it made. */
function runProgram(steps: readonly Step[], x: Tensor, y: Tensor): Tensor {
  const made = [x, mul(y, 1)];
  for (const { op, a, b } of steps) {
    // The inputs themselves are left as they are.
    const [p, q] = [made.at(-1 - (a % made.length))!, made.at(-1 - (b % made.length))!];
    made.push(OPERATIONS[op]!(op === OPERATIONS.length - 1 ? mul(p, 2) : p, q));
  }
  return made.map((t) => sum(mul(t, t))).reduce((s, t) => add(s, t));
}

const close = (a: ArrayLike<number>, b: ArrayLike<number>, tolerance: number): void => {
  const size = Math.max(1, ...Array.from(b, Math.abs));
  Array.from(a).forEach((v, i) => expect(Math.abs(v - b[i]!)).toBeLessThanOrEqual(tolerance * size));
};

/** Value, gradient and a second derivative. */
async function derivatives(d: Device, steps: readonly Step[], run: (body: () => Tensor) => Tensor): Promise<Tensor[]> {
  return scope(() => {
    const x = d.tensor(normals(key(1), 64), SHAPE);
    const y = d.tensor(normals(key(2), 64), SHAPE);
    const value = run(() => runProgram(steps, x, y));
    const [g] = grad(value, [x], { createGraph: true, unused: 'zeros' });
    const first = grad(value, [x, y], { unused: 'zeros' });
    const second = grad(sum(mul(g, y)), [x], { unused: 'zeros' });
    return [value, ...first, ...second];
  });
}

describe('shareEqual', () => {
  it('changes no value, and derivatives of first and second order to 1e-9 of their size alone: 40 random programs', async () => {
    const oracle = cpu();
    await fc.assert(
      fc.asyncProperty(programs, async (steps) => {
        const alone = await Promise.all((await derivatives(oracle, steps, (body) => body())).map((t) => t.data()));
        const together = await Promise.all((await derivatives(oracle, steps, (body) => shareEqual(body))).map((t) => t.data()));
        expect(together[0]).toEqual(alone[0]);
        for (const [i, data] of together.entries()) close(data, alone[i]!, 1e-9);
      }),
      { seed: 7, numRuns: 40 },
    );
  });

  it('does so on this device, captured too: value to the bit, gradient to 1e-4 of its size, 12 random programs', async () => {
    await fc.assert(
      fc.asyncProperty(programs, async (steps) => {
        const step = (x: Tensor, y: Tensor): Tensor[] => {
          const value = runProgram(steps, x, y);
          return [value, ...grad(value, [x, y], { unused: 'zeros' })];
        };
        const [x, y] = [device.tensor(normals(key(1), 64), SHAPE), device.tensor(normals(key(2), 64), SHAPE)];
        const alone = scope(() => step(x, y));
        const recorded = capture((a: Tensor, b: Tensor) => shareEqual(() => step(a, b)));
        for (let round = 0; round < 2; round++) {
          const together = recorded(x, y);
          expect(await together[0]!.data()).toEqual(await alone[0]!.data());
          for (const [i, t] of together.entries()) close(await t.data(), await alone[i]!.data(), 1e-4);
        }
        recorded.dispose();
      }),
      { seed: 8, numRuns: 12 },
    );
  });

  it('computes equal operations once, forward and backward', () => {
    const x = device.tensor(normals(key(3), 64), SHAPE);
    const branches = (t: Tensor): Tensor => {
      const outputs = Array.from({ length: 5 }, (_, i) =>
        mul(tanh(batchNorm2d(maxPool2d(t, 3, { stride: 1, padding: 1 }))), i + 1),
      );
      return grad(sum(outputs.reduce((a, b) => add(a, b))), [t])[0];
    };
    const alone = capture(branches);
    const together = capture((t: Tensor) => shareEqual(() => branches(t)));
    alone(x);
    together(x);
    const one = capture((t: Tensor) => grad(sum(mul(tanh(batchNorm2d(maxPool2d(t, 3, { stride: 1, padding: 1 }))), 2)), [t])[0]);
    one(x);
    // What is left five times is the factor, its gradient and the sums.
    expect(together.info!.launches).toBeLessThanOrEqual(one.info!.launches + 4 * 4);
    expect(alone.info!.launches).toBeGreaterThan(3 * one.info!.launches);
  });

  it('keeps the derivative by what one caller has apart from the others', async () => {
    const x = device.tensor([1, 2], [2]);
    const [ga, gb] = shareEqual(() => {
      const [a, b] = [exp(x), exp(x)];
      return grad(sum(add(mul(a, 2), mul(b, 3))), [a, b]);
    });
    expect([...(await ga.data()), ...(await gb.data())]).toEqual([2, 2, 3, 3]);
  });

  it('draws anew for each draw that is asked for by its own key, and updates statistics as often as they are asked for', async () => {
    const x = device.tensor(normals(key(4), 64), SHAPE);
    const [one, two] = [0, 1].map(() => device.tensor([0, 0, 1, 1], [2, 2]));
    shareEqual(() => {
      batchNorm2d(x, { running: one! });
      batchNorm2d(x, { running: two! });
      batchNorm2d(x, { running: two! });
    });
    const [expectedOnce, expectedTwice] = [0, 1].map(() => device.tensor([0, 0, 1, 1], [2, 2]));
    batchNorm2d(x, { running: expectedOnce! });
    batchNorm2d(x, { running: expectedTwice! });
    batchNorm2d(x, { running: expectedTwice! });
    expect(await one!.data()).toEqual(await expectedOnce!.data());
    expect(await two!.data()).toEqual(await expectedTwice!.data());
    const words = device.tensor(Uint32Array.of(1, 2), [2]);
    const [u, v] = shareEqual(() => [uniform(device, words, [64]), uniform(device, words, [64])]);
    expect(u.storage).not.toBe(v.storage);
    expect(await u.data()).toEqual(await v.data());
  });

  it('computes anew what a scope has freed', async () => {
    const x = device.tensor([1, 2], [2]);
    const y = shareEqual(() => {
      scope(() => tanh(x));
      return tanh(x);
    });
    expect([...(await y.data())].every((v) => v > 0.7)).toBe(true);
  });
});
