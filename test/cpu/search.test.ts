/** @file A search can be repeated and continued exactly, and does what its settings say. */
import { describe, expect, it } from 'vitest';
import { cpu, type Device, key, NonFiniteError, OptionError } from '../../src/index.ts';
import { type EpochMetrics, OPERATIONS, Search, type SearchConfig, Snas } from '../../src/snas/index.ts';
import { quadrants, TINY } from '../support/tiny-search.ts';

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

  it('stops after the step in which it is told to, and says what it has seen', async () => {
    using search = new Search(device, TINY, data);
    const stop = new AbortController();
    const epochs: EpochMetrics[] = [];
    for await (const epoch of search.run({ signal: stop.signal, afterStep: (step) => (step === 2 ? stop.abort() : undefined) }))
      epochs.push(epoch);
    expect(epochs).toHaveLength(1);
    expect(epochs[0]).toMatchObject({ step: 2, epoch: 0 });
    expect(Number.isFinite(epochs[0]!.loss)).toBe(true);
  });

  it('takes its temperature from start to end over exactly the epochs asked for', () => {
    for (const epochs of [1, 3]) {
      using search = new Search(device, { ...TINY, epochs }, data);
      expect(search.temperature).toBe(TINY.temperature.start);
      search.step = search.steps - 1;
      expect(search.temperature).toBeCloseTo(TINY.temperature.end, 12);
    }
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
});

describe("snas's strategy", () => {
  it('starts at an entropy of ln 8 an edge to 1e-3, log alpha normal with mean 1 and deviation 0.01', async () => {
    const snas = new Snas(device, key(5));
    using search = new Search(device, { ...TINY, network: { ...TINY.network, nodes: 4 } }, data, { strategy: snas });
    expect(Math.abs((await search.entropy()) - Math.log(OPERATIONS.length))).toBeLessThan(1e-3);
    const values = [...(await snas.logAlpha.normal.data()), ...(await snas.logAlpha.reduce.data())];
    const mean = values.reduce((a, b) => a + b) / values.length;
    // N = 224 draws, sd 0.01: the mean is within 5 standard errors.
    expect(Math.abs(mean - 1)).toBeLessThan((5 * 0.01) / Math.sqrt(values.length));
  });
});
