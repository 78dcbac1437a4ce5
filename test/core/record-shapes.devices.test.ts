/** @file A recording that runs nothing: the same shapes and refusals as running, no work on any backend, and one list of operations for all devices. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  add,
  avgPool2d,
  BackendDevice,
  type Backend,
  batchNorm2d,
  capture,
  conv2d,
  cpu,
  type Device,
  fused,
  keep,
  maxPool2d,
  mul,
  OptionError,
  type RecordedOperation,
  recordShapes,
  relu,
  reshape,
  scope,
  type Shape,
  ShapeError,
  type Tensor,
} from '../../src/index.ts';
import { operations } from '../../src/testing/registry/index.ts';
import { openDevice } from '../support/device.ts';

let device: Device;
const reference = cpu({ dtype: 'float64' });
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => {
  device.destroy();
  reference.destroy();
});

/** Everything that a backend is called for, by name. */
function spied(backend: Backend): { readonly calls: string[]; readonly backend: Backend } {
  const calls: string[] = [];
  const proxy = new Proxy(backend, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      calls.push(String(name));
      return (value as (...args: unknown[]) => unknown).bind(target);
    },
  });
  return { calls, backend: proxy };
}

const names = (list: readonly RecordedOperation[]): unknown[] => list.map((o) => [o.op, names(o.parts)]);

describe('every operation has the shape that it has when it runs, and the same list of operations on every device', () => {
  for (const op of operations) {
    it(op.name, () => {
      for (const { inputs, params } of fc.sample(op.samples('small'), { seed: 7, numRuns: 5 })) {
        const shapes = inputs.map(({ shape }) => shape);
        const lists = [device, reference].map((on) => {
          const made = inputs.map(({ values, shape, ...rest }) =>
            on.tensor('dtype' in rest && rest.dtype === 'uint32' ? Uint32Array.from(values) : values, shape),
          );
          const words = made.map((t) => t.dtype === 'uint32');
          const recording = recordShapes(
            on,
            (...given) => {
              const rest = [...given];
              return op.run(
                made.map((t, i) => (words[i] ? t : rest.shift()!)),
                params,
              );
            },
            shapes.filter((_, i) => !words[i]),
          );
          const run = op.run(made, params);
          expect(recording.outputs.map((t) => t.shape)).toEqual([run.shape]);
          return recording.operations;
        });
        expect(names(lists[0]!)).toEqual(names(lists[1]!));
      }
    });
  }
});

it('asks the backend for nothing at all, whatever is in the function', () => {
  const { calls, backend } = spied(device.backend);
  const watched = new BackendDevice(backend);
  const weight = watched.parameter(
    Array.from({ length: 36 }, () => 0.1),
    [4, 1, 3, 3],
  );
  const running = watched.parameter([0, 0, 0, 0, 1, 1, 1, 1], [2, 4]);
  const [live, version] = [watched.memory().tensors, running.storage.version];
  calls.length = 0;
  const step = capture((x: Tensor) => mul(x, 0.37));
  const { outputs, operations } = recordShapes(
    watched,
    (x) => {
      const y = batchNorm2d(relu(conv2d(x, weight, { groups: 4, stride: 2, padding: 1 })), { running });
      return step(add(maxPool2d(y, 3, { stride: 1, padding: 1 }), avgPool2d(y, 3, { stride: 1, padding: 1 })));
    },
    [[2, 4, 9, 7]],
  );
  expect(calls).toEqual([]);
  expect(running.storage.version).toBe(version);
  expect(outputs).toEqual([{ memory: expect.any(Number), shape: [2, 4, 5, 4], dtype: device.dtype, origin: 'made' }]);
  expect(operations.map((o) => o.op)).toEqual([
    'conv2d',
    'relu',
    'batchNorm2d',
    'batchNormRunning',
    'maxPool2d',
    'avgPool2d',
    'add',
    'mul',
  ]);
  expect(watched.memory().tensors).toBe(live);
});

it('numbers memory by identity: reshapes share it, inputs come first, weights are from outside, a change in place is seen', () => {
  const w = device.parameter([2, 3]);
  const recording = recordShapes(device, (a, b) => [mul(reshape(a, [2]), w), b], [
    [1, 2],
    [2, 1],
  ]);
  const [product] = recording.operations;
  expect(product!.inputs.map(({ memory, shape, origin }) => [memory, shape, origin])).toEqual([
    [0, [2], 'input'],
    [2, [2], 'outside'],
  ]);
  expect(recording.outputs.map(({ memory, shape, origin }) => [memory, shape, origin])).toEqual([
    [3, [2], 'made'],
    [1, [2, 1], 'input'],
  ]);
  expect(recording.memoryOf(w)).toBe(2);
  expect(recording.memoryOf(device.ones([2]))).toBeUndefined();
  const running = device.parameter([0, 1], [2, 1]);
  const norm = recordShapes(device, (x) => batchNorm2d(x, { running }), [[2, 1, 2, 2]]);
  expect(norm.operations.at(-1)!.outputs.map((t) => t.memory)).toEqual([norm.memoryOf(running)]);
});

it('a fused operation of a user is one operation with its composite as its parts, kernel or none', () => {
  let kernels = 0;
  const scaled = fused('scaled for recordings', ([x]: readonly [Tensor], { by }: { readonly by: number }) => relu(mul(x, by)), {
    cpu: {
      forward: ([x]) => {
        kernels++;
        return { output: mul(x!, 1) };
      },
    },
  });
  const { operations } = recordShapes(device, (x) => scaled([x], { by: 2 }), [[3]]);
  expect(names(operations)).toEqual([
    [
      'scaled for recordings',
      [
        ['mul', []],
        ['relu', []],
      ],
    ],
  ]);
  expect(operations[0]!.params).toEqual({ by: 2 });
  expect(kernels).toBe(0);
});

it('refuses what the operations refuse, and what would hold no values', async () => {
  const shapes: Shape[] = [[2, 3]];
  expect(() => recordShapes(device, (x) => add(x, device.ones([4])), shapes)).toThrow(ShapeError);
  expect(() => recordShapes(device, () => device.parameter([1]), shapes)).toThrow(/parameter: .* would hold no values/);
  expect(() => recordShapes(device, (() => 3) as never, shapes)).toThrow(/returned 3; it must return a tensor/);
  expect(() => recordShapes(device, (async (x: Tensor) => x) as never, shapes)).toThrow(OptionError);
  expect(() => recordShapes(device, (x) => x, [[-1]])).toThrow(OptionError);
  let kept: Tensor | undefined;
  recordShapes(device, (x) => (kept = keep(relu(x))), shapes);
  expect(() => relu(kept!)).toThrow(/relu: .* was made while shapes were recorded, and holds no values/);
  await expect(kept!.data()).rejects.toThrow(/holds no values/);
  kept!.dispose();
  // A recording that failed leaves the device as it was.
  expect(Array.from(await scope(() => relu(device.tensor([-1, 2]))).data())).toEqual([0, 2]);
});

it('works on a device whose memory is all taken, at sizes that no machine holds', () => {
  const small = cpu({ memoryLimit: 1 });
  const { outputs } = recordShapes(small, (x) => maxPool2d(relu(x), 2), [[1, 2 ** 16, 2 ** 10, 2 ** 10]]);
  expect(outputs[0]!.shape).toEqual([1, 2 ** 16, 2 ** 9, 2 ** 9]);
});
