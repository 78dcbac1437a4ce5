/**
 * @file Inputs on which other projects were reported to be wrong and this one was too, a test each, with the right value. They stand for kinds
 * of faults, which the tests beside the sources look for in general; here each is as small and as plain as it was found.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unrolledGradients } from '../../../src/baselines/index.ts';
import { categoricalEntropy, gumbelSoftmax } from '../../../src/distributions/index.ts';
import {
  add,
  addAll,
  assign,
  avgPool2d,
  batchNorm2d,
  capture,
  concat,
  cpu,
  crossEntropy,
  customVjp,
  type Device,
  div,
  DTypeError,
  equal,
  grad,
  isGradEnabled,
  key,
  LimitError,
  log,
  logSoftmax,
  logSumExp,
  matmul,
  max,
  maximum,
  maxPool2d,
  minimum,
  mul,
  noGrad,
  OptionError,
  pad,
  relu,
  scope,
  ShapeError,
  sigmoid,
  slice,
  softmax,
  square,
  sub,
  sum,
  take,
  type Tensor,
} from '../../../src/index.ts';
import { Linear, Sequential } from '../../../src/nn/index.ts';
import { Adam, clipGradNorm, SGD } from '../../../src/optim/index.ts';
import { checkGrads, GradientError } from '../../../src/testing/index.ts';
import { openDevice } from '../../support/device.ts';

const devices: Device[] = [];
beforeAll(async () => {
  devices.push(await openDevice(), cpu(), cpu({ dtype: 'float32' }), cpu({ dtype: 'float32', simd: false }));
});
afterAll(() => devices.forEach((device) => device.destroy()));

/** The same on every device. */
async function onAll(body: (device: Device) => void | Promise<void>): Promise<void> {
  for (const device of devices) {
    try {
      await body(device);
    } catch (error) {
      throw new Error(`on ${device.name} ${device.dtype}: ${(error as Error).message}`, { cause: error });
    }
  }
}

const numbers = async (t: Tensor): Promise<number[]> => [...(await t.data())];
const none = { reduction: 'none' } as const;

describe('kernels that go past the checks of their primitives', () => {
  it('words are no floats to cross-entropy, softmax, pools, sums and batch norm', () =>
    onAll((device) => {
      const x = device.tensor([
        [1, 2, 5],
        [3, 0, 0],
      ]);
      const image = device.tensor(new Uint32Array(8), [1, 2, 2, 2]);
      const two = device.ones([2]);
      const calls: (() => unknown)[] = [
        () => crossEntropy(x, device.tensor(new Uint32Array([2, 1])), none),
        () => softmax(device.tensor(new Uint32Array([1, 2, 3]))),
        () => softmax(device.tensor(new Uint32Array(6), [2, 3]), 0),
        () => maxPool2d(image, 2),
        () => avgPool2d(image, 2),
        () => addAll([image, image]),
        () => batchNorm2d(image, { weight: two, bias: two }),
      ];
      for (const call of calls) expect(call).toThrow(DTypeError);
    }));
});

describe('ownership', () => {
  it('what a backward pass returns is not freed, a parameter neither', () =>
    onAll(async (device) => {
      for (const saved of [device.tensor([2, 4, 6]), device.parameter([2, 4, 6])]) {
        const f = customVjp(
          'held',
          (x: Tensor) => sum(square(x)),
          () => [saved],
        );
        const x = device.tensor([1, 2, 3]);
        // Through another operation, which uses the cotangent up.
        for (let i = 0; i < 2; i++) expect(await numbers(grad(f(mul(x, 1)), [x])[0])).toEqual([2, 4, 6]);
        expect(saved.disposed).toBe(false);
      }
    }));

  it('noGrad refuses a promise, and the graph is as it was', () =>
    onAll((device) => {
      const w = device.tensor([1]);
      // @ts-expect-error the compiler refuses it too
      const asynchronous = (): unknown => noGrad(async () => mul(w, 2));
      expect(asynchronous).toThrow(OptionError);
      expect(isGradEnabled()).toBe(true);
    }));

  it('a layer that is used twice has its parameters once, and takes one step', () =>
    onAll(async (device) => {
      const layer = new Linear(device, key(1), 1, 1, { bias: false });
      const net = new Sequential(layer, layer);
      expect([net.parameters().length, net.parameterCount()]).toEqual([1, 1]);
      assign(layer.weight, device.ones([1, 1]));
      new SGD(net.parameters(), { lr: 0.1 }).step([device.ones([1, 1])]);
      expect((await numbers(layer.weight))[0]).toBeCloseTo(0.9, 6);
    }));

  it('fifty sizes of an average pool leave bounded memory', () =>
    onAll((device) => {
      const pool = (i: number): void => scope(() => void avgPool2d(device.zeros([1, 1, 40 + i, 40 + i]), 3));
      for (let i = 0; i < 50; i++) pool(i);
      const before = device.memory().tensors;
      for (let i = 50; i < 400; i++) pool(i);
      expect(device.memory().tensors).toBeLessThan(before + 100);
    }));

  it('a captured step that doubles its input does what eager code does', () =>
    onAll(async (device) => {
      const f = (w: Tensor): Tensor => {
        assign(w, mul(w, 2));
        return sum(w);
      };
      const w = device.tensor([1, 2]);
      const step = capture(f);
      expect([await step(w).item(), await step(w).item(), await numbers(w)]).toEqual([6, 12, [4, 8]]);
    }));
});

describe('labels and indices', () => {
  it('a label that names no class is refused by label, row and classes', () =>
    onAll((device) => {
      const x = device.tensor([[0, 1, 2]]);
      for (const label of [3, -1, -100, 0.5, NaN])
        expect(() => crossEntropy(x, [label])).toThrow(/crossEntropy: label .* of row 0 .*3 classes/);
      expect(() => crossEntropy(x, new Int32Array([3]))).toThrow(OptionError);
    }));

  it('in a tensor it makes its row NaN, loss and gradient', () =>
    onAll(async (device) => {
      const rows = [
        [1, 2, 5],
        [3, 0, 0],
      ];
      for (const labels of [
        [3, 1],
        [NaN, 1],
        [1.5, 1],
        [-1, 1],
      ]) {
        const x = device.tensor(rows);
        const loss = crossEntropy(x, device.tensor(labels), none);
        const [first, second] = await numbers(loss);
        expect(first).toBeNaN();
        // log(e^3 + 2) - 0
        expect(second).toBeCloseTo(Math.log(Math.exp(3) + 2), 5);
        const gradient = await numbers(grad(sum(loss), [x])[0]);
        expect(gradient.map(Number.isNaN)).toEqual([true, true, true, false, false, false]);
      }
    }));

  it('with ignoreIndex the mean counts the others', () =>
    onAll(async (device) => {
      const x = device.tensor([
        [0, 1, 2],
        [1, 1, 1],
      ]);
      const loss = crossEntropy(x, [-100, 1], { ignoreIndex: -100 });
      expect(await loss.item()).toBeCloseTo(Math.log(3), 6);
    }));

  it('take of an index outside its row is NaN, and not the next row', () =>
    onAll(async (device) => {
      const x = device.tensor([
        [1, 2, 3],
        [4, 5, 6],
      ]);
      const found = await numbers(
        take(
          x,
          device.tensor([
            [3, 0],
            [0, -1],
          ]),
        ),
      );
      expect(found).toEqual([NaN, 1, 4, NaN]);
    }));
});

describe('the ends of the range', () => {
  it('a NaN is carried by max, maximum, minimum, maxPool2d; the gradient of relu at NaN is 1', () =>
    onAll(async (device) => {
      expect(await numbers(max(device.tensor([1, NaN, 3])))).toEqual([NaN]);
      const [a, b] = [device.tensor([NaN, 1]), device.tensor([1, NaN])];
      expect(await numbers(maximum(a, b))).toEqual([NaN, NaN]);
      expect(await numbers(minimum(a, b))).toEqual([NaN, NaN]);
      const image = device.tensor([
        [
          [
            [1, NaN],
            [3, 2],
          ],
        ],
      ]);
      expect(await numbers(maxPool2d(image, 2))).toEqual([NaN]);
      const x = device.tensor([NaN]);
      expect(await numbers(grad(sum(relu(x)), [x])[0])).toEqual([1]);
    }));

  it('equal(NaN, anything) is 0', () =>
    onAll(async (device) => {
      expect(await numbers(equal(device.tensor([NaN, NaN, 1, 2]), device.tensor([NaN, 5, 2, 2])))).toEqual([0, 0, 0, 1]);
    }));

  it('an impossible option adds nothing to the entropy: log 2, and gradients of 0, the second order too', () =>
    onAll(async (device) => {
      for (const logits of [
        [0, -Infinity, 0],
        [0, 0, -Infinity],
      ]) {
        const x = device.tensor(logits);
        const h = categoricalEntropy(x);
        expect(await h.item()).toBeCloseTo(Math.LN2, 6);
        const [g] = grad(sum(h), [x], { createGraph: true });
        for (const v of await numbers(g)) expect(v).toBeCloseTo(0, 6);
        const second = await numbers(grad(sum(mul(g, device.tensor([1, 2, 3]))), [x])[0]);
        for (const v of second) expect(v).not.toBeNaN();
      }
    }));

  it('logSumExp of infinities', () =>
    onAll(async (device) => {
      const [lowest, highest] = [device.tensor([-Infinity, -Infinity]), device.tensor([Infinity, 1])];
      expect(await numbers(logSumExp(lowest))).toEqual([-Infinity]);
      expect(await numbers(logSumExp(highest))).toEqual([Infinity]);
    }));

  it('logSoftmax beside logits of 1e20', () =>
    onAll(async (device) => {
      const [a, b] = await numbers(logSoftmax(device.tensor([[1e20, 1e20, 0]])));
      expect(a).toBeCloseTo(-Math.LN2, 6);
      expect(b).toBeCloseTo(-Math.LN2, 6);
    }));

  it('the lower tail of sigmoid, its logarithm and that gradient', () =>
    onAll(async (device) => {
      const x = device.tensor([-20, -40]);
      const [a, b] = await numbers(sigmoid(x));
      expect(a! / 2.0611536181902037e-9).toBeCloseTo(1, 5);
      expect(b! / 4.248354255291589e-18).toBeCloseTo(1, 5);
      const logarithm = log(sigmoid(x));
      const [l, m] = await numbers(logarithm);
      expect([l, m]).toEqual([expect.closeTo(-20, 4), expect.closeTo(-40, 4)]);
      for (const g of await numbers(grad(sum(logarithm), [x])[0])) expect(g).toBeCloseTo(1, 5);
    }));

  it('Adam with a beta next to 1 steps by its learning rate', () =>
    onAll(async (device) => {
      for (const betas of [
        [0.9, 0.999999],
        [0.9, 0.9999999],
        [0.999999, 0.999],
      ] as const) {
        const w = device.parameter([0]);
        new Adam([w], { lr: 1, betas }).step([device.tensor([1])]);
        expect(await w.item()).toBeCloseTo(-1, 6);
      }
    }));

  it('gradients of 3e20 and 3e-30 are clipped as they should be', () =>
    onAll(async (device) => {
      const w = device.parameter([0, 0]);
      const gradients = [device.tensor([3e20, 4e20])];
      const { norm, scale } = clipGradNorm(gradients, 1);
      expect((await norm.item()) / 5e20).toBeCloseTo(1, 6);
      new SGD([w], { lr: 1 }).step(gradients, { scale });
      expect(await numbers(w)).toEqual([expect.closeTo(-0.6, 6), expect.closeTo(-0.8, 6)]);
      expect((await clipGradNorm([device.tensor([3e-30, 4e-30])], 1).norm.item()) / 5e-30).toBeCloseTo(1, 6);
    }));

  it('1 / -0 is -Infinity also after a 0 was used', () =>
    onAll(async (device) => {
      const one = device.tensor([1]);
      expect(await numbers(div(one, -0))).toEqual([-Infinity]);
      await numbers(mul(one, 0));
      expect(await numbers(div(one, -0))).toEqual([-Infinity]);
    }));

  it('a million terms of 0.1 are 100,000 to 1e-6', () =>
    onAll(async (device) => {
      const [a, b] = [mul(device.ones([1, 1e6]), 0.1), device.ones([1e6, 1])];
      expect(Math.abs((await matmul(a, b).item()) / 1e5 - 1)).toBeLessThan(1e-6);
    }));

  it('a temperature of 0 in a tensor is refused where the device checks, and is no sample elsewhere', () =>
    onAll(async (device) => {
      const x = device.tensor([1, 2]);
      const z = await numbers(gumbelSoftmax(x, { noise: x, temperature: device.tensor([0]) }));
      for (const v of z) expect(v === 0 || v === 1 || Number.isNaN(v)).toBe(true);
      if (device.kind !== 'cpu') return;
      const checked = cpu({ checked: true });
      const y = checked.tensor([1, 2]);
      const sample = gumbelSoftmax(y, { noise: y, temperature: checked.tensor([0]) });
      await expect(sample.data()).rejects.toThrow(/gumbelSoftmax: .*temperature/);
    }));

  it('finite-difference DARTS along a zero vector is the exact value', () =>
    onAll(async (device) => {
      const [w, a] = [device.parameter([1]), device.parameter([2])];
      const problem = {
        weights: [w],
        architecture: [a],
        learningRate: device.tensor(0.1, []),
        trainingLoss: () => sum(mul(square(w), a)),
        // It does not depend on w.
        validationLoss: () => sum(add(a, mul(w, 0))),
      };
      const exact = await unrolledGradients(problem)[0]!.item();
      expect(exact).toBe(1);
      expect(await unrolledGradients(problem, { method: 'finite-difference' })[0]!.item()).toBe(1);
    }));
});

describe('sizes and bounds from the host', () => {
  it('bounds that are no integers are refused', () =>
    onAll((device) => {
      const x = device.tensor([1, 2, 3, 4]);
      for (const call of [
        () => slice(x, [0.5], [2.5]),
        () => slice(x, [NaN], [2]),
        () => pad(x, [[0.5, 0.5]]),
        () => pad(x, [[NaN, 0]]),
      ])
        expect(call).toThrow(OptionError);
    }));

  it('an axis of 126,000 windows', () =>
    onAll((device) => {
      expect(maxPool2d(device.zeros([1, 1, 1, 126_000]), [1, 1]).shape).toEqual([1, 1, 1, 126_000]);
    }));

  it('ragged arrays, and more than the host can give', () =>
    onAll((device) => {
      expect(() => device.tensor([1, [2, 3]])).toThrow(ShapeError);
      expect(() => device.zeros([2 ** 33])).toThrow(LimitError);
    }));
});

// In float64, and so on one device.
describe('the checker', () => {
  const device = cpu();

  it('finds a wrong rule at any scale of the function', async () => {
    for (const scale of [1e-9, 1e-11, 1e-100, 1e-300, 1e100, 1e290]) {
      const wrong = customVjp(
        'wrong',
        (x: Tensor) => mul(mul(square(x), scale), 1),
        (g) => [mul(g, 0)],
      );
      await expect(checkGrads(wrong, [device.tensor([0.7])], { order: 1 }), String(scale)).rejects.toThrow(GradientError);
    }
  });

  it('takes an infinite output that stands still for no roughness', async () => {
    const impossible = device.tensor([-Infinity]);
    const first = await checkGrads((x) => logSoftmax(concat([x, impossible], 0)), [device.tensor([1, 2])], { order: 1 });
    const second = await checkGrads((x) => concat([sub(x, 1), device.tensor([Infinity])], 0), [device.tensor([1, 2])], {
      order: 1,
    });
    expect([first.at(1).derivatives, second.at(1).derivatives]).toEqual([2, 2]);
  });
});
