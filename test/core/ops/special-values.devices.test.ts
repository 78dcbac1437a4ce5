/** @file NaN, infinities and zeros through operations as PyTorch 1.13 has them in float32, values and gradients, and where not. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as api from '../../../src/index.ts';
import { type Device, grad, scope, type Tensor } from '../../../src/index.ts';
import { categoricalEntropy } from '../../../src/distributions/index.ts';
import { clipGradNorm, SGD } from '../../../src/optim/index.ts';
import golden from '../../golden/special.json' with { type: 'json' };
import { openDevice } from '../../support/device.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

type Written = number | string;
type Run = (...xs: Tensor[]) => Tensor;

const lastAxis = {
  sum: (x) => api.sum(x, -1),
  mean: (x) => api.mean(x, -1),
  variance: (x) => api.variance(x, -1),
  max: (x) => api.max(x, -1),
  crossEntropy: (x) => api.crossEntropy(x, device.tensor(new Float64Array(x.shape[0]!).fill(2)), { reduction: 'none' }),
  categoricalEntropy: (x) => categoricalEntropy(x),
  maxPool2d: (x) => api.maxPool2d(x, 2),
  avgPool2d: (x) => api.avgPool2d(x, 2),
  clipGradNorm: (g) => {
    const p = device.zeros(g.shape);
    new SGD([p], { lr: 1 }).step([g], clipGradNorm([g], 1));
    return api.neg(p);
  },
} satisfies Record<string, Run> as Readonly<Record<string, Run>>;

/** Where the library differs on purpose: the case and its part, and why. */
const different: Readonly<Record<string, string>> = {
  'variance gradient 0':
    'the variance of a row with an infinity is NaN, and so is the whole gradient; PyTorch has infinities in it',
};

function numbersOf(list: readonly Written[]): number[] {
  return list.map(Number);
}

/** The same but for rounding, and for the sign of a zero. */
function same(got: number, expected: number): boolean {
  return Object.is(got, expected) || Math.abs(got - expected) <= 1e-5 * (1 + Math.abs(expected));
}

describe('as PyTorch', () => {
  it.each(golden.values.map((c, i) => [`${c.name} ${i}`, c] as const))('%s', async (_title, c) => {
    const run = lastAxis[c.name] ?? (api as unknown as Readonly<Record<string, Run>>)[c.name]!;
    const inputs = c.inputs.map((x, i) => device.tensor(numbersOf(x), c.shapes[i]));
    const wanted = c.gradients.flatMap((g, i) => (g ? [i] : []));
    const [y, ...gradients] = scope((): Tensor[] => {
      const value = run(...inputs);
      return wanted.length === 0
        ? [value]
        : [
            value,
            ...grad(
              api.sum(value),
              wanted.map((i) => inputs[i]!),
              { unused: 'zeros' },
            ),
          ];
    });
    const parts = [
      { part: 'value', got: await y!.data(), expected: numbersOf(c.value) },
      ...(await Promise.all(
        wanted.map(async (i, k) => ({
          part: `gradient ${i}`,
          got: await gradients[k]!.data(),
          expected: numbersOf(c.gradients[i]!),
        })),
      )),
    ];
    const differing = parts.flatMap(({ part, got, expected }) =>
      expected.flatMap((want, i) => (same(got[i]!, want) ? [] : [`${c.name} ${part} at ${i}: ${got[i]} for ${want}`])),
    );
    const whys = Object.keys(different);
    expect(differing.filter((line) => !whys.some((why) => line.startsWith(`${why} at`)))).toEqual([]);
  });
});
