/** @file Gradients through a checkpoint are those of its function to the bit, those of second order to rounding; what it changes is changed once. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  add,
  assign,
  batchNorm2d,
  capture,
  checkpoint,
  conv2d,
  type Device,
  grad,
  hvp,
  key,
  maxPool2d,
  mul,
  noGrad,
  normals,
  relu,
  scope,
  sum,
  tanh,
  type Tensor,
  uniform,
  VersionError,
} from '../../src/index.ts';
import { openDevice } from '../support/device.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

const SHAPE = [2, 3, 5, 5];
const tensor = (seed: number, shape: readonly number[] = SHAPE): Tensor =>
  device.tensor(
    normals(
      key(seed),
      shape.reduce((a, b) => a * b),
    ),
    shape,
  );

/** Blocks of a network that read weights from outside; `w` [3, 3, 3, 3], `s` like x. */
type Block = (x: Tensor, w: Tensor, s: Tensor) => Tensor;
const BLOCKS: readonly Block[] = [
  (x, w) => tanh(conv2d(x, w, { padding: 1 })),
  (x, _w, s) => mul(add(x, s), tanh(x)),
  (x, w) => add(batchNorm2d(conv2d(relu(x), w, { padding: 1 })), mul(x, x)),
  (x, _w, s) => batchNorm2d(maxPool2d(add(x, mul(s, s)), 3, { stride: 1, padding: 1 })),
  (x) => mul(x, uniform(device, device.tensor(Uint32Array.of(1, 2), [2]), SHAPE)),
  (x) => mul(x, 1),
  (_x, _w, s) => mul(s, 2),
];

/** A network of blocks, each in a checkpoint or not, some nested. */
function network(blocks: readonly number[], wrap: readonly boolean[], x: Tensor, w: Tensor, s: Tensor): Tensor {
  let h = x;
  for (const [i, b] of blocks.entries()) {
    const inner = (y: Tensor): Tensor => BLOCKS[b]!(y, w, s);
    const block = wrap[i] ? checkpoint((y: Tensor) => (b % 2 ? checkpoint(inner)(y) : inner(y))) : inner;
    // The state from outside is used between blocks too, and by the last.
    h = add(block(h), mul(s, 0.25));
  }
  return sum(mul(h, tanh(h)));
}

const programs = fc
  .array(fc.tuple(fc.nat(BLOCKS.length - 1), fc.boolean()), { minLength: 1, maxLength: 4 })
  .map((list) => ({ blocks: list.map(([b]) => b), wrap: list.map(([, on]) => on) }));

const same = async (a: readonly Tensor[], b: readonly Tensor[]): Promise<void> => {
  for (const [i, t] of a.entries()) expect(await t.data()).toEqual(await b[i]!.data());
};

describe('checkpoint', () => {
  it('gives the same value and gradients to the bit, by the input and by what is read from outside: 40 random networks', async () => {
    const [x, w, s] = [tensor(1), tensor(2, [3, 3, 3, 3]), tensor(3)];
    await fc.assert(
      fc.asyncProperty(programs, async ({ blocks, wrap }) => {
        const run = (on: readonly boolean[]): Tensor[] =>
          scope(() => {
            const value = network(blocks, on, x, w, s);
            return [value, ...grad(value, [x, w, s], { unused: 'zeros' })];
          });
        await same(run(wrap), run(wrap.map(() => false)));
      }),
      { seed: 3, numRuns: 40 },
    );
  });

  it('gives the same products with the Hessian, to 1e-11 of their size (float32: 1e-4): 15 random networks', async () => {
    const [x, w, s] = [tensor(1), tensor(2, [3, 3, 3, 3]), tensor(3)];
    await fc.assert(
      fc.asyncProperty(programs, async ({ blocks, wrap }) => {
        const run = (on: readonly boolean[]): Tensor[] =>
          scope(() => hvp((a, b, c) => network(blocks, on, a, b, c), [x, w, s], [tensor(4), tensor(5, [3, 3, 3, 3]), tensor(6)]));
        const expected = run(wrap.map(() => false));
        for (const [i, t] of run(wrap).entries()) {
          const [a, b] = [await t.data(), await expected[i]!.data()];
          const size = Math.max(1, ...Array.from(b, Math.abs));
          const tolerance = device.dtype === 'float64' ? 1e-11 : 1e-4;
          a.forEach((v, j) => expect(Math.abs(v - b[j]!)).toBeLessThanOrEqual(tolerance * size));
        }
      }),
      { seed: 4, numRuns: 15 },
    );
  });

  it('is captured, holds less memory, and updates running statistics once', async () => {
    const [x, w] = [tensor(1, [2, 3, 16, 16]), tensor(2, [3, 3, 3, 3])];
    const block =
      (running: Tensor) =>
      (h: Tensor): Tensor => {
        let y = h;
        for (let i = 0; i < 3; i++) y = tanh(batchNorm2d(conv2d(y, w, { padding: 1 }), { running }));
        return y;
      };
    const started = (): Tensor => device.parameter([0, 0, 0, 1, 1, 1], [2, 3]);
    const steps = [false, true].map((on) => {
      const runnings = [started(), started(), started()];
      const step = capture((h: Tensor) => {
        let y = h;
        for (const running of runnings) y = (on ? checkpoint(block(running)) : block(running))(y);
        const value = sum(mul(y, y));
        return [value, ...grad(value, [h, w])];
      });
      return { step, runnings };
    });
    const [plain, less] = steps as [(typeof steps)[0], (typeof steps)[0]];
    for (let round = 0; round < 2; round++) {
      await same(less.step(x), plain.step(x));
      await same(less.runnings, plain.runnings);
    }
    expect(less.step.info!.bytes).toBeLessThan(0.7 * plain.step.info!.bytes);
  });

  it('holds no more than its output until the gradient is taken', () => {
    const x = tensor(1);
    const before = device.memory().tensors;
    const y = scope(() => checkpoint((h: Tensor) => tanh(tanh(tanh(tanh(h)))))(x));
    expect(device.memory().tensors - before).toBe(1);
    y.dispose();
  });

  it('refuses a function that reads a tensor and then changes it', () => {
    const [x, state] = [tensor(1), tensor(2)];
    const f = checkpoint((h: Tensor) => {
      const y = mul(h, state);
      noGrad(() => assign(state, h));
      return y;
    });
    expect(() => f(x)).toThrow(VersionError);
  });

  it('runs the function alone where no graph is recorded', async () => {
    const x = tensor(1);
    let runs = 0;
    const f = checkpoint((h: Tensor) => {
      runs++;
      return tanh(h);
    });
    await same([noGrad(() => f(x))], [tanh(x)]);
    expect(runs).toBe(1);
  });
});
