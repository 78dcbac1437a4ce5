/** @file The rows of fused kernels: the same checks as primitives on every device, composites for all of them, any limit of a backend. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CpuBackend } from '../../src/backends/cpu/backend.ts';
import type { FusedName, FusedTable } from '../../src/contract/backend.ts';
import { rowOf } from '../../src/core/fused-rows.ts';
import { applyInPlace } from '../../src/core/primitive.ts';
import {
  add,
  addAll,
  assign,
  avgPool2d,
  BackendDevice,
  batchNorm2d,
  cpu,
  crossEntropy,
  type Device,
  DisposedError,
  DTypeError,
  fused,
  grad,
  logSoftmax,
  maxPool2d,
  mixedSum,
  mul,
  OptionError,
  ShapeError,
  softmax,
  sum,
  type Tensor,
  VersionError,
  withComposites,
} from '../../src/index.ts';
import { Adam, SGD } from '../../src/optim/index.ts';
import { openDevice } from '../support/device.ts';

/** Every name of the table once: the compiler says what is missing. */
const NAMES: Readonly<Record<FusedName, true>> = {
  softmax: true,
  logSoftmax: true,
  crossEntropy: true,
  batchNorm2d: true,
  batchNormAffine2d: true,
  maxPool2d: true,
  avgPool2d: true,
  mixedSum: true,
  addAll: true,
  sgdMany: true,
  batchNormRunning: true,
};

// @ts-expect-error -- a misspelt row does not compile
const misspelt: FusedTable = { softMax: { forward: () => undefined } };
// @ts-expect-error -- a row of a list says how much it takes
const unlimited: FusedTable = { addAll: { forward: () => undefined } };
void [misspelt, unlimited];

describe('operands that a primitive would refuse', () => {
  const devices: Device[] = [];
  beforeAll(async () => {
    devices.push(await openDevice(), cpu({ dtype: 'float32' }), cpu({ dtype: 'float64' }));
  });
  afterAll(() => devices.forEach((device) => device.destroy()));

  const words = (device: Device, shape: readonly number[]): Tensor =>
    device.tensor(
      Uint32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i),
      shape,
    );

  const cases: Readonly<Record<string, (device: Device) => unknown>> = {
    softmax: (d) => softmax(words(d, [2, 3])),
    logSoftmax: (d) => logSoftmax(words(d, [2, 3])),
    'crossEntropy of logits': (d) => crossEntropy(words(d, [2, 3]), d.tensor([0, 1])),
    'crossEntropy of labels': (d) => crossEntropy(d.ones([2, 3]), words(d, [2])),
    maxPool2d: (d) => maxPool2d(words(d, [1, 1, 4, 4]), 2),
    avgPool2d: (d) => avgPool2d(words(d, [1, 1, 4, 4]), 2),
    batchNorm2d: (d) => batchNorm2d(words(d, [2, 1, 2, 2])),
    'batchNorm2d of a weight': (d) => batchNorm2d(d.ones([2, 1, 2, 2]), { weight: words(d, [1]), bias: d.ones([1]) }),
    'batchNorm2d of running statistics': (d) => batchNorm2d(d.ones([2, 1, 2, 2]), { running: words(d, [2, 1]) }),
    'mixedSum of weights': (d) => mixedSum(words(d, [2]), [d.ones([3]), d.ones([3])]),
    'mixedSum of terms': (d) => mixedSum(d.ones([2]), [d.ones([3]), words(d, [3])]),
    addAll: (d) => addAll([d.ones([3]), words(d, [3]), d.ones([3])]),
    'assign of a value': (d) => assign(d.zeros([3]), words(d, [3])),
    'assign to a target': (d) => assign(words(d, [3]), d.zeros([3])),
    'SGD.step': (d) => new SGD([d.parameter([1, 2])], { lr: 1 }).step([words(d, [2])]),
    'SGD.step of two': (d) => new SGD([d.parameter([1, 2]), d.parameter([1])], { lr: 1 }).step([d.ones([2]), words(d, [1])]),
    'Adam.step': (d) => new Adam([d.parameter([1, 2])]).step([words(d, [2])]),
  };
  for (const [name, run] of Object.entries(cases)) {
    it(`${name} refuses uint32 by the same error on every device`, () => {
      const errors = devices.map((device) => {
        try {
          run(device);
          return undefined;
        } catch (error) {
          return error as Error;
        }
      });
      for (const error of errors) {
        expect(error).toBeInstanceOf(DTypeError);
        expect(error?.message).toMatch(/uint32; this operation takes floats$/);
        expect(error?.message).toBe(errors[0]?.message);
      }
    });
  }

  it('running statistics of another size are refused on every device, in training and in evaluation', () => {
    for (const device of devices) {
      for (const training of [true, false]) {
        for (const shape of [[2, 4], [1, 3], [6]]) {
          const running = device.zeros(shape);
          expect(() => batchNorm2d(device.ones([2, 3, 2, 2]), { running, training })).toThrow(ShapeError);
        }
      }
    }
  });

  it('what would be changed twice is refused on every device', () => {
    for (const device of devices) {
      const p = device.parameter([1, 2]);
      const velocity = device.zeros([2]);
      expect(() => new SGD([p, p], { lr: 1 })).toThrow(OptionError);
      expect(() => new Adam([p, p])).toThrow(OptionError);
      expect(() => applyInPlace('sgd', { nesterov: false }, [p, device.ones([4])], [velocity, velocity])).toThrow(/sgd: two of/);
      expect(() => assign(p, p)).not.toThrow();
    }
  });
});

describe('what is changed in place', () => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice();
  });
  afterAll(() => device.destroy());

  it('is noticed by a backward pass that still needs the old value: several parameters, and running statistics', () => {
    const [p, q] = [device.parameter([1, 2]), device.parameter([3])];
    const loss = sum(mul(p, p));
    new SGD([p, q], { lr: 0.1 }).step([device.ones([2]), device.ones([1])]);
    expect(() => grad(loss, [p])).toThrow(VersionError);
    const running = device.parameter([[0], [1]]);
    const squares = sum(mul(running, running));
    batchNorm2d(device.ones([2, 1, 2, 2]), { running });
    expect(() => grad(squares, [running])).toThrow(VersionError);
  });

  it('stays as it was where an optimiser refuses one of the gradients', async () => {
    const parameters = Array.from({ length: 8 }, (_, i) => device.parameter([i, i]));
    const gradients = parameters.map(() => device.ones([2]));
    gradients[7]!.dispose();
    expect(() => new SGD(parameters, { lr: 1 }).step(gradients)).toThrow(DisposedError);
    for (const [i, p] of parameters.entries()) expect([...(await p.data())]).toEqual([i, i]);
  });

  it('a freed operand of a fused operation is refused under its name on every device', () => {
    const x = device.ones([2, 3]);
    x.dispose();
    expect(() => softmax(x)).toThrow(/^softmax: an operand of shape \[2, 3\] was freed/);
  });
});

describe('withComposites', () => {
  it("covers a user's own kernel", async () => {
    const device = cpu({ dtype: 'float64' });
    const twice = fused('a doubled tensor', ([x]: readonly [Tensor]): Tensor => mul(x, 2), {
      cpu: { forward: ([x]) => ({ output: mul(x!, 3) }) },
    });
    const x = device.ones([1]);
    expect(await twice([x], {}).item()).toBe(3);
    expect(await withComposites(() => twice([x], {})).item()).toBe(2);
  });

  it('covers every row of the table', () => {
    const used: string[] = [];
    const row = (name: string): object => ({
      atMost: 3,
      covers: () => (used.push(name), false),
      forward: () => used.push(name),
    });
    const table = Object.fromEntries(Object.keys(NAMES).map((name) => [name, row(name)])) as FusedTable;
    const device = new BackendDevice(new CpuBackend('float64', table));
    const everything = (): void => {
      const x = device.ones([2, 1, 4, 4]);
      const options = { weight: device.ones([1]), bias: device.ones([1]), running: device.zeros([2, 1]) };
      softmax(x);
      logSoftmax(x);
      crossEntropy(device.ones([2, 3]), device.tensor([0, 1]));
      batchNorm2d(x);
      batchNorm2d(x, options);
      maxPool2d(x, 2);
      avgPool2d(x, 2);
      mixedSum(device.ones([2]), [x, x]);
      addAll([x, x, x]);
      new SGD([device.parameter([1]), device.parameter([2])], { lr: 1 }).step([device.ones([1]), device.ones([1])]);
    };
    everything();
    expect([...new Set(used)].toSorted()).toEqual(Object.keys(NAMES).toSorted());
    used.length = 0;
    withComposites(everything);
    expect(used).toEqual([]);
    expect(withComposites(() => rowOf(device, 'addAll'))).toBeUndefined();
  });
});

describe('a backend with a limit of its own', () => {
  for (const atMost of [2, 3, 5]) {
    it(`adds and updates ${atMost} at a time to the same bits as one after another`, async () => {
      const backend = new CpuBackend('float64', {
        addAll: {
          atMost,
          forward: (_params, terms, [y]) => {
            expect(terms.length).toBeLessThanOrEqual(atMost);
            backend.run('assign', {}, [terms[0]!], [y!]);
            for (const t of terms.slice(1)) backend.run('add', {}, [y!, t], [y!]);
          },
        },
        sgdMany: {
          atMost,
          forward: (params, [hyper, ...gradients], targets) => {
            expect(gradients.length).toBeLessThanOrEqual(atMost);
            gradients.forEach((g, i) => backend.run('sgd', params, [g, hyper!], targets.slice(2 * i, 2 * i + 2)));
          },
        },
      });
      const train = async (device: Device): Promise<number[]> => {
        const parameters = Array.from({ length: 7 }, (_, i) => device.parameter([i + 0.1, 1 / (i + 1)]));
        const optimizer = new SGD(parameters, { lr: 0.1, momentum: 0.9 });
        const scales = Array.from({ length: 9 }, (_, i) => 1 / (i + 3));
        for (let step = 0; step < 2; step++) {
          const terms = parameters.map((p) => addAll(scales.map((s) => mul(mul(p, p), s))));
          optimizer.step(grad(sum(terms.reduce((a, b) => add(a, b))), parameters));
        }
        return (await Promise.all(parameters.map((p) => p.data()))).flatMap((data) => [...data]);
      };
      expect(await train(new BackendDevice(backend))).toEqual(await train(cpu({ dtype: 'float64' })));
    });
  }
});
