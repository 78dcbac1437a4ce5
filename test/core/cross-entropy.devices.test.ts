/** @file Cross-entropy: PyTorch's options against PyTorch, labels of every kind, and what labels outside the classes do. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  capture,
  CaptureError,
  cpu,
  crossEntropy,
  type CrossEntropyOptions,
  type Device,
  DTypeError,
  grad,
  mul,
  OptionError,
  scope,
  ShapeError,
  sum,
  withComposites,
} from '../../src/index.ts';
import golden from '../golden/cross-entropy.json' with { type: 'json' };
import { openDevice } from '../support/device.ts';
import { fill, toleranceOf } from '../support/golden.ts';

const devices: Device[] = [];
beforeAll(async () => {
  devices.push(await openDevice(), cpu({ dtype: 'float32' }), cpu({ dtype: 'float32', simd: false }), cpu());
});
afterAll(() => devices.forEach((device) => device.destroy()));

/** Elements as numbers: JSON has no NaN. */
const numbersOf = (written: readonly (number | string)[]): number[] => written.map(Number);

async function expectNear(what: string, actual: ArrayLike<number>, expected: readonly number[], tolerance: number): Promise<void> {
  expect(actual.length, what).toBe(expected.length);
  for (const [i, e] of expected.entries()) {
    const near = Number.isNaN(e) ? Number.isNaN(actual[i]!) : Math.abs(actual[i]! - e) <= tolerance * Math.max(1, Math.abs(e));
    expect(near, `${what}, element ${i}: ${actual[i]} against PyTorch's ${e}`).toBe(true);
  }
}

describe('against PyTorch: ignored labels, class weights, smoothing, alone and together', () => {
  const { weights, cases } = golden.values;
  for (const c of cases) {
    const { labels, ignoreIndex, reduction, weighted, labelSmoothing } = c;
    it(`${reduction} of [${labels.join(', ')}] but ${ignoreIndex}, ${weighted ? 'weighted' : 'unweighted'}, smoothing ${labelSmoothing}`, async () => {
      for (const device of devices) {
        for (const onDevice of [false, true]) {
          const results = scope(() => {
            const x = fill(device, 'cross-entropy logits', [4, 3], 3);
            const options: CrossEntropyOptions = {
              reduction: reduction as 'mean' | 'sum' | 'none',
              labelSmoothing,
              ignoreIndex,
              ...(weighted && { weights: onDevice ? device.tensor(weights) : weights }),
            };
            const loss = crossEntropy(x, onDevice ? device.tensor(labels) : labels, options);
            const cotangent = reduction === 'none' ? { cotangent: fill(device, 'cross-entropy cotangent', [4]) } : {};
            const [plain] = grad(loss, [x], cotangent);
            const [g] = grad(loss, [x], { ...cotangent, createGraph: true });
            const [second] = grad(sum(mul(g, fill(device, 'cross-entropy direction', [4, 3]))), [x], { unused: 'zeros' });
            return [loss, plain, g, second];
          });
          const [loss, plain, g, second] = await Promise.all(results.map((t) => t.data()));
          const tolerance = toleranceOf(device, 1e-11, 5e-6);
          await expectNear('loss', loss!, numbersOf(c.loss), tolerance);
          await expectNear('gradient by the kernel', plain!, numbersOf(c.gradient), tolerance);
          await expectNear('gradient by the composite', g!, numbersOf(c.gradient), tolerance);
          await expectNear('second order', second!, numbersOf(c.second), tolerance);
          for (const t of results) t.dispose();
        }
      }
    });
  }

  it('the gradient in the weights is that of the weighted sum', async () => {
    for (const device of devices) {
      const x = device.tensor([
        [0, 1, 2],
        [3, 0, 0],
      ]);
      const w = device.tensor([1, 2, 3]);
      const [g] = grad(crossEntropy(x, [2, 0], { weights: w, reduction: 'sum' }), [w]);
      const each = (await crossEntropy(x, [2, 0], { reduction: 'none' }).data()) as Float64Array;
      await expectNear('weights', await g.data(), [each[1]!, 0, each[0]!], 1e-6);
    }
  });
});

it('takes no gradient by its labels, whether the gradient is recorded or not, on every device', () => {
  for (const device of devices) {
    scope(() => {
      const labels = device.parameter([2, 0]);
      const y = crossEntropy(device.parameter([1, 2, 5, 3, 0, 0], [2, 3]), labels);
      for (const createGraph of [false, true]) {
        expect(() => grad(y, [labels], { createGraph }), `${device.name}, ${createGraph}`).toThrow('does not depend on xs[0]');
      }
    });
  }
});

describe('labels from the host', () => {
  const x = (device: Device) =>
    device.tensor([
      [1, 2, 5],
      [3, 0, 0],
    ]);

  it('are an array or any typed array, and mean what a tensor means', async () => {
    for (const device of devices) {
      const expected = await crossEntropy(x(device), device.tensor([2, 1])).item();
      const kinds = [
        [2, 1],
        Uint8Array.of(2, 1),
        Int32Array.of(2, 1),
        Uint32Array.of(2, 1),
        Float64Array.of(2, 1),
        BigInt64Array.of(2n, 1n),
      ];
      for (const labels of kinds) expect(await crossEntropy(x(device), labels).item()).toBe(expected);
    }
  });

  it('outside the classes are an OptionError that names label, row and classes, before anything runs', () => {
    const wrong: readonly [ArrayLike<number> | ArrayLike<bigint>, RegExp][] = [
      [[0, 3], /^crossEntropy: label 3 of row 1 is none of the 3 classes, 0 to 2$/],
      [[-1, 0], /^crossEntropy: label -1 of row 0 .* pass \{ ignoreIndex: -1 \}/],
      [[0, -100], /^crossEntropy: label -100 of row 1 .* pass \{ ignoreIndex: -100 \}/],
      [[0.5, 0], /label 0\.5 of row 0/],
      [[NaN, 0], /label NaN of row 0/],
      [[0, Infinity], /label Infinity of row 1/],
      [[0, 2 ** 53], /label 9007199254740992 of row 1/],
      [['1', 0] as unknown as number[], /label "1" of row 0/],
      [[undefined, 0] as unknown as number[], /label undefined of row 0/],
      [Uint8Array.of(0, 255), /label 255 of row 1/],
      [BigInt64Array.of(0n, -1n), /label -1 of row 1/],
    ];
    for (const device of devices) {
      for (const [labels, message] of wrong) {
        expect(() => crossEntropy(x(device), labels)).toThrow(OptionError);
        expect(() => crossEntropy(x(device), labels)).toThrow(message);
      }
      expect(() => crossEntropy(x(device), [0, 5], { ignoreIndex: -100 })).toThrow(/label 5 of row 1/);
      expect(() => crossEntropy(x(device), [0, 1, 2])).toThrow(ShapeError);
    }
  });

  it('options that make no sense are refused by name', () => {
    for (const device of devices) {
      const bad: readonly [object, RegExp][] = [
        [{ ignoreIndex: 0.5 }, /ignoreIndex 0\.5 must be an integer/],
        [{ ignoreIndex: NaN }, /ignoreIndex NaN/],
        [{ labelSmoothing: 1.5 }, /labelSmoothing 1\.5 must be in \[0, 1\]/],
        [{ labelSmoothing: NaN }, /labelSmoothing NaN/],
        [{ reduction: 'average' }, /reduction "average"/],
        [{ weights: [1, 2] }, /weights \[2\] must be \[3\]/],
      ];
      for (const [options, message] of bad) expect(() => crossEntropy(x(device), [0, 1], options)).toThrow(message);
      expect(() => crossEntropy(x(device), [0, 1], { weights: device.tensor(Uint32Array.of(1, 1, 1)) })).toThrow(DTypeError);
    }
  });

  it('inside a captured step are refused as host data', () => {
    for (const device of devices) {
      const step = capture(() => crossEntropy(x(device), [0, 1]), { device });
      expect(() => step()).toThrow(CaptureError);
    }
  });
});

describe('labels in a tensor that are no class make their row NaN', () => {
  const bad = [3, -1, 0.5, NaN, Infinity, -Infinity, 2 ** 24, -100];
  for (const label of bad) {
    it(`${label}: in the loss and in the gradient, by kernel, composite and captured step`, async () => {
      for (const device of devices) {
        for (const k of [3, 100]) {
          const logits = device.tensor(
            Float64Array.from({ length: 3 * k }, (_, i) => Math.sin(i)),
            [3, k],
          );
          const labels = device.tensor([0, label === 3 ? k : label, 1]);
          const f = (a: typeof logits, l: typeof logits) => {
            const loss = crossEntropy(a, l, { reduction: 'none' });
            return [loss, grad(loss, [a], { cotangent: a.device.ones([3]) })[0]] as const;
          };
          const step = capture(f);
          for (const run of [f, (a, l) => withComposites(() => f(a, l)), step] as (typeof f)[]) {
            const [loss, g] = run(logits, labels);
            expect([...(await loss.data())].map(Number.isNaN)).toEqual([false, true, false]);
            const lost = [...(await g.data())].map(Number.isNaN);
            expect(lost).toEqual(lost.map((_, i) => i >= k && i < 2 * k));
          }
          step.dispose();
        }
      }
    });
  }
});
