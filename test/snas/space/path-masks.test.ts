/** @file Drop path: which row of the masks scales which option, in a supernet and in a child. */
import { expect, it } from 'vitest';
import { cpu, key, mul, noGrad, type Tensor } from '../../../src/index.ts';
import { Identity, Sequential } from '../../../src/nn/index.ts';
import { childModel, SpacePaths } from '../../../src/snas/space/path-masks.ts';
import { choice, type NetworkContext, none, oneHotWeights, SearchSpace } from '../../../src/snas/index.ts';

const device = cpu();
const context: NetworkContext = { device, key: key(1), channels: 1, height: 1, width: 1, item: [1], classes: 1 };
const times =
  (factor: number) =>
  (t: Tensor): Tensor =>
    mul(t, factor);

/** x -> a b c x, each choice one factor; the second has a skip, which is never dropped. */
const network = (): Sequential =>
  new Sequential(
    choice('a', { two: times(2), three: times(3) }),
    choice('b', { skip: new Identity(), five: times(5), none }),
    choice('c', { seven: times(7), eleven: times(11) }),
  );
const x = device.parameter([1, 10, 100], [3, 1]);
const numbers = async (t: Tensor): Promise<number[]> => [...(await t.data())];

/** Row r of the masks is r + 2 for the first sample, (r + 2) / 10 for the second and 1 for the third. */
const masksOf = (rows: number): Tensor =>
  device.parameter(Array.from({ length: rows }, (_, r) => [r + 2, (r + 2) / 10, 1]).flat(), [rows, 3]);

it('a supernet has a row for each option of each place, in order, and a skip takes none', async () => {
  using space = new SearchSpace(network, context);
  const paths = new SpacePaths(space, space.places([3, 1]));
  expect(paths.rows).toBe(7);
  const masks = masksOf(paths.rows);
  for (const [options, factor, rows] of [
    [[0, 0, 0], 2 * 7, [0, 5]],
    [[1, 1, 1], 3 * 5 * 11, [1, 3, 6]],
    [[1, 0, 0], 3 * 7, [1, 5]],
  ] as const) {
    const z = oneHotWeights(device, space.layout, options);
    const y = await numbers(noGrad(() => space.forward(x, z, { pathMask: paths.maskOf(masks) })));
    const product = (by: number): number => rows.reduce<number>((p, r) => (p * (r + 2)) / by, 1);
    [factor * product(1), 10 * factor * product(10), 100 * factor].forEach((wanted, i) => expect(y[i]).toBeCloseTo(wanted, 9));
  }
});

it('a child has a row for each choice that is computed and may be dropped, in order', async () => {
  using space = new SearchSpace(network, context);
  for (const [architecture, factor, rows] of [
    [{ a: 'two', b: 'five', c: 'eleven' }, 2 * 5 * 11, [0, 1, 2]],
    [{ a: 'three', b: 'skip', c: 'seven' }, 3 * 7, [0, 1]],
    [{ a: 'three', b: 'none', c: 'seven' }, 0, [0, 1]],
  ] as const) {
    const child = space.child(architecture);
    const model = childModel(child);
    expect(model.paths).toBe(rows.length);
    const [masked] = noGrad(() => model.forward(x, masksOf(model.paths)));
    const product = (by: number): number => rows.reduce<number>((p, r) => (p * (r + 2)) / by, 1);
    const y = await numbers(masked);
    [factor * product(1), 10 * factor * product(10), 100 * factor].forEach((wanted, i) => expect(y[i]).toBeCloseTo(wanted, 9));
    expect(await numbers(noGrad(() => model.forward(x)[0]))).toEqual([factor, 10 * factor, 100 * factor]);
    child.dispose();
  }
});
