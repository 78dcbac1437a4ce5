/** @file A budget on the child of a search: kept in every space, pressed on by a price that adapts, saved and captured to the bit. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Device, key, OptionError } from '../../../src/index.ts';
import {
  childCost,
  type EpochMetrics,
  networkContext,
  Search,
  type SearchConfig,
  type SearchOptions,
  SearchSpace,
  SPACES,
} from '../../../src/snas/index.ts';
import { RandomSearch } from '../../../src/baselines/index.ts';
import { openDevice } from '../../support/device.ts';
import { quadrants, TINY } from '../../support/tiny-search.ts';

const { network: _network, ...CONFIG } = TINY;
const config: SearchConfig = { ...CONFIG, epochs: 1, architecture: { ...CONFIG.architecture, lr: 0.1 } };
const data = { train: quadrants(48, 1), validation: quadrants(16, 2) };
const IMAGES = ['darts', 'nasbench201', 'chain', 'mlp'] as const;

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

const definitionOf = (name: string): NonNullable<SearchOptions['space']> => {
  const { make, presets } = SPACES[name]!;
  const small = { darts: { ...presets.smoke, nodes: 1 }, chain: { channels: 2, layers: 3 } };
  return make(small[name as keyof typeof small] ?? presets.smoke);
};

async function run(search: Search): Promise<Omit<EpochMetrics, 'imagesPerSecond'>[]> {
  const told = [];
  for await (const { imagesPerSecond: _speed, ...epoch } of search.run()) told.push(epoch);
  return told;
}

describe('a whole child', () => {
  it('is counted without being made: its parameters, and its multiply-adds as those of its options and a fixed rest', () => {
    const before = device.memory().bytes;
    const context = networkContext(device, key(0), { shape: [1, 8, 8], classes: 4 });
    const definition = SPACES['chain']!.make({ channels: 2, layers: 3 });
    const architecture = { layer1: 'skip', layer2: 'k3_e3', layer3: 'k5_e6' };
    const { parameters, flops } = childCost(definition, context, architecture);
    expect(device.memory().bytes).toBe(before);
    // Stem 2 3x3 filters of 1 channel, with norm; layer2 (halves to 4 x 4): 2 -> 6 -> 6 (3x3 each) -> 4; layer3 (to 2 x 2): 4 -> 24 -> 24 (5x5) -> 8; classifier.
    const norm = (c: number): number => 2 * c;
    const stem = 18 + norm(2);
    const second = 12 + norm(6) + 54 + norm(6) + 24 + norm(4);
    const third = 96 + norm(24) + 600 + norm(24) + 192 + norm(8);
    expect(parameters).toBe(stem + second + third + 8 * 4 + 4);
    const layers = 18 * 64 + (12 * 64 + 54 * 16 + 24 * 16) + (96 * 16 + 600 * 4 + 192 * 4);
    // The mean over 2 x 2 pixels of 8 channels, and the classifier.
    expect(flops).toBe(layers + 32 + 32);
    const made = new SearchSpace(definition, context);
    const child = made.child(architecture);
    expect(child.parameterCount()).toBe(parameters);
    child.dispose();
    made.dispose();
  });
});

describe('a search with a budget', () => {
  it.each(IMAGES)(
    'of space %s ends with a child within it, whatever the strategy would name, and says what was reached',
    async (name) => {
      const space = definitionOf(name);
      const free = new Search(device, config, data, { space });
      const counted = (architecture: Record<string, string>): { readonly parameters: number; readonly flops: number } =>
        childCost(free.space.definition, free.space.context, architecture);
      const derived = counted(await free.derive());
      free.dispose();
      // Less than what the strategy begins with.
      for (const resource of ['parameters', 'flops'] as const) {
        const limit = Math.ceil(0.9 * derived[resource]);
        using search = new Search(device, config, data, { space, budget: { [resource]: limit } });
        const metrics = await run(search);
        const architecture = await search.derive();
        expect(counted(architecture)[resource]).toBeLessThanOrEqual(limit);
        const report = await search.budgetReport();
        const [line] = report!.limits;
        expect(line).toMatchObject({ resource, limit, reached: counted(architecture)[resource] });
        expect(line!.derived).toBe(counted(await search.strategy.derive())[resource]);
        expect(report!.changed.length > 0).toBe(line!.derived > limit);
        expect(metrics[0]!.budget).toEqual([{ resource, expected: line!.expected, multiplier: line!.multiplier }]);
      }
    },
  );

  it('raises the price while more is expected than asked for, and lowers it to nothing where less is', async () => {
    const space = definitionOf('chain');
    using tight = new Search(device, config, data, { space, budget: { parameters: 900 } });
    using wide = new Search(device, config, data, { space, budget: { parameters: 1_000_000 } });
    const prices: number[] = [];
    for await (const _ of tight.run({
      afterStep: async () => void prices.push((await tight.budgetReport())!.limits[0]!.multiplier),
    }));
    await run(wide);
    expect(prices[0]).toBeGreaterThan(0);
    for (const [i, price] of prices.slice(1).entries()) expect(price).toBeGreaterThan(prices[i]!);
    expect((await wide.budgetReport())!.limits[0]!.multiplier).toBe(0);
  });

  it('begins above the limit, and at the end expects no more than was asked for, in a search that is long enough', async () => {
    const space = SPACES['mlp']!.make({ width: 8, layers: 2 });
    const long = { ...config, epochs: 12, architecture: { ...config.architecture, lr: 0.2 } };
    const limit = 660;
    using search = new Search(device, long, data, { space, budget: { parameters: limit } });
    expect((await search.budgetReport())!.limits[0]!.expected).toBeGreaterThan(limit);
    const metrics = await run(search);
    const expected = metrics.map(({ budget }) => budget![0]!.expected);
    expect(expected.at(-1)).toBeLessThan(1.02 * limit);
  });

  it('is resumed and captured to the bit', async () => {
    const options = { space: definitionOf('chain'), budget: { parameters: 1000, flops: 20_000 } };
    const last = async (search: Search): Promise<unknown> => {
      const metrics = await run(search);
      return { metrics, state: await search.state(), report: await search.budgetReport() };
    };
    using whole = new Search(device, config, data, options);
    const expected = await last(whole);
    using eager = new Search(device, config, data, { ...options, eager: true });
    expect(await last(eager)).toEqual(expected);
    using first = new Search(device, config, data, options);
    const stop = new AbortController();
    await expect(async () => {
      for await (const _ of first.run({
        signal: stop.signal,
        afterStep: (step) => (step === 3 ? stop.abort(new Error('stop')) : undefined),
      }));
    }).rejects.toThrow('stop');
    using second = new Search(device, config, data, options);
    const saved = await first.state();
    expect(saved['budget.multipliers']!.data.some((v: number) => v > 0)).toBe(true);
    second.loadState(saved);
    expect(await last(second)).toEqual(expected);
  });

  it('is refused where no child can keep to it, where it limits nothing, and where the strategy learns nothing', () => {
    const space = definitionOf('chain');
    const make = (options: SearchOptions) => (): Search => new Search(device, config, data, { space, ...options });
    expect(make({ budget: { parameters: 100 } })).toThrow(OptionError);
    expect(make({ budget: { parameters: 100 } })).toThrow(
      /smallest child of space chain has \d{3} parameters, more than the 100 asked for/,
    );
    expect(make({ budget: { flops: 10 } })).toThrow(/multiply-adds, more than the 10 asked for/);
    expect(make({ budget: {} })).toThrow(/limits nothing/);
    expect(make({ budget: { parameters: 1.5 } })).toThrow(/must be an integer/);
    const random = { strategy: (made: SearchSpace) => new RandomSearch(device, key(0), made), budget: { parameters: 100_000 } };
    expect(make(random)).toThrow(/learns no architecture/);
  });
});
