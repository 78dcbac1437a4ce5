/** @file What fused kernels must satisfy on any device: equal to their composites in float64, over geometries that reach every variant. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  add,
  addAll,
  avgPool2d,
  batchNorm2d,
  crossEntropy,
  type Device,
  grad,
  logSoftmax,
  maxPool2d,
  mixedSum,
  noGrad,
  softmax,
  sum,
  type Tensor,
  withComposites,
} from '../../src/index.ts';
import { SGD } from '../../src/optim/index.ts';
import { bulk, checkOperationKernel, type Operation, operation, pools, type Spread } from '../../src/testing/properties/index.ts';

const SEED = 29;

/** Registers the tests, on the device that `open` gives. */
export function describeFusedKernels(open: () => Promise<Device>): void {
  let device: Device;
  beforeAll(async () => {
    device = await open();
  });
  afterAll(() => device.destroy());

  /** Kernel and backward kernel within the proved bound of float64; the checker's own draws, `runs` of them. */
  async function expectExact(op: Operation, runs: number): Promise<void> {
    const { failure, cases } = await checkOperationKernel(op, device, { seed: SEED, runs });
    expect(failure?.message).toBeUndefined();
    expect(cases).toBe(runs);
  }

  function tensors(
    name: string,
    run: Operation['run'],
    shapes: fc.Arbitrary<readonly (readonly number[])[]>,
    spread: Spread,
  ): Operation {
    return operation({
      name,
      run,
      order: 1,
      samples: () =>
        shapes.chain((list) => fc.tuple(...list.map((s) => bulk(s, spread))).map((inputs) => ({ inputs, params: undefined }))),
    });
  }

  const images = fc.constantFrom([1, 1, 2, 1], [2, 3, 5, 7], [3, 4, 14, 14], [2, 17, 7, 7], [5, 2, 8, 8], [2, 1, 40, 65]);

  describe('kernel and gradient equal the composite', () => {
    for (const spread of ['kink-safe', 'positive'] as const) {
      it(`batch norm, ${spread} values`, async () => {
        const shapes = images.map((s) => [s]);
        await expectExact(
          tensors('batchNorm2d', ([x]) => batchNorm2d(x!), shapes, spread),
          8,
        );
      });

      it(`batch norm with weight and bias, ${spread} values`, async () => {
        const shapes = images.map((s) => [s, [s[1]], [s[1]]]);
        await expectExact(
          tensors('batchNorm2d', ([x, weight, bias]) => batchNorm2d(x!, { weight: weight!, bias: bias! }), shapes, spread),
          8,
        );
      });

      it(`mixedSum of 1 to 13 tensors, ${spread} values`, async () => {
        const shapes = fc
          .record({
            count: fc.constantFrom(1, 2, 3, 4, 5, 6, 7, 8, 9, 13),
            size: fc.constantFrom(1, 63, 64, 65, 511, 512, 513, 2000),
          })
          .map(({ count, size }) => [[count], ...Array.from({ length: count }, () => [size])]);
        await expectExact(
          tensors('mixedSum', ([z, ...xs]) => mixedSum(z!, xs), shapes, spread),
          16,
        );
      });
    }

    const rows = fc.constantFrom([1, 1], [1, 8], [63, 3], [64, 2], [65, 10], [3, 200], [2, 1000]);

    it('softmax and logSoftmax, short and long rows', async () => {
      const shapes = rows.map((s) => [s]);
      await expectExact(
        tensors('softmax', ([x]) => softmax(x!), shapes, 'wide'),
        8,
      );
      await expectExact(
        tensors('logSoftmax', ([x]) => logSoftmax(x!), shapes, 'wide'),
        8,
      );
    });

    it('crossEntropy, short and long rows', async () => {
      const op = operation({
        name: 'crossEntropy',
        run: ([x, labels]) => crossEntropy(x!, labels!, { reduction: 'none' }),
        order: 1,
        wrt: [0],
        samples: () =>
          rows.chain(([n, k]) =>
            bulk([n, k], 'wide').map((logits) => ({
              inputs: [logits, { shape: [n], values: Array.from({ length: n }, (_, i) => (i * 7) % k) }],
              params: undefined,
            })),
          ),
      });
      await expectExact(op, 8);
    });

    /** Any geometry; the windows that the shaders have as constants; or the 3x3 window of stride 1 that has a kernel of its own, at sizes that its tiles do not divide. */
    const windows = fc.oneof(
      pools({ output: 9, kernel: 4 }).map(({ input, kernel, options }) => ({ input, kernel, options })),
      fc
        .record({
          k: fc.constantFrom(2, 3),
          stride: fc.constantFrom(1, 2),
          h: fc.integer({ min: 4, max: 13 }),
          top: fc.nat(1),
          left: fc.nat(1),
        })
        .map(({ k, stride, h, top, left }) => ({
          input: [2, 2, h, 9] as const,
          kernel: [k, k] as [number, number],
          options: {
            stride: [stride, stride],
            dilation: [1, 1],
            padding: [
              [top, 1],
              [left, 0],
            ],
          } as const,
        })),
      fc
        .record({ h: fc.integer({ min: 3, max: 21 }), w: fc.integer({ min: 3, max: 15 }), top: fc.nat(2), right: fc.nat(2) })
        .map(({ h, w, top, right }) => ({
          input: [2, 3, h, w] as const,
          kernel: [3, 3] as [number, number],
          options: {
            stride: [1, 1],
            dilation: [1, 1],
            padding: [
              [top, 1],
              [1, right],
            ],
          } as const,
        })),
    );

    for (const [name, pool] of [
      ['maxPool2d', maxPool2d],
      ['avgPool2d', avgPool2d],
    ] as const) {
      it(`${name}, any stride, padding and dilation, rows left over at the end`, async () => {
        const op = operation({
          name,
          run: ([x], params: typeof windows extends fc.Arbitrary<infer W> ? W : never) => pool(x!, params.kernel, params.options),
          order: 1,
          samples: () => windows.chain((params) => bulk(params.input, 'tie-safe').map((x) => ({ inputs: [x], params }))),
        });
        await expectExact(op, 24);
      });
    }
  });

  it('softmax, logSoftmax and crossEntropy neither overflow nor vanish where logits are a thousand away from 0', async () => {
    for (const [k, offset] of [
      [5, 1000],
      [100, 1000],
      [5, -1000],
      [100, -1000],
    ] as const) {
      // One peak, early in the row, so that no other element can pass for the maximum.
      const values = Array.from({ length: k }, (_, i) => offset + 60 * Math.sin(i * 12.9898) + (i === 1 ? 200 : 0));
      const rounded = values.map(Math.fround);
      const total = rounded.reduce((a, v) => a + Math.exp(v - offset), 0);
      const x = device.tensor(values, [1, k]);
      const p = await softmax(x).data();
      const logP = await logSoftmax(x).data();
      const expected = rounded.map((v) => v - offset - Math.log(total));
      for (let i = 0; i < k; i++) {
        expect(p[i]).toBeCloseTo(Math.exp(expected[i]!), 4);
        expect(logP[i]).toBeCloseTo(expected[i]!, 3);
      }
      expect(await crossEntropy(x, device.tensor([k - 1])).item()).toBeCloseTo(-expected[k - 1]!, 3);
    }
  });

  it('crossEntropy of logits that are masked with minus infinity counts the others', async () => {
    const k = 100;
    const open = (i: number): boolean => i >= 24 && i % 3 === 0;
    const values = Array.from({ length: 2 * k }, (_, i) => (open(i % k) ? Math.sin(i * 12.9898) : -Infinity));
    const logits = device.tensor(values, [2, k]);
    const labels = [27, 96];
    const loss = crossEntropy(logits, device.tensor(labels), { reduction: 'none' });
    const [g] = grad(sum(loss), [logits]);
    const got = { loss: await loss.data(), g: await g.data() };
    for (const row of [0, 1]) {
      const total = values.slice(row * k, (row + 1) * k).reduce((a, v) => a + Math.exp(v), 0);
      expect(got.loss[row]).toBeCloseTo(Math.log(total) - values[row * k + labels[row]!]!, 5);
      for (let i = 0; i < k; i++) {
        expect(got.g[row * k + i]).toBeCloseTo(Math.exp(values[row * k + i]!) / total - (i === labels[row] ? 1 : 0), 5);
      }
    }
  });

  it('crossEntropy of a label that is no class is NaN, and so is the gradient of its row alone', async () => {
    for (const k of [3, 100]) {
      const logits = device.tensor(
        Array.from({ length: 4 * k }, (_, i) => Math.sin(i)),
        [4, k],
      );
      const loss = crossEntropy(logits, device.tensor([-1, k, 0.5, 1]), { reduction: 'none' });
      const [g] = grad(sum(loss), [logits]);
      const rows = await loss.data();
      expect([...rows].map(Number.isNaN)).toEqual([true, true, true, false]);
      expect((await g.data()).findIndex((v) => !Number.isNaN(v))).toBe(3 * k);
    }
  });

  it('adds many tensors to the bits of a chain of additions', async () => {
    for (const [count, size] of [
      [2, 5],
      [3, 64],
      [4, 65],
      [5, 66],
      [6, 67],
      [7, 257],
      [8, 1023],
      [20, 6],
    ] as const) {
      const xs = Array.from({ length: count }, (_, k) =>
        device.tensor(
          Array.from({ length: size }, (_v, i) => Math.sin(i * 12.9898 + k) * 10 ** (k % 4)),
          [size],
        ),
      );
      const chain = xs.reduce((total, x) => add(total, x));
      expect(await addAll(xs).data()).toEqual(await chain.data());
    }
  });

  it('moves running statistics by the momentum towards the mean and the unbiased variance', async () => {
    const [n, c, side, momentum] = [3, 40, 2, 0.25];
    const values = Array.from({ length: n * c * side * side }, (_, i) => Math.sin(i * 12.9898) + (i % 7));
    const before = Array.from({ length: 2 * c }, (_, i) => 1 + i / 8);
    const running = device.parameter(before, [2, c]);
    batchNorm2d(device.tensor(values, [n, c, side, side]), { running, momentum });
    const after = await running.data();
    for (let channel = 0; channel < c; channel++) {
      const mine = values.filter((_, i) => Math.floor(i / side ** 2) % c === channel);
      const mean = mine.reduce((a, b) => a + b, 0) / mine.length;
      const unbiased = mine.reduce((a, b) => a + (b - mean) ** 2, 0) / (mine.length - 1);
      expect(after[channel]).toBeCloseTo(0.75 * before[channel]! + momentum * mean, 5);
      expect(after[c + channel]).toBeCloseTo(0.75 * before[c + channel]! + momentum * unbiased, 5);
    }
  });

  it('SGD moves each of many parameters to the bits that it has when it is alone', async () => {
    const sizes = [1, 300, 7, 256, 64, 1000, 2, 13, 5];
    const values = (seed: number): Tensor[] =>
      sizes.map((size, k) => device.parameter(Array.from({ length: size }, (_, i) => Math.sin(seed + 7 * k + i * 12.9898))));
    for (const nesterov of [false, true]) {
      const options = { lr: 0.3, momentum: 0.9, nesterov, weightDecay: 0.01 };
      const [together, alone] = [values(1), values(1)];
      const all = new SGD(together, options);
      const each = alone.map((p) => new SGD([p], options));
      for (const seed of [2, 3]) {
        const gradients = values(seed);
        all.step(gradients);
        for (const [k, sgd] of each.entries()) sgd.step([gradients[k]!]);
      }
      for (const [k, p] of together.entries()) expect(await p.data()).toEqual(await alone[k]!.data());
    }
  });

  describe('maximum pool', () => {
    it('sends the gradient of tied values where the composite does, to the first of each window, and none is lost', async () => {
      for (const [kernel, stride] of [
        [3, 1],
        [3, 2],
        [2, 2],
      ] as const) {
        const values = Array.from({ length: 2 * 9 * 11 }, (_, i) => (i * i) % 3);
        const x = device.tensor(values, [2, 1, 9, 11]);
        const gradient = (): Tensor => grad(sum(maxPool2d(x, kernel, { stride, padding: 1 })), [x])[0];
        const got = Array.from(await gradient().data());
        expect(got).toEqual(Array.from(await withComposites(gradient).data()));
        const outputs = 2 * (Math.floor((11 - kernel) / stride) + 1) * (Math.floor((13 - kernel) / stride) + 1);
        expect(got.reduce((a, b) => a + b, 0)).toBe(outputs);
      }
    });

    it('is the same where nothing is recorded, so that no indices are kept', async () => {
      const x = device.tensor(
        Array.from({ length: 3 * 13 * 10 }, (_, i) => Math.sin(i * 12.9898)),
        [1, 3, 13, 10],
      );
      for (const [kernel, stride] of [
        [3, 1],
        [3, 2],
        [2, 2],
        [4, 1],
      ] as const) {
        const pool = (): Tensor => maxPool2d(x, kernel, { stride, padding: 1 });
        expect(await noGrad(pool).data()).toEqual(await pool().data());
      }
    });

    it('of a window of minus infinity is minus infinity', async () => {
      const x = device.tensor(
        Array.from({ length: 25 }, () => -Infinity),
        [1, 1, 5, 5],
      );
      for (const stride of [1, 2]) {
        const y = maxPool2d(x, 3, { stride, padding: 1 });
        expect(new Set(await y.data())).toEqual(new Set([-Infinity]));
      }
    });
  });

  it('batch norm adds eps to the variance, under the root, and its gradient does too', async () => {
    const [c, count] = [2, 12];
    const values = Array.from({ length: c * count }, (_, i) => Math.sin(i * 12.9898) / 300);
    const cotangents = values.map((_, i) => Math.cos(i * 7.13));
    const x = device.tensor(values, [1, c, 3, 4]);
    const y = batchNorm2d(x);
    const [dx] = grad(y, [x], { cotangent: device.tensor(cotangents, x.shape) });
    const got = { y: await y.data(), dx: await dx.data() };
    for (const channel of [0, 1]) {
      const of = (all: readonly number[]): number[] => all.slice(channel * count, (channel + 1) * count);
      const mean = (all: readonly number[]): number => all.reduce((a, b) => a + b, 0) / count;
      const [xs, g] = [of(values), of(cotangents)];
      const centre = mean(xs);
      const scale = 1 / Math.sqrt(mean(xs.map((v) => (v - centre) ** 2)) + 1e-5);
      const z = xs.map((v) => (v - centre) * scale);
      const projection = mean(g.map((v, i) => v * z[i]!));
      for (let i = 0; i < count; i++) {
        expect(got.y[channel * count + i]).toBeCloseTo(z[i]!, 4);
        expect(got.dx[channel * count + i]! / scale).toBeCloseTo(g[i]! - mean(g) - z[i]! * projection, 4);
      }
    }
  });

  it('batch norm keeps its precision where the mean is a thousand times the spread', async () => {
    const values = Float32Array.from({ length: 4 * 2 * 9 * 9 }, (_, i) => 1000 + Math.sin(i * 12.9898));
    const x = device.tensor(values, [4, 2, 9, 9]);
    const y = await batchNorm2d(x, { eps: 0 }).data();
    for (const channel of [0, 1]) {
      const mine = Array.from(values.keys()).filter((i) => Math.floor(i / 81) % 2 === channel);
      const mean = mine.reduce((s, i) => s + values[i]!, 0) / mine.length;
      const spread = Math.sqrt(mine.reduce((s, i) => s + (values[i]! - mean) ** 2, 0) / mine.length);
      // The mean is rounded to 2^-24 of 1000, and each term of its sum once more.
      for (const i of mine) expect(Math.abs(y[i]! - (values[i]! - mean) / spread)).toBeLessThan((8 * 1000 * 2 ** -24) / spread);
    }
  });
}
