/** @file The counted cost of an option: by hand, beside the article's table, and the same however the option is written. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { OptionError, ShapeError } from '../../../src/contract/errors.ts';
import {
  add,
  batchNorm2d,
  concat,
  conv2d,
  conv2dFilter,
  conv2dInput,
  cpu,
  fused,
  globalAvgPool2d,
  key,
  matmul,
  pad,
  relu,
  reshape,
  scope,
  type Shape,
  softmax,
  type Tensor,
} from '../../../src/index.ts';
import { AvgPool2d, BatchNorm2d, Conv2d, Flatten, Identity, Linear, MaxPool2d, ReLU, Sequential } from '../../../src/nn/index.ts';
import { countCost } from '../../../src/snas/cost/counted.ts';
import { RESOURCES } from '../../../src/snas/space/resources.ts';
import { operationCost } from '../../../src/snas/spaces/darts/cost-table.ts';
import { OPERATIONS } from '../../../src/snas/spaces/darts/genotype.ts';
import { operation } from '../../../src/snas/spaces/darts/operations.ts';

const device = cpu({ dtype: 'float64' });
const k = key(1);
const cost = (option: Parameters<typeof countCost>[0], ...shapes: Shape[]): [number, number, number] => {
  const { parameters, flops, memory } = countCost(option, shapes, { device }).cost;
  return [parameters, flops, memory];
};

it('counts an option of convolutions, pools, norms, padding, strides and a concatenation as by hand', () => {
  const first = new Conv2d(device, k, 6, 8, [3, 5], {
    stride: [2, 1],
    padding: [
      [1, 0],
      [2, 2],
    ],
    groups: 2,
  });
  const second = new Conv2d(device, k, 8, 4, 1, { bias: false });
  const norm = new BatchNorm2d(device, 8);
  const pool = new MaxPool2d([2, 3], {
    stride: 1,
    padding: [
      [0, 1],
      [1, 1],
    ],
  });
  const option = new (class extends Sequential {
    override forward(x: Tensor): Tensor {
      const y = norm.forward(relu(first.forward(x)));
      return concat([second.forward(y), pool.forward(y)], 1);
    }
  })(first, norm, second);
  // Rows: floor((9 + 1 + 0 - 3) / 2) + 1 = 4; columns: 7 + 2 + 2 - 5 + 1 = 7.
  const { outputShape, operations } = countCost(option, [[2, 6, 9, 7]]);
  expect(outputShape).toEqual([2, 12, 4, 7]);
  const input = 2 * 6 * 9 * 7;
  const middle = 2 * 8 * 4 * 7;
  const weights = 8 * 3 * 3 * 5;
  expect(cost(option, [2, 6, 9, 7])).toEqual([
    weights + 8 + (8 + 8) + 4 * 8,
    middle * (3 * 3 * 5) + (middle / 2) * 8 + middle * 6,
    input + weights + middle + (middle + 4 * 8 + middle / 2) + 2 * middle,
  ]);
  expect(operations.filter((o) => o.memory > 0).map((o) => o.op)).toEqual(['conv2d', 'conv2d', 'maxPool2d']);
});

it('counts products, their partials, sums and attention as by hand', () => {
  const x: Shape = [3, 5];
  expect(cost(new Linear(device, k, 5, 7), x)).toEqual([35 + 7, 3 * 5 * 7, 15 + 35 + 21]);
  expect(cost((a, b) => matmul(a, b, { transposeA: true }), [2, 5, 3], [2, 5, 4])).toEqual([0, 2 * 3 * 4 * 5, 30 + 40 + 24]);
  expect(cost((a, b) => matmul(a, b, { transposeB: true }), [3, 5], [4, 5])).toEqual([0, 60, 15 + 20 + 12]);
  expect(cost(globalAvgPool2d, [2, 3, 4, 5])).toEqual([0, 120, 120 + 6]);
  // conv2d [1, 4, 5, 5] * [6, 2, 3, 3] in 2 groups -> [1, 6, 3, 3]: all three partials of the trilinear form cost as much.
  const madds = 54 * 18;
  const groups = { groups: 2 };
  expect(cost((a, w) => conv2d(a, w, groups), [1, 4, 5, 5], [6, 2, 3, 3])[1]).toBe(madds);
  expect(cost((g, w) => conv2dInput(g, w, [1, 4, 5, 5], groups), [1, 6, 3, 3], [6, 2, 3, 3])[1]).toBe(madds);
  expect(cost((a, g) => conv2dFilter(a, g, [6, 2, 3, 3], groups), [1, 4, 5, 5], [1, 6, 3, 3])[1]).toBe(madds);
  const attention = (q: Tensor, keys: Tensor, v: Tensor): Tensor => matmul(softmax(matmul(q, keys, { transposeB: true })), v);
  expect(cost(attention, [7, 4], [9, 4], [9, 3])).toEqual([0, 7 * 9 * 4 + 7 * 9 * 3, 28 + 36 + 63 + 63 + 27 + 21]);
});

it('an option without a product, a pool or a sum reads its inputs and writes its output once, whatever it is', () => {
  const shape: Shape = [2, 3, 4, 4];
  const norm = new BatchNorm2d(device, 3);
  const layers = [new Identity(), new ReLU(), new Sequential(new ReLU(), new ReLU()), new Flatten()];
  for (const option of layers) expect(cost(option, shape)).toEqual([0, 0, 2 * 96]);
  expect(cost(norm, shape)).toEqual([6, 0, 2 * 96]);
  expect(cost(norm.eval(), shape)).toEqual([6, 0, 2 * 96]);
  expect(cost((x) => batchNorm2d(x, { running: norm.running }), shape)).toEqual([0, 0, 2 * 96]);
  expect(cost(add, shape, shape)).toEqual([0, 0, 3 * 96]);
  expect(
    cost(
      (x) =>
        pad(
          x,
          [0, 0, 1, 1].map((v) => [v, v] as const),
        ),
      shape,
    ),
  ).toEqual([0, 0, 96 + 2 * 3 * 36]);
  expect(cost((x) => x.device.zeros(x.shape), shape)).toEqual([0, 0, 96]);
});

it('constants that the device keeps are no parameters, whether they are kept already or not', () => {
  const pool = new AvgPool2d(3, { stride: 2, padding: 1 });
  const shape: Shape = [1, 2, 7, 7];
  const before = cost(pool, shape);
  scope(() => void pool.forward(device.zeros(shape)));
  expect([before, cost(pool, shape)]).toEqual([before, [0, 32 * 9, 98 + 32]]);
});

it('a weight that is read twice is one parameter and moved twice; one that is not read is none', () => {
  const w = device.parameter([1, 2, 3, 4], [2, 2]);
  expect(cost((x) => matmul(matmul(x, w), reshape(w, [2, 2])), [3, 2])).toEqual([4, 24, 2 * (6 + 4 + 6)]);
  const unused = new (class extends Sequential {
    readonly spare = device.parameter([1, 2, 3]);
    override forward(x: Tensor): Tensor {
      return x;
    }
  })();
  expect(cost(unused, [3])).toEqual([0, 0, 6]);
});

it("a fused operation of a user costs its composite's products, and moves each operand once", () => {
  const linearRelu = fused('linear and relu, priced', ([x, w]: readonly [Tensor, Tensor]) => relu(matmul(relu(matmul(x, w)), w)));
  const w = device.parameter(
    Array.from({ length: 16 }, () => 1),
    [4, 4],
  );
  expect(cost((x) => linearRelu([x, w], undefined), [5, 4])).toEqual([16, 2 * 5 * 16, 20 + 16 + 20]);
});

it('a module and the function that calls it cost the same; multiply-adds are linear in the batch', () => {
  const arbitrary = fc.record({
    c: fc.integer({ min: 1, max: 4 }),
    kernel: fc.constantFrom(1, 3, 5),
    stride: fc.integer({ min: 1, max: 3 }),
    side: fc.integer({ min: 4, max: 9 }),
    n: fc.integer({ min: 1, max: 4 }),
  });
  fc.assert(
    fc.property(arbitrary, ({ c, kernel, stride, side, n }) => {
      const padding = (kernel - 1) / 2;
      const layer = new Sequential(
        new ReLU(),
        new Conv2d(device, k, c, 2 * c, kernel, { stride, padding }),
        new BatchNorm2d(device, 2 * c),
        new AvgPool2d(3, { stride: 1, padding: 1 }),
      );
      const shape: Shape = [n, c, side, side];
      expect(cost((x) => layer.forward(x), shape)).toEqual(cost(layer, shape));
      const [parameters, flops, memory] = cost(layer.eval(), shape);
      const [same, once, least] = cost(layer, [1, c, side, side]);
      expect([same, n * once]).toEqual([parameters, flops]);
      // All but the weights of the convolution is moved once an image.
      const weights = 2 * c * c * kernel * kernel;
      expect(memory - weights).toBe(n * (least - weights));
      expect(parameters).toBe(layer.parameterCount());
      layer.dispose();
    }),
    { numRuns: 40 },
  );
});

it("beside the article's table at C = 16, H = 32: equal, but for the shifted image of a skip of stride 2", () => {
  const rows: string[] = [];
  const differences: string[] = [];
  for (const stride of [1, 2] as const) {
    for (const name of OPERATIONS) {
      const layer = operation(device, k, name, 16, stride, false);
      const table = operationCost(name, { channels: 16, side: 32 / stride, stride });
      const found = layer ? countCost(layer, [[1, 16, 32, 32]], { device }) : undefined;
      expect([name, found?.outputShape]).toEqual([name, name === 'none' ? undefined : [1, 16, 32 / stride, 32 / stride]]);
      const own = found?.cost ?? { parameters: 0, flops: 0, memory: 0 };
      const pairs = RESOURCES.map((r) => `${own[r]} / ${table[r]}`.padEnd(20));
      rows.push(`${name.padEnd(13)} stride ${stride}  ${pairs.join('')}`.trimEnd());
      for (const r of RESOURCES)
        if (own[r] !== table[r]) differences.push(`${name} stride ${stride} ${r}: ${own[r]} - ${table[r]}`);
    }
  }
  console.log(`counted / table                ${RESOURCES.map((r) => r.padEnd(20)).join('')}\n${rows.join('\n')}`);
  // The second convolution reads the image without its first row and column: 31 x 31 pixels of 16 channels and not 32 x 32.
  expect(differences).toEqual([`skip_connect stride 2 memory: ${37120 - 16 * (32 * 32 - 31 * 31)} - 37120`]);
});

it('an affine batch norm, as a child trained from scratch has, adds its parameters and nothing else', () => {
  for (const name of OPERATIONS) {
    const [plain, affine] = [false, true].map((on) => operation(device, k, name, 16, 1, on));
    if (!plain || !affine) continue;
    const norms = [...affine.modules()].filter((m) => m instanceof BatchNorm2d).length;
    const [parameters, ...rest] = cost(affine, [1, 16, 8, 8]);
    const [fewer, ...same] = cost(plain, [1, 16, 8, 8]);
    expect([parameters - fewer, rest]).toEqual([32 * norms, same]);
  }
});

it('runs nothing: no tensor is made, none is changed, and an image that no memory holds is counted', () => {
  const layer = new Sequential(new Conv2d(device, k, 4, 4, 3, { padding: 1 }), new BatchNorm2d(device, 4));
  const before = { memory: device.memory(), versions: [...layer.stateTensors()].map((s) => s.tensor.storage.version) };
  const side = 2 ** 20;
  const { cost: found, outputShape } = countCost(layer, [[1, 4, side, side]]);
  expect(outputShape).toEqual([1, 4, side, side]);
  expect(found.flops).toBe(4 * side * side * 36);
  expect({ memory: device.memory(), versions: [...layer.stateTensors()].map((s) => s.tensor.storage.version) }).toEqual(before);
});

it('refuses in one line: a shape that the option does not take, no device, another kind of result', () => {
  const layer = new Conv2d(device, k, 4, 4, 3);
  expect(() => countCost(layer, [[1, 3, 8, 8]])).toThrow(ShapeError);
  expect(() => countCost(new ReLU(), [[1]])).toThrow(/countCost: a function, or a module without tensors, needs \{ device \}/);
  expect(() => countCost(((x: Tensor) => [x, x]) as never, [[1]], { device })).toThrow(OptionError);
});
