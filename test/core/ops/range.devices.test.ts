/** @file Operations at the ends of the range: both tails of sigmoid and softplus, signed zeros, pools beyond 2^24 pixels, NaN. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { categoricalEntropy } from '../../../src/distributions/index.ts';
import {
  avgPool2d,
  cpu,
  type Device,
  div,
  DTypeError,
  equal,
  grad,
  log,
  logSigmoid,
  logSumExp,
  max,
  maximum,
  maxPool2d,
  minimum,
  mul,
  oneHot,
  scope,
  sigmoid,
  slice,
  softmax,
  softplus,
  sub,
  sum,
  type Tensor,
} from '../../../src/index.ts';
import { openDevice } from '../../support/device.ts';

const devices: Device[] = [];
beforeAll(async () => {
  devices.push(await openDevice());
  if (devices[0]!.kind === 'cpu') devices.push(cpu({ dtype: 'float32' }));
});
afterAll(() => {
  for (const device of devices) device.destroy();
});

/** Runs a check on the device of this project and, on the CPU, on its float32 device too. */
async function everywhere(check: (device: Device) => Promise<void>): Promise<void> {
  for (const device of devices) await check(device);
}

/**
 * sigmoid(-x) and log(1 + e^-x) for x = 1 to 100 to 17 digits (Python's decimal, 60 digits). The upper tails follow:
 * sigmoid(x) = 1 - sigmoid(-x), softplus(x) = x + softplus(-x), sigmoid' = sigmoid(x) sigmoid(-x), softplus' = sigmoid.
 */
const TAILS: readonly (readonly [x: number, sigmoid: number, softplus: number])[] = [
  [1, 0.2689414213699951, 0.3132616875182228],
  [2, 0.11920292202211756, 0.1269280110429725],
  [3, 0.04742587317756678, 0.04858735157374206],
  [5, 0.0066928509242848554, 0.006715348489118068],
  [10, 4.5397868702434395e-5, 4.539889921686465e-5],
  [20, 2.0611536181902037e-9, 2.061153620314381e-9],
  [40, 4.248354255291589e-18, 4.248354255291589e-18],
  [60, 8.75651076269652e-27, 8.75651076269652e-27],
  [80, 1.8048513878454153e-35, 1.8048513878454153e-35],
  [100, 3.720075976020836e-44, 3.720075976020836e-44],
];

interface Accuracy {
  readonly name: string;
  readonly run: (x: Tensor) => Tensor;
  readonly value: (lower: number, plus: number, x: number) => number;
  readonly slope: (lower: number, plus: number, x: number) => number;
}

/** Exact values at -x and at x, from sigmoid(-x) = q and softplus(-x) = p. */
const functions: readonly (Accuracy & { readonly sign: 1 | -1 })[] = [
  { name: 'sigmoid(-x)', sign: -1, run: sigmoid, value: (q) => q, slope: (q) => q * (1 - q) },
  { name: 'sigmoid(x)', sign: 1, run: sigmoid, value: (q) => 1 - q, slope: (q) => q * (1 - q) },
  { name: 'softplus(-x)', sign: -1, run: softplus, value: (_q, p) => p, slope: (q) => q },
  { name: 'softplus(x)', sign: 1, run: softplus, value: (_q, p, x) => x + p, slope: (q) => 1 - q },
  { name: 'logSigmoid(-x)', sign: -1, run: logSigmoid, value: (_q, p, x) => -(x + p), slope: (q) => 1 - q },
  { name: 'logSigmoid(x)', sign: 1, run: logSigmoid, value: (_q, p) => -p, slope: (q) => q },
];

describe('both tails, value and gradient: 4 units in the last place on the CPU, 3 + 2 |x| of exp and 8 more on WebGPU', () => {
  it.each(functions)('$name', async ({ run, sign, value, slope }) => {
    await everywhere(async (device) => {
      const x = device.tensor(TAILS.map(([at]) => sign * at));
      const y = run(x);
      const [g] = grad(sum(y), [x]);
      const got = await Promise.all([y.data(), g.data()]);
      for (const [i, [at, q, p]] of TAILS.entries()) {
        const unit = device.dtype === 'float64' ? 2 ** -52 : 2 ** -23;
        const allowed = (device.kind === 'cpu' ? 4 : 8 + 3 + 2 * at) * unit;
        for (const [k, exact] of [value(q, p, at), slope(q, p, at)].entries()) {
          // Below the smallest normal number digits go, and a device may flush.
          if (Math.abs(exact) < 2 ** -125) continue;
          expect(Math.abs(got[k]![i]! - exact), `${device.name}, ${at}, ${k === 0 ? 'value' : 'gradient'}`).toBeLessThanOrEqual(
            allowed * Math.abs(exact),
          );
        }
      }
    });
  });

  it('log of a sigmoid, and its gradient, at -20', async () => {
    await everywhere(async (device) => {
      const x = device.tensor([-20]);
      const y = log(sigmoid(x));
      expect((await y.data())[0]).toBeCloseTo(-20, 4);
      expect((await grad(sum(y), [x])[0].data())[0]).toBeCloseTo(1, 4);
    });
  });
});

describe('infinities', () => {
  it('an impossible option: entropy log 2, gradient 0 there, second order too', async () => {
    await everywhere(async (device) => {
      const x = device.tensor([0, -Infinity, 1]);
      const entropy = categoricalEntropy(x);
      const [first] = grad(entropy, [x], { createGraph: true });
      // Of options 0 and 2 alone, with p = sigmoid(1): H' = -p (1 - p) at 2, H'' = -p (1 - p) (1 + (1 - 2 p)).
      const p = 1 / (1 + Math.exp(-1));
      const slope = -p * (1 - p);
      const second = await grad(sum(mul(first, device.tensor([0, 0, 1]))), [x])[0].data();
      const curvature = slope * (1 + (1 - 2 * p));
      expect((await entropy.data())[0]).toBeCloseTo(-(p * Math.log(p) + (1 - p) * Math.log(1 - p)), 5);
      for (const [got, expected] of [
        [await first.data(), [-slope, 0, slope]],
        [second, [-curvature, 0, curvature]],
      ] as const) {
        for (const [i, want] of expected.entries()) expect(got[i]).toBeCloseTo(want, 5);
      }
      expect((await categoricalEntropy(device.tensor([0, -Infinity, 0])).data())[0]).toBeCloseTo(Math.LN2, 5);
    });
  });

  it('logSumExp keeps an infinity, and its gradient at a finite row does not see the impossible ones, to second order', async () => {
    await everywhere(async (device) => {
      const x = device.tensor([
        [-Infinity, -Infinity],
        [Infinity, 1],
        [-Infinity, 2],
      ]);
      expect([...(await logSumExp(x).data())]).toEqual([-Infinity, Infinity, 2]);
      const row = device.tensor([-Infinity, 2, 2]);
      const [g] = grad(logSumExp(row), [row], { createGraph: true });
      expect([...(await g.data())].map((v) => v.toFixed(5))).toEqual(['0.00000', '0.50000', '0.50000']);
      const h = await grad(sum(slice(g, [1], [2])), [row])[0].data();
      expect([...h].map((v) => Math.abs(v).toFixed(5))).toEqual(['0.00000', '0.25000', '0.25000']);
    });
  });
});

describe('zeros, NaN and the empty', () => {
  it('1 / -0 is -Infinity before and after a 0 was used, and 1 / 0 Infinity', async () => {
    await everywhere(async (device) => {
      const one = device.tensor([1]);
      const quotient = async (by: number): Promise<number> => (await div(one, by).data())[0]!;
      expect(await quotient(-0)).toBe(-Infinity);
      await mul(one, 0).data();
      expect([await quotient(0), await quotient(-0), await quotient(0)]).toEqual([Infinity, -Infinity, Infinity]);
    });
  });

  it('NaN equals nothing and has no class; max, maximum, minimum and pools carry it', async () => {
    await everywhere(async (device) => {
      const nan = device.tensor([NaN, NaN, 1]);
      expect([...(await equal(nan, device.tensor([NaN, 5, 2])).data())]).toEqual([0, 0, 0]);
      expect([...(await oneHot(device.tensor([NaN, 1]), 2).data())]).toEqual([0, 0, 0, 1]);
      expect([...(await max(device.tensor([1, NaN, 3])).data())]).toEqual([NaN]);
      const pairs = [device.tensor([NaN, 1]), device.tensor([1, NaN])] as const;
      expect([...(await maximum(...pairs).data()), ...(await minimum(...pairs).data())]).toEqual([NaN, NaN, NaN, NaN]);
      for (const at of [0, 1, 4, 8]) {
        const image = device.tensor(
          Float64Array.from({ length: 9 }, (_, i) => (i === at ? NaN : i)),
          [1, 1, 3, 3],
        );
        const y = maxPool2d(image, 3, { stride: 1, padding: 1 });
        const [g] = grad(sum(y), [image]);
        const windows = Array.from({ length: 9 }, (_, i) => {
          const near = (a: number, b: number): boolean => Math.abs(a - b) <= 1;
          return near(Math.floor(i / 3), Math.floor(at / 3)) && near(i % 3, at % 3);
        });
        expect([...(await y.data())].map(Number.isNaN)).toEqual(windows);
        expect((await g.data())[at]).toBe(windows.filter(Boolean).length);
      }
    });
  });

  it('pools without channels are empty, and softmax of integers is refused under its own name along any axis', async () => {
    await everywhere(async (device) => {
      for (const pool of [maxPool2d, avgPool2d]) expect(pool(device.zeros([1, 0, 4, 4]), 2).shape).toEqual([1, 0, 2, 2]);
      const words = device.tensor(Uint32Array.of(1, 2, 3, 4), [2, 2]);
      expect(() => softmax(words, 0)).toThrow(DTypeError);
      expect(() => softmax(words, 0)).toThrow(/^softmax: /);
    });
  });
});

describe('a plane of more than 2^24 pixels', () => {
  it.each([
    ['rows and columns', [4098, 4098], 2, 2],
    ['one row, overlapping windows', [1, 2 ** 24 + 6], [1, 3], [1, 2]],
  ] as const)('%s: the last values and gradients of maxPool2d', { timeout: 120_000 }, async (_title, [h, w], kernel, stride) => {
    // float64 counts to 2^53.
    for (const device of devices.filter(({ dtype }) => dtype === 'float32')) {
      const size = h * w;
      const data = new Float32Array(size);
      // In the last windows, beyond what float32 counts.
      const marks = [size - 7, size - 4, size - 2, size - 1];
      for (const [i, at] of marks.entries()) data[at] = i + 3;
      const [tail, slope] = scope(() => {
        const x = device.tensor(data, [1, 1, h, w]);
        const y = maxPool2d(x, kernel, { stride });
        const [g] = grad(sum(y), [x]);
        const [, , oh, ow] = y.shape as readonly [number, number, number, number];
        return [slice(y, [0, 0, oh - 1, ow - 4]), slice(g, [0, 0, h - 1, w - 8])];
      });
      const reach = Array.isArray(kernel) ? 3 : 2;
      const rowStart = size - w;
      const windows = Math.floor((w - reach) / 2) + 1;
      const values: number[] = [];
      const slopes = new Float64Array(8);
      for (let q = windows - 4; q < windows; q++) {
        const taps = Array.from({ length: reach }, (_, j) => rowStart + 2 * q + j);
        const best = Math.max(...taps.map((t) => data[t]!));
        values.push(best);
        const first = taps.find((t) => data[t] === best)!;
        if (best > 0 && first - (size - 8) >= 0) slopes[first - (size - 8)]!++;
      }
      expect([...(await tail.data())]).toEqual(values);
      expect([...(await slope.data())]).toEqual([...slopes]);
      tail.dispose();
      slope.dispose();
    }
  });
});

it('subtracting a number from itself is not assumed to be 0 where it is infinite', async () => {
  await everywhere(async (device) => {
    const x = device.tensor([Infinity, 1]);
    expect([...(await sub(x, x).data())]).toEqual([NaN, 0]);
  });
});
