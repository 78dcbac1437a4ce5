/** @file Mistakes found in public implementations of architecture search, each prevented by name. Others stand beside their subjects. */
import { beforeAll, expect, it } from 'vitest';
import { grad } from '../../../../src/core/autograd.ts';
import { Darts, Enas, Reinforce } from '../../../../src/baselines/index.ts';
import { cpu } from '../../../../src/devices/cpu.ts';
import { RelaxedOneHotCategorical } from '../../../../src/distributions/index.ts';
import { gumbels, key, normals, toUniform } from '../../../../src/core/random.ts';
import { scope } from '../../../../src/core/scope.ts';
import type { PlaceTrace } from '../../../../src/snas/space/pass.ts';
import type { SearchSpace } from '../../../../src/snas/space/search-space.ts';
import { MixedCell } from '../../../../src/snas/spaces/darts/cell.ts';
import { dartsLayout } from '../../../../src/snas/spaces/darts/choices.ts';
import { OPERATIONS } from '../../../../src/snas/spaces/darts/genotype.ts';
import { Snas } from '../../../../src/snas/strategies/snas.ts';
import { Search } from '../../../../src/snas/search/search.ts';
import type { ArchitectureStrategy } from '../../../../src/snas/strategies/strategy.ts';
import { crossEntropy } from '../../../../src/core/cross-entropy.ts';
import type { Tensor } from '../../../../src/core/tensor.ts';
import { dartsSpace } from '../../../support/darts-space.ts';
import { quadrants, TINY } from '../../../support/tiny-search.ts';
import { meanEntropy } from '../../../../src/snas/strategies/probabilities.ts';

const device = cpu({ dtype: 'float64' });
const network = TINY.network;
const data = quadrants(8, 1);
let images: Tensor;
let labels: Tensor;
let space: SearchSpace;
beforeAll(() => {
  images = device.parameter(
    Float64Array.from(data.images, (v) => v / 255),
    [8, 1, 8, 8],
  );
  labels = device.parameter(Float64Array.from(data.labels), [8]);
  space = dartsSpace(device, key(1), network);
});

const cosine = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) [ab, aa, bb] = [ab + a[i]! * b[i]!, aa + a[i]! ** 2, bb + b[i]! ** 2];
  return ab / Math.sqrt(aa * bb);
};

it('log p is not clamped: down to temperature 0.03 its gradient is the score 1 - n softmax(-G) (cosine above 1 - 1e-9)', async () => {
  for (const temperature of [1, 0.3, 0.1, 0.03]) {
    const logits = device.tensor(normals(key(2), 8));
    const noise = device.tensor(gumbels(key(3), 8));
    const distribution = new RelaxedOneHotCategorical({ logits, temperature });
    const logZ = distribution.rsampleLog({ noise });
    const [g] = grad(distribution.logProb({ logZ: device.tensor(await logZ.data()) }), [logits]);
    const e = Array.from(await noise.data(), (v) => Math.exp(-v));
    const total = e.reduce((x, y) => x + y);
    const score = e.map((v) => 1 - (8 * v) / total);
    expect(cosine(await g.data(), score)).toBeGreaterThan(1 - 1e-9);
  }
});

it("the density's normaliser counts the operations there are: it integrates to 1 with two categories, not with log 7! for any number", async () => {
  // Midpoint rule over z = (t, 1 - t), 4,000 points, at temperature 1, where the density is bounded.
  const distribution = new RelaxedOneHotCategorical({ logits: device.tensor([0.4, -0.3]), temperature: 1 });
  const n = 4000;
  const z = device.tensor(Array.from({ length: n }, (_, i) => [(i + 0.5) / n, 1 - (i + 0.5) / n]).flat(), [n, 2]);
  const logP = await distribution.logProb({ z }).data();
  expect([...logP].reduce((s, l) => s + Math.exp(l) / n, 0)).toBeCloseTo(1, 6);
});

it('every log alpha receives a gradient that is not zero from one backward pass, and so does every weight on a path to the loss', async () => {
  const snas = new Snas(device, key(4), space);
  const z = snas.propose(snas.inputs({ key: key(5), temperature: 1 }));
  const loss = crossEntropy(space.forward(images, z), labels);
  const gradients = grad(loss, [...snas.parameters(), ...space.network.parameters()]);
  const [logAlpha, ...weights] = gradients;
  expect(logAlpha!.shape).toEqual([10, 8]);
  for (const v of await logAlpha!.data()) expect(Math.abs(v)).toBeGreaterThan(0);
  for (const g of weights) expect(Math.hypot(...(await g.data()))).toBeGreaterThan(0);
});

it('every parameter of a policy-gradient controller receives a gradient, the embedding of the last choice aside', async () => {
  const enas = new Enas(device, key(6), { layout: dartsLayout(1) }, { hidden: 4 });
  const z = enas.propose(enas.inputs({ key: key(7), temperature: 1 }));
  enas.gradients(z, { loss: device.scalar(1), gradient: z });
  const again = enas.propose(enas.inputs({ key: key(8), temperature: 1 }));
  const gradients = enas.gradients(again, { loss: device.scalar(2), gradient: again });
  for (const g of gradients) expect(Math.hypot(...(await g.data()))).toBeGreaterThan(0);
});

it('drop path drops samples of every operation but a skip: a mask of zeros leaves skips alone', async () => {
  using search = new Search(device, { ...TINY, dropPath: 0.9, epochs: 1 }, { train: data, validation: data });
  const masked = new Set<number>();
  const forward = search.space.forward.bind(search.space);
  // Looks at the masks that the search hands to its network.
  search.space.forward = (x, z, options) => {
    for (let k = 0; k < OPERATIONS.length; k++) if (options?.pathMask?.(0, k)) masked.add(k);
    return forward(x, z, options);
  };
  search.trainStep({ images, labels });
  const skip = OPERATIONS.indexOf('skip_connect');
  expect(masked.has(skip)).toBe(false);
  expect(masked.size).toBe(OPERATIONS.length - 1);
});

it('the entropy is the sum of the entropies of the edges over their number, not the logarithm of a sum or of a product', async () => {
  const rows = [
    [0.5, 0.5, 0, 0, 0, 0, 0, 0],
    [1, 0, 0, 0, 0, 0, 0, 0],
  ];
  const p = [device.tensor([...rows, ...rows])];
  expect(await meanEntropy(dartsLayout(1), p)).toBeCloseTo(Math.LN2 / 2, 12);
});

it('Gumbel noise is finite at the least and the greatest random word: u is never 0 or 1', () => {
  for (const word of [0, 0xffffffff]) {
    const u = toUniform(word);
    expect(u).toBeGreaterThan(0);
    expect(u).toBeLessThan(1);
    expect(Number.isFinite(-Math.log(-Math.log(u)))).toBe(true);
    expect(Math.fround(u)).toBe(u);
  }
});

it('one Z is drawn for a whole batch and shared by all cells of a type: noise has no batch axis and every cell has the same rows', async () => {
  const snas = new Snas(device, key(9), space);
  const { noise } = snas.inputs({ key: key(10), temperature: 0.5 });
  expect(noise.map((t) => t.shape)).toEqual([[2 * 5, OPERATIONS.length]]);
  const trace: PlaceTrace[] = [];
  space.forward(images, snas.propose(snas.inputs({ key: key(10), temperature: 0.5 })), { trace });
  const rowsOf = async (cell: number): Promise<number[][]> =>
    Promise.all(trace.slice(5 * cell, 5 * cell + 5).map(async (t) => [...(await t.z.data())]));
  const types = [...space.network.modules()].flatMap((module) => (module instanceof MixedCell ? [module.shape.type] : []));
  expect(trace).toHaveLength(5 * types.length);
  const [first, second] = types.flatMap((type, cell) => (type === 'reduce' ? [cell] : []));
  expect(await rowsOf(first!)).toEqual(await rowsOf(second!));
});

it('the score of a sample meets the cost of that sample: with two proposals open, each feedback goes to its own', async () => {
  for (const make of [
    (): ArchitectureStrategy => new Reinforce(device, key(11), { layout: dartsLayout(1) }),
    (): ArchitectureStrategy => new Enas(device, key(11), { layout: dartsLayout(1) }, { hidden: 4 }),
  ]) {
    const gradientOf = async (interleaved: boolean): Promise<number[]> => {
      const s = make();
      const seen = s.propose(s.inputs({ key: key(12), temperature: 1 }));
      // A baseline that is not the reward itself.
      s.gradients(seen, { loss: device.scalar(0), gradient: seen });
      const z = s.propose(s.inputs({ key: key(13), temperature: 1 }));
      if (interleaved) s.propose(s.inputs({ key: key(14), temperature: 1 }));
      return [...(await s.gradients(z, { loss: device.scalar(1), gradient: z })[0]!.data())];
    };
    expect(await gradientOf(true)).toEqual(await gradientOf(false));
  }
});

it('alpha has one optimiser on every device: the first step of Adam moves every entry by its learning rate, in float64 and float32', async () => {
  for (const on of [device, cpu({ dtype: 'float32' })]) {
    const s = new Snas(on, key(15), { layout: dartsLayout(2) });
    const before = await s.logAlpha[0]!.data();
    using search = new Search(
      on,
      { ...TINY, architecture: { ...TINY.architecture, weightDecay: 0 }, epochs: 1 },
      { train: data, validation: data },
      { strategy: s },
    );
    search.trainStep({
      images: on.tensor(await images.data(), images.shape),
      labels: on.tensor(await labels.data(), labels.shape),
    });
    const moved = (await s.logAlpha[0]!.data()).map((v, i) => Math.abs(v - before[i]!));
    for (const d of moved) expect(d / TINY.architecture.lr).toBeCloseTo(1, 2);
  }
});

it('a search sees training and validation images only: it has no way to be given a test set, and its statistics are those of the training images', () => {
  const other = quadrants(8, 5);
  using search = new Search(device, TINY, { train: data, validation: other });
  expect(Object.keys(search.data)).toEqual(['train', 'validation']);
  const mean = Array.from(data.images).reduce((s, v) => s + v / 255, 0) / data.images.length;
  expect(search.statistics!.mean[0]).toBeCloseTo(mean, 9);
});

it('a bi-level strategy leaves alpha alone on training images: without a validation batch of another kind its gradient comes from that batch', async () => {
  const darts = new Darts(device, key(16), { layout: dartsLayout(2) });
  const start = [...(await darts.logAlpha[0]!.data())];
  using search = new Search(device, { ...TINY, epochs: 1 }, { train: data, validation: data }, { strategy: darts });
  const other = quadrants(8, 9);
  const validationImages = device.tensor(
    Float64Array.from(other.images, (v) => v / 255),
    [8, 1, 8, 8],
  );
  const validationLabels = device.tensor(Float64Array.from(other.labels), [8]);
  const expected = await scope(() => {
    const z = darts.propose();
    return grad(crossEntropy(search.space.forward(validationImages, z), validationLabels), darts.parameters())[0]!;
  }).data();
  search.trainStep({ images, labels }, { images: validationImages, labels: validationLabels });
  const after = await darts.logAlpha[0]!.data();
  // Adam's first step goes against the sign of the gradient it was given.
  const sign = [...after].map((v, i) => Math.sign(start[i]! - v));
  const decay = TINY.architecture.weightDecay;
  sign.forEach((v, i) => expect(v).toBe(Math.sign(expected[i]! + decay * start[i]!)));
});
