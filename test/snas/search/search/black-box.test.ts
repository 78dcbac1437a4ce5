/** @file A search that prices its children by a black box: the price works, steps are replayed, a saved state continues exactly. */
import { describe, expect, it } from 'vitest';
import { strategy } from '../../../../src/baselines/index.ts';
import { cpu, key, OptionError } from '../../../../src/index.ts';
import {
  type Architecture,
  type BlackBoxFactory,
  hostRows,
  type LatencyUnit,
  measuredLatency,
  type OperationName,
  OPERATIONS,
  Search,
  type SearchConfig,
  type SearchOptions,
} from '../../../../src/snas/index.ts';
import { quadrants, runUntil, TINY } from '../../../support/tiny-search.ts';

const device = cpu({ dtype: 'float32' });
const data = { train: quadrants(64, 1), validation: quadrants(8, 2) };
/** 40 steps in one epoch: a figure is an average over many draws, and children are scored once. */
const long = { ...data, train: quadrants(320, 1) };
const CONFIG: SearchConfig = {
  ...TINY,
  network: { ...TINY.network, nodes: 1 },
  epochs: 1,
  architecture: { lr: 0.05, betas: [0.5, 0.999], weightDecay: 0 },
  calibrationBatches: 1,
};

/** The part of edges that have an operation. */
function liveEdges(child: Architecture): number {
  const all = Object.values(child);
  return all.filter((operation) => operation !== 'none').length / all.length;
}

const liveEdgesBox: BlackBoxFactory = () => ({ price: liveEdges });
/** Another price for every operation, so that hardly any two children cost the same. */
const columnBox: BlackBoxFactory = () => ({
  price: (child) =>
    Object.values(child)
      .map((operation, e) => OPERATIONS.indexOf(operation as OperationName) * (e + 1))
      .reduce((a, b) => a + b) / 70,
});

async function bytes(search: Search): Promise<Record<string, string>> {
  const entries = Object.entries(await search.state());
  return Object.fromEntries(
    entries.map(([name, { data: d }]) => [name, Buffer.from(d.buffer, d.byteOffset, d.byteLength).toString('hex')]),
  );
}

async function run(search: Search, stopAfter?: number): Promise<void> {
  for await (const epoch of runUntil(search, stopAfter)) expect(Number.isFinite(epoch.expectedCost)).toBe(true);
}

/** Mean probability of none over the edges. */
async function probabilityOfNone(search: Search): Promise<number> {
  const p = search.strategy.probabilities();
  const rows = await hostRows(search.space.layout, p);
  for (const t of p) t.dispose();
  return rows.reduce((total, row) => total + row[0]!, 0) / rows.length;
}

describe('a search with a black-box cost', () => {
  it.each(['snas', 'gdas'])(
    'moves %s towards what the box calls cheap: none, which starts at 1/8 (seed 3, 40 steps)',
    async (name) => {
      const none = async (eta: number): Promise<number> => {
        using search = new Search(device, { ...CONFIG, eta, architecture: { ...CONFIG.architecture, lr: 0.1 } }, long, {
          strategy: (space) => strategy(name, device, key(9), space),
          blackBox: { box: liveEdgesBox, every: 1 },
        });
        await run(search);
        return await probabilityOfNone(search);
      };
      const [free, priced] = [await none(0), await none(50)];
      expect(priced).toBeGreaterThan(0.25);
      expect(priced).toBeGreaterThan(2 * free);
    },
  );

  it('captures its steps: the same bytes as an eager search, with measurements in every third step', async () => {
    const priced: SearchOptions = { blackBox: { box: columnBox, every: 3 } };
    const end = async (options: SearchOptions): Promise<Record<string, string>> => {
      using search = new Search(device, { ...CONFIG, eta: 3 }, data, options);
      await run(search);
      return await bytes(search);
    };
    const captured = await end(priced);
    expect(await end({ ...priced, eager: true })).toEqual(captured);
    expect(captured['black_box.average']).toBeDefined();
    expect(captured['architecture.log_alpha.8']).not.toEqual((await end({}))['architecture.log_alpha.8']);
  });

  it('continues from its state to the bytes of an unbroken run, if the box says the same again', async () => {
    const options: SearchOptions = { blackBox: { box: columnBox, every: 2 } };
    using whole = new Search(device, { ...CONFIG, eta: 3 }, data, options);
    await run(whole);
    using begun = new Search(device, { ...CONFIG, eta: 3 }, data, options);
    await run(begun, 5);
    using resumed = new Search(device, { ...CONFIG, eta: 3 }, data, options);
    resumed.loadState(await begun.state());
    await run(resumed);
    expect(await bytes(resumed)).toEqual(await bytes(whole));
  });

  it('refuses the state of a search without one, and strategies that do not sample', () => {
    const options: SearchOptions = { blackBox: { box: liveEdgesBox } };
    expect(
      () => new Search(device, CONFIG, data, { ...options, strategy: (space) => strategy('darts-1', device, key(1), space) }),
    ).toThrow(/darts-1/);
    using search = new Search(device, CONFIG, data, options);
    expect(() => search.loadState({})).toThrow(OptionError);
  });
});

describe('a search with measured latency', () => {
  it('measures its unit once, moves log alpha, keeps memory steady and leaves none behind', async () => {
    const units: LatencyUnit[] = [];
    const box = measuredLatency({ samples: 1, warmUps: 1, onUnit: (unit) => units.push(unit) });
    const bytesAfter: number[] = [];
    const once = async (blackBox: SearchOptions['blackBox']): Promise<Record<string, string>> => {
      using search = new Search(device, { ...CONFIG, eta: 10 }, data, blackBox ? { blackBox } : {});
      for await (const { expectedCost } of search.run({ afterStep: () => void bytesAfter.push(device.memory().bytes) })) {
        expect(Number.isFinite(expectedCost)).toBe(true);
        expect(expectedCost === 0).toBe(blackBox === undefined);
      }
      return await bytes(search);
    };
    const free = await once(undefined);
    bytesAfter.length = 0;
    const before = device.memory();
    const priced = await once({ box, every: 2 });
    const after = device.memory();
    expect(units).toHaveLength(1);
    expect(units[0]!.clock).toBe('wall');
    expect(new Set(bytesAfter.slice(1)).size).toBe(1);
    expect({ tensors: after.tensors, buffers: after.buffers }).toEqual({ tensors: before.tensors, buffers: before.buffers });
    expect(priced['architecture.log_alpha.8']).not.toEqual(free['architecture.log_alpha.8']);
    expect(priced['black_box.latency_unit']).toBeDefined();
  });
});
