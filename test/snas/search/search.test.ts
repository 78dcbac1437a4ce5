/** @file A search can be repeated and continued exactly, and does what its settings say. */
import { describe, expect, it } from 'vitest';
import { clone, concat, cpu, type Device, keep, key, NonFiniteError, OptionError, tanh, type Tensor } from '../../../src/index.ts';
import { BatchNorm2d, Flatten, Linear, Sequential } from '../../../src/nn/index.ts';
import {
  argmaxArchitecture,
  choice,
  dartsLayout,
  edgesOf,
  type EpochMetrics,
  genotypeArchitecture,
  genotypeFromChoices,
  type NetworkFactory,
  none,
  OPERATIONS,
  recomputeStatistics,
  Search,
  type SearchConfig,
  Snas,
} from '../../../src/snas/index.ts';
import { quadrants, TINY } from '../../support/tiny-search.ts';

const device: Device = cpu({ dtype: 'float32' });
const data = { train: quadrants(32, 1), validation: quadrants(16, 2) };

function withoutTimes({ imagesPerSecond: _, ...seeded }: EpochMetrics): Omit<EpochMetrics, 'imagesPerSecond'> {
  return seeded;
}

async function metricsOf(search: Search): Promise<Omit<EpochMetrics, 'imagesPerSecond'>[]> {
  const out: Omit<EpochMetrics, 'imagesPerSecond'>[] = [];
  for await (const epoch of search.run()) out.push(withoutTimes(epoch));
  return out;
}

describe('a search', () => {
  it('gives the same figures to the last bit for the same seed, and others for another seed', async () => {
    const run = async (seed: number): Promise<unknown> => {
      using search = new Search(device, { ...TINY, seed, epochs: 1 }, data);
      return await metricsOf(search);
    };
    const first = await run(3);
    expect(await run(3)).toEqual(first);
    expect(await run(4)).not.toEqual(first);
  });

  it('continues from its saved state as if it had not stopped: weights, architecture, both optimisers, noise and data', async () => {
    using whole = new Search(device, TINY, data);
    const expected = await metricsOf(whole);
    using begun = new Search(device, TINY, data);
    const first = (await begun.run().next()).value as EpochMetrics;
    const state = await begun.state();
    using resumed = new Search(device, { ...TINY }, data);
    resumed.loadState(state);
    expect([withoutTimes(first), ...(await metricsOf(resumed))]).toEqual(expected);
  });

  it('takes its temperature from start to end over exactly the epochs asked for', () => {
    for (const epochs of [1, 3]) {
      using search = new Search(device, { ...TINY, epochs }, data);
      expect(search.temperature).toBe(TINY.temperature.start);
      search.step = search.steps - 1;
      expect(search.temperature).toBeCloseTo(TINY.temperature.end, 12);
    }
  });

  it("takes the weights' learning rate down half a cosine: start, the mean half way, the end after the last step", () => {
    using search = new Search(device, { ...TINY, epochs: 5 }, data);
    const { lr, lrEnd } = TINY.weights;
    const at = (step: number): number => {
      search.step = step;
      return search.lr;
    };
    expect(at(0)).toBe(lr);
    expect(at(search.steps / 2)).toBeCloseTo((lr + lrEnd) / 2, 12);
    expect(at(search.steps)).toBeCloseTo(lrEnd, 12);
  });

  it('draws new architecture noise in every step, and the same again for the same seed', async () => {
    const noiseOf = async (seed: number): Promise<string[]> => {
      const snas = new Snas(device, key(1), { layout: dartsLayout(2) });
      const drawn: Tensor[] = [];
      const inputs = snas.inputs.bind(snas);
      snas.inputs = (step) => {
        const made = inputs(step);
        drawn.push(keep(clone(made.noise[0]!)));
        return made;
      };
      using search = new Search(device, { ...TINY, seed }, data, { strategy: snas });
      const batch = {
        images: device.tensor(new Float64Array(8 * 64), [8, 1, 8, 8]),
        labels: device.tensor([0, 1, 2, 3, 0, 1, 2, 3]),
      };
      for (let step = 0; step < 3; step++) search.trainStep(batch);
      return Promise.all(drawn.map(async (noise) => String(await noise.data())));
    };
    const first = await noiseOf(3);
    expect(new Set(first).size).toBe(3);
    expect(await noiseOf(3)).toEqual(first);
  });

  it('stops with a typed error that names the cure when the loss is not finite', async () => {
    using search = new Search(device, { ...TINY, weights: { ...TINY.weights, lr: 1e30, clip: 1e30 } }, data);
    await expect(metricsOf(search)).rejects.toThrow(NonFiniteError);
  });

  it('refuses settings that make no sense, by name', () => {
    const bad =
      (part: Partial<SearchConfig>): (() => Search) =>
      () =>
        new Search(device, { ...TINY, ...part }, data);
    expect(bad({ epochs: 0 })).toThrow(/epochs 0/);
    expect(bad({ batchSize: 64 })).toThrow(/32 train images make no batch of 64/);
    expect(bad({ dropPath: 1 })).toThrow(OptionError);
    expect(bad({ temperature: { start: 0.1, end: 1 } })).toThrow(/temperature/);
  });

  it('refuses what is no space, and a network that cannot tell the classes apart, before anything runs', () => {
    const of = (space: unknown) => () => new Search(device, TINY, data, { space: space as NetworkFactory });
    expect(of('darts')).toThrow(/search: space "darts" is neither a function that makes a network nor a space; .*shippedSpace/);
    expect(of(null)).toThrow(/search: space null is neither/);
    expect(of({ name: 'x' })).toThrow(/is neither/);
    const outputs =
      (n: number): NetworkFactory =>
      ({ device: on, key: k, item }) =>
        new Sequential(new Flatten(), choice('act', { tanh, none }), new Linear(on, k, item[0]! * item[1]! * item[2]!, n));
    const classes = data.train.classes;
    expect(of(outputs(classes - 1))).toThrow(
      new RegExp(`the network makes \\[${TINY.batchSize}, ${classes - 1}\\] .*for ${classes} classes it must make`),
    );
    expect(of(() => new Sequential(choice('act', { tanh, none })))).toThrow(/search: the network makes \[/);
    of(outputs(classes))().dispose();
  });
});

describe('recomputed batch-norm statistics', () => {
  it('are the plain average over the batches, mean and unbiased variance, and change nothing else', async () => {
    const layer = new BatchNorm2d(device, 1, { affine: false });
    const images = quadrants(12, 9);
    await recomputeStatistics(layer, device, images, { batchSize: 4, batches: 3 }, (x) => layer.forward(x));
    const statistics = [0, 1, 2].map((b) => {
      const values = Array.from(images.images.subarray(b * 256, (b + 1) * 256), (v) => v / 255);
      const mean = values.reduce((a, v) => a + v) / 256;
      return [mean, values.reduce((a, v) => a + (v - mean) ** 2, 0) / 255] as const;
    });
    const [mean, variance] = await layer.running.data();
    expect(mean).toBeCloseTo(statistics.reduce((a, [m]) => a + m, 0) / 3, 6);
    expect(variance).toBeCloseTo(statistics.reduce((a, [, v]) => a + v, 0) / 3, 6);
    expect(layer.momentum).toBe(0.1);
  });
});

describe('the child of an architecture', () => {
  it('has on every edge the most probable of all eight operations, none included', async () => {
    const edges = edgesOf(2).length;
    const rows = (pick: (edge: number) => number): Tensor =>
      device.tensor(Array.from({ length: edges }, (_, e) => OPERATIONS.map((_op, k) => (k === pick(e) ? 0.3 : 0.1))));
    const found = await argmaxArchitecture(dartsLayout(2), [concat([rows((e) => e), rows(() => 0)])]);
    const normal = Array.from({ length: edges }, (_, e) => e);
    expect(found).toEqual(genotypeArchitecture(genotypeFromChoices({ normal, reduce: normal.map(() => 0) }, 2)));
  });
});

describe("snas's strategy", () => {
  it('starts at an entropy of ln 8 an edge to 1e-3, log alpha normal with mean 1 and deviation 0.01', async () => {
    const snas = new Snas(device, key(5), { layout: dartsLayout(4) });
    using search = new Search(device, { ...TINY, network: { ...TINY.network, nodes: 4 } }, data, { strategy: snas });
    expect(Math.abs((await search.entropy()) - Math.log(OPERATIONS.length))).toBeLessThan(1e-3);
    const values = [...(await snas.logAlpha[0]!.data())];
    expect(values).toHaveLength(224);
    const mean = values.reduce((a, b) => a + b) / values.length;
    // N = 224 draws, sd 0.01: the mean is within 5 standard errors.
    expect(Math.abs(mean - 1)).toBeLessThan((5 * 0.01) / Math.sqrt(values.length));
  });
});
