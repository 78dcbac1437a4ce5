/** @file Sizes, indices, bounds, axes, groups, strides and steps from the host: an integer in range, or an OptionError before any kernel. */
/* eslint-disable vitest/no-conditional-expect, import/namespace -- a table of places is walked */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as api from '../../../src/index.ts';
import { cpu, type Device, OptionError, ReparamError, type Tensor } from '../../../src/index.ts';
import { gumbelMax, gumbelSoftmax, oneHotArgmax } from '../../../src/distributions/index.ts';
import { BatchNorm2d, Conv2d, Linear, LstmCell } from '../../../src/nn/index.ts';
import { openDevice } from '../../support/device.ts';

const devices: Device[] = [];
beforeAll(async () => {
  devices.push(await openDevice(), cpu({ dtype: 'float32' }), cpu());
});
afterAll(() => devices.forEach((device) => device.destroy()));

/** What a caller may hand over by mistake. */
const BAD = [
  NaN,
  0.5,
  -0.5,
  1.5,
  -7,
  2 ** 53,
  1e300,
  Infinity,
  -Infinity,
  '1',
  {},
  [1, 2, 3, 4, 5, 6, 7],
  true,
] as unknown as readonly number[];

interface Place {
  /** The operation, as its error names it. */
  readonly op: string;
  readonly run: (d: Device, v: number) => unknown;
  /** Values of BAD that have a meaning here. */
  readonly fine?: readonly unknown[];
}

const x4 = (d: Device): Tensor => d.ones([4]);
const x23 = (d: Device): Tensor => d.ones([2, 3]);
const image = (d: Device): Tensor => d.ones([1, 2, 5, 5]);
const weight = (d: Device): Tensor => d.ones([2, 2, 3, 3]);
const k = api.key(1);
/** Negative bounds of a slice count from the end. */
const negative = [-7];

const places: Readonly<Record<string, Place>> = {
  'slice start': { op: 'slice', run: (d, v) => api.slice(x4(d), [v]), fine: negative },
  'slice stop': { op: 'slice', run: (d, v) => api.slice(x4(d), [0], [v]), fine: negative },
  'slice step': { op: 'slice', run: (d, v) => api.slice(x4(d), [0], [4], [v]) },
  'slice, second axis': { op: 'slice', run: (d, v) => api.slice(x23(d), [0, v]), fine: negative },
  'pad before': { op: 'pad', run: (d, v) => api.pad(x4(d), [[v, 0]]) },
  'pad after': { op: 'pad', run: (d, v) => api.pad(x4(d), [[0, v]]) },
  reshape: { op: 'reshape', run: (d, v) => api.reshape(x4(d), [v]) },
  'reshape, two': { op: 'reshape', run: (d, v) => api.reshape(x4(d), [2, v]) },
  flatten: { op: 'flatten', run: (d, v) => api.flatten(x23(d), v) },
  broadcastTo: { op: 'broadcastTo', run: (d, v) => api.broadcastTo(d.ones([1]), [v]) },
  sumTo: { op: 'sumTo', run: (d, v) => api.sumTo(x23(d), [2, v]) },
  permute: { op: 'permute', run: (d, v) => api.permute(x23(d), [0, v]) },
  flip: { op: 'flip', run: (d, v) => api.flip(x23(d), v) },
  'concat axis': { op: 'concat', run: (d, v) => api.concat([x23(d), x23(d)], v) },
  'stack axis': { op: 'stack', run: (d, v) => api.stack([x23(d), x23(d)], v) },
  ...Object.fromEntries(
    (['sum', 'max', 'mean', 'variance'] as const).flatMap((name) => [
      [`${name} axis`, { op: name, run: (d: Device, v: number) => api[name](x23(d), v) }],
      [`${name} axes`, { op: name, run: (d: Device, v: number) => api[name](x23(d), [0, v]) }],
    ]),
  ),
  'logSumExp axis': { op: 'logSumExp', run: (d, v) => api.logSumExp(x23(d), v) },
  'softmax axis': { op: 'softmax', run: (d, v) => api.softmax(x23(d), v) },
  'logSoftmax axis': { op: 'logSoftmax', run: (d, v) => api.logSoftmax(x23(d), v) },
  'oneHotArgmax axis': { op: 'oneHotArgmax', run: (d, v) => oneHotArgmax(x23(d), v) },
  'gumbelMax axis': { op: 'oneHotArgmax', run: (d, v) => gumbelMax(x23(d), { noise: x23(d), axis: v }) },
  'gumbelSoftmax axis': { op: 'softmax', run: (d, v) => gumbelSoftmax(x23(d), { noise: x23(d), temperature: 1, axis: v }) },
  'put n': { op: 'put', run: (d, v) => api.put(x23(d), d.zeros([2, 3]), v) },
  'put index': {
    op: 'put',
    run: (d, v) =>
      api.put(
        x23(d),
        [
          [0, 1, v],
          [0, 1, 2],
        ],
        3,
      ),
  },
  'take index': { op: 'take', run: (d, v) => api.take(x23(d), [[0], [v]]) },
  label: { op: 'crossEntropy', run: (d, v) => api.crossEntropy(x23(d), [0, v]) },
  'oneHot classes': { op: 'oneHot', run: (d, v) => api.oneHot(d.zeros([2]), v) },
  ...Object.fromEntries(
    (['stride', 'padding', 'dilation'] as const).flatMap((name) => [
      [`conv2d ${name}`, { op: 'conv2d', run: (d: Device, v: number) => api.conv2d(image(d), weight(d), { [name]: v }) }],
      [
        `conv2d ${name}, one of two`,
        { op: 'conv2d', run: (d: Device, v: number) => api.conv2d(image(d), weight(d), { [name]: [1, v] }) },
      ],
      [`maxPool2d ${name}`, { op: 'maxPool2d', run: (d: Device, v: number) => api.maxPool2d(image(d), 2, { [name]: v }) }],
      [`avgPool2d ${name}`, { op: 'avgPool2d', run: (d: Device, v: number) => api.avgPool2d(image(d), 2, { [name]: [v, 1] }) }],
    ]),
  ),
  'conv2d padding of one side': {
    op: 'conv2d',
    run: (d, v) =>
      api.conv2d(image(d), weight(d), {
        padding: [
          [1, v],
          [1, 1],
        ],
      }),
  },
  'conv2d groups': { op: 'conv2d', run: (d, v) => api.conv2d(image(d), weight(d), { groups: v }) },
  'conv2dInput shape': { op: 'conv2dInput', run: (d, v) => api.conv2dInput(d.ones([1, 2, 3, 3]), weight(d), [1, 2, 5, v]) },
  'conv2dFilter shape': { op: 'conv2dFilter', run: (d, v) => api.conv2dFilter(image(d), d.ones([1, 2, 3, 3]), [2, 2, 3, v]) },
  'maxPool2d kernel': { op: 'maxPool2d', run: (d, v) => api.maxPool2d(image(d), v) },
  'avgPool2d kernel': { op: 'avgPool2d', run: (d, v) => api.avgPool2d(image(d), [2, v]) },
  zeros: { op: 'full', run: (d, v) => d.zeros([v]) },
  ones: { op: 'full', run: (d, v) => d.ones([2, v]) },
  full: { op: 'full', run: (d, v) => d.full([v], 3) },
  arange: { op: 'arange', run: (d, v) => d.arange(v) },
  'tensor shape': { op: 'tensor', run: (d, v) => d.tensor([1, 2], [v]) },
  randomBits: { op: 'randomBits', run: (d, v) => api.randomBits(api.keyTensor(d, k), [v]) },
  uniform: { op: 'randomBits', run: (d, v) => api.uniform(d, k, [v]) },
  normal: { op: 'normal', run: (d, v) => api.normal(d, k, [v]) },
  gumbel: { op: 'gumbel', run: (d, v) => api.gumbel(d, k, [v]) },
  key: { op: 'key', run: (_d, v) => api.key(v) },
  foldIn: { op: 'foldIn', run: (_d, v) => api.foldIn(k, v) },
  split: { op: 'split', run: (_d, v) => api.split(k, v) },
  bits: { op: 'bits', run: (_d, v) => api.bits(k, v) },
  uniforms: { op: 'bits', run: (_d, v) => api.uniforms(k, v) },
  normals: { op: 'normals', run: (_d, v) => api.normals(k, v) },
  permutation: { op: 'permutation', run: (_d, v) => api.permutation(k, v) },
  'Conv2d in': { op: 'Conv2d', run: (d, v) => new Conv2d(d, k, v, 2, 3) },
  'Conv2d out': { op: 'Conv2d', run: (d, v) => new Conv2d(d, k, 2, v, 3) },
  'Conv2d kernel': { op: 'Conv2d', run: (d, v) => new Conv2d(d, k, 2, 2, v) },
  'Conv2d groups': { op: 'Conv2d', run: (d, v) => new Conv2d(d, k, 2, 2, 3, { groups: v }) },
  BatchNorm2d: { op: 'BatchNorm2d', run: (d, v) => new BatchNorm2d(d, v) },
  'Linear in': { op: 'Linear', run: (d, v) => new Linear(d, k, v, 2) },
  'Linear out': { op: 'Linear', run: (d, v) => new Linear(d, k, 2, v) },
  LstmCell: { op: 'LstmCell', run: (d, v) => new LstmCell(d, k, 2, v) },
};

describe('are refused by one line that names operation and value, the same on every device', () => {
  for (const [name, { op, run, fine = [] }] of Object.entries(places)) {
    it(name, () => {
      for (const v of BAD.filter((value) => !fine.includes(value))) {
        const messages = devices.map((device) => {
          try {
            run(device, v);
          } catch (error) {
            expect(error, `${name} of ${String(v)}`).toBeInstanceOf(OptionError);
            return (error as Error).message;
          }
          return expect.fail(`${name} of ${String(v)} was taken on ${device.name}`);
        });
        for (const message of messages) {
          expect(message, `${name} of ${String(v)}`).toBe(messages[0]);
          expect(message).toMatch(new RegExp(`^${op}: [^\\n]*$`));
          if (typeof v === 'number') expect(message).toContain(String(v));
        }
      }
    });
  }

  it('huge sizes that are integers are an error of a kind of ours, and no time is spent on them', () => {
    for (const device of devices) {
      for (const v of [2 ** 31 - 1, 2 ** 40, 2 ** 52]) {
        const started = performance.now();
        for (const [name, { run }] of Object.entries(places)) {
          if (
            /^(bits|uniforms|normals|permutation|split|normal|gumbel|arange|Conv2d|BatchNorm2d|Linear|Lstm|oneHot classes|key|foldIn)/.test(
              name,
            )
          )
            continue;
          if (v < 2 ** 32 && /zeros|ones|full|randomBits|uniform|broadcastTo|pad|put n/.test(name)) continue;
          try {
            run(device, v);
          } catch (error) {
            expect(error, `${name} of ${v} on ${device.name}`).toBeInstanceOf(ReparamError);
          }
        }
        expect(performance.now() - started).toBeLessThan(20_000);
      }
    }
  });
});

it('axes of a million elements go through the layout operations, pools, reductions and gradients', async () => {
  const n = 1_000_000;
  for (const device of devices) {
    const x = device.ones([n]);
    const wide = device.ones([1, 1, 1, 126_000]);
    const results = [
      api.slice(x, [1]),
      api.pad(x, [[1, 1]]),
      api.flip(x, 0),
      api.concat([x, x]),
      api.sum(x),
      api.max(x),
      api.softmax(x),
      api.reshape(x, [1000, 1000]),
      api.maxPool2d(wide, [1, 1]),
      api.avgPool2d(wide, [1, 2], { stride: 1 }),
      ...api.grad(api.sum(api.mul(x, x)), [x]),
    ];
    for (const t of results) expect(Number.isFinite((await t.data())[0]!)).toBe(true);
    for (const t of results) t.dispose();
  }
  // Many tensors: gradients of a hundred thousand parameters, whose ids were spread into Math.min.
  const device = cpu();
  const many = Array.from({ length: 150_000 }, () => device.empty([]));
  expect(() => api.grad(api.sum(device.ones([1])), many, { unused: 'zeros' })).not.toThrow();
  device.destroy();
});
