/** @file The seven updates: which of them have the mean of the pathwise gradient, and what each costs. */
import { expect, it } from 'vitest';
import { batchedSpaces, CHOICES, OPTIONS } from '../../../../experiments/laboratory/swap/batched-spaces.ts';
import { race } from '../../../../experiments/laboratory/swap/race.ts';
import {
  costOf,
  drawSample,
  probabilitiesOf,
  type Update,
  Updater,
  UPDATES,
} from '../../../../experiments/laboratory/swap/updates.ts';
import { VectorMoments } from '../../../../src/credit/index.ts';
import { cpu, key, noGrad } from '../../../../src/index.ts';

const ROWS = 4096;
const LAMBDA = 0.5;
const device = cpu();

/** Largest |z| over components of mean(update) - mean(pathwise), paired, N = 2 x 4,096 samples, seeds 1 and 2. */
async function distance(update: Update, cells: number): Promise<number> {
  const spaces = batchedSpaces(device, 'tanh', cells, 1, key(3));
  const size = CHOICES * OPTIONS;
  const logits = Float64Array.from({ length: ROWS * size }, (_, i) => 0.3 * Math.cos(1 + (i % size)));
  const moments = new VectorMoments(size);
  const [updater, exact] = [new Updater(device, spaces, update), new Updater(device, spaces, 'pathwise')];
  for (const seed of [1, 2]) {
    const sample = drawSample(logits, LAMBDA, key(seed));
    const [a, b] = [await updater.gradient(sample, logits, LAMBDA), await exact.gradient(sample, logits, LAMBDA)];
    // The moving average of the first pass is this very loss.
    if (seed === 2 || update !== 'loss - mean') moments.add(a.map((v, i) => v - b[i]!));
  }
  return Math.max(...moments.zScores(new Float64Array(size)).map(Math.abs));
}

it('loss, loss - mean, group ablation and COMA have the mean of the pathwise gradient, tied or not (|z| < 4.2: p 3e-4 over 12)', async () => {
  for (const update of ['loss', 'loss - mean', 'group ablation', 'COMA'] as const)
    for (const cells of [1, 2]) expect([update, cells, (await distance(update, cells)) < 4.2]).toEqual([update, cells, true]);
});

it('the ablation of places has it where each choice has one place, and not in tied cells; the published form has it in neither', async () => {
  expect(await distance('place ablation', 1)).toBeLessThan(4.2);
  expect(await distance('place ablation', 2)).toBeGreaterThan(6);
  expect(await distance('R', 1)).toBeGreaterThan(6);
  expect(await distance('R', 2)).toBeGreaterThan(6);
});

it('costs count what is computed: of three choices of four options in two cells', () => {
  const costs = Object.fromEntries(UPDATES.map((update) => [update, costOf(update, 3, 6, 4)]));
  // A relaxed pass 4 and its backward pass 8; six passes without one of six places 20/6 each; three without one of three choices 8/3 each;
  // twelve with one option of a choice, (2 x 4 + 1) / 3 each.
  const expected = { loss: 4, 'loss - mean': 4, R: 12, pathwise: 12, 'place ablation': 24, 'group ablation': 12, COMA: 40 };
  for (const update of UPDATES) expect(costs[update]).toBeCloseTo(expected[update], 10);
});

it('the table of architectures is the loss under each one-hot Z', async () => {
  const spaces = batchedSpaces(device, 'quadratic', 2, 3, key(5));
  const table = await spaces.enumerate();
  const architecture = [2, 0, 3];
  const z = Float64Array.from({ length: 3 * CHOICES * OPTIONS }, (_, i) =>
    architecture[Math.floor(i / OPTIONS) % CHOICES] === i % OPTIONS ? 1 : 0,
  );
  const losses = await noGrad(() => spaces.losses(device.tensor(z, [3, 1, CHOICES, OPTIONS]))).data();
  expect(table.map((losses64) => losses64[2 + 3 * 16])).toEqual([...losses]);
});

it('a race begins at equal probabilities and the pathwise update lowers the regret; the same key gives the same race', async () => {
  const spaces = batchedSpaces(device, 'softmax', 1, 4, key(6));
  const table = await spaces.enumerate();
  const settings = {
    seeds: 3,
    steps: 60,
    lambda: { start: 1, end: 0.1 },
    lr: 0.1,
    betas: [0.5, 0.999],
    points: 6,
    key: key(7),
  } as const;
  const raced = await race(device, spaces, table, 'pathwise', settings);
  expect(raced.cost).toBe(60 * 12);
  for (const seeds of raced.regret) for (const curve of seeds) expect(curve).toHaveLength(6);
  const ends = raced.regret.flat().map((curve) => curve.at(-1)!);
  expect(ends.reduce((a, b) => a + b, 0) / ends.length).toBeLessThan(0.5);
  expect(await race(device, spaces, table, 'pathwise', settings)).toEqual(raced);
  expect([...probabilitiesOf(new Float64Array(4))]).toEqual([0.25, 0.25, 0.25, 0.25]);
});
