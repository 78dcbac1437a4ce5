/** @file What every space that ships can do: be built, drawn, priced, searched, saved, resumed, and its child read again without a supernet. */
import { describe, expect, it } from 'vitest';
import { STRATEGY_NAMES, strategy } from '../../../src/baselines/index.ts';
import { cpu, foldIn, key, noGrad, scope } from '../../../src/index.ts';
import {
  type Architecture,
  costTable,
  drawSpace,
  loadChild,
  optionIndices,
  Search,
  type SearchConfig,
  type SearchOptions,
  spaceCost,
  SPACES,
  type SpaceSettings,
} from '../../../src/snas/index.ts';
import { quadrants, runUntil } from '../../support/tiny-search.ts';

const device = cpu({ dtype: 'float32' });
const data = { train: quadrants(32, 1), validation: quadrants(16, 2) };

const tiny: Readonly<Record<string, SpaceSettings>> = {
  darts: { channels: 2, cells: 3, nodes: 2, stemStride: 1 },
  nasbench201: { channels: 2, cells: 1 },
  chain: { channels: 2, layers: 3 },
  mlp: { width: 8, layers: 2 },
};

const config: SearchConfig = {
  seed: 5,
  epochs: 2,
  batchSize: 8,
  weights: { lr: 0.05, lrEnd: 0.001, momentum: 0.9, weightDecay: 3e-4, clip: 5 },
  architecture: { lr: 0.05, betas: [0.5, 0.999], weightDecay: 1e-3 },
  temperature: { start: 1, end: 0.2 },
  eta: 0.3,
  dropPath: 0.1,
  calibrationBatches: 2,
};

function open(name: string, options: SearchOptions = {}): Search {
  const space = SPACES[name]!.make(tiny[name]!);
  return new Search(device, config, data, { space, cost: (made) => spaceCost(made), ...options });
}

it('has sizes for each space', () => {
  expect(Object.keys(tiny)).toEqual(Object.keys(SPACES));
});

describe.each(Object.keys(SPACES))('%s', (name) => {
  it('is searched captured and eager alike, and a run that is broken off goes on to the same figures and the same bits', async () => {
    const finish = async (search: Search): Promise<unknown> => {
      const figures: unknown[] = [];
      for await (const { imagesPerSecond: _speed, ...epoch } of search.run()) figures.push(epoch);
      const { scores } = { scores: await search.childScores(data.validation) };
      const state = await search.state();
      return [figures.at(-1), scores, Object.entries(state).map(([entry, { data: d }]) => [entry, Array.from(d as Float32Array)])];
    };
    using unbroken = open(name);
    const expected = await finish(unbroken);
    using eager = open(name, { eager: true });
    expect(await finish(eager)).toEqual(expected);
    using broken = open(name);
    for await (const _epoch of runUntil(broken, 5)) continue;
    using resumed = open(name);
    resumed.loadState(await broken.state());
    expect(await finish(resumed)).toEqual(expected);
  });

  it('prices its cheapest architecture at 0 and its dearest at 1', async () => {
    using search = open(name);
    const table = costTable(search.space);
    const { smallest, largest } = table.extremes();
    const cost = spaceCost(search.space, { parameters: 1 });
    const of = async (pick: (row: readonly number[]) => number): Promise<number> => {
      // Choices of these spaces differ in parameters by themselves, whatever the others take.
      const rows = search.space.layout.choices.map(({ options }, c) =>
        options.map((_, k) =>
          table.places.reduce((sum, place) => (place.choice === c ? sum + place.costs.parameters[k]! : sum), 0),
        ),
      );
      const z = search.space.layout.upload(
        device,
        search.space.layout.toMatrices(rows.map((row) => row.map((_, k) => (k === row.indexOf(pick(row)) ? 1 : 0)))),
      );
      return scope(() => noGrad(() => cost.of(z))).item();
    };
    expect(largest.parameters).toBeGreaterThan(smallest.parameters);
    expect(await of((row) => Math.min(...row))).toBeCloseTo(0, 5);
    expect(await of((row) => Math.max(...row))).toBeCloseTo(1, 5);
    cost.dispose();
  });

  it('names one option a choice; its child is drawn, saved as JSON and read again without a supernet', async () => {
    using search = open(name);
    const architecture = await search.strategy.derive();
    const { layout, definition, context } = search.space;
    expect(Object.keys(architecture)).toEqual(layout.choices.map((c) => c.name));
    const pictures = definition.draw?.(architecture) ?? { 'network.svg': drawSpace(search.space, architecture) };
    for (const picture of Object.values(pictures)) expect(picture).toMatch(/^<svg .*<\/svg>\n$/s);
    const child = await search.child(architecture);
    const saved = JSON.stringify({ space: definition.name, settings: definition.settings, choices: architecture });
    const read = JSON.parse(saved) as { space: string; settings: SpaceSettings; choices: Architecture };
    const again = loadChild(SPACES[read.space]!.make(read.settings), context, read.choices, await child.stateDict());
    const x = device.parameter(
      Float32Array.from(data.train.images.subarray(0, 256), (v) => v / 255),
      [4, 1, 8, 8],
    );
    child.eval();
    again.eval();
    const outputs = (layer: typeof child): Promise<ArrayLike<number>> => scope(() => noGrad(() => layer.forward(x))).data();
    expect(await outputs(again)).toEqual(await outputs(child));
    const literal = definition.literal?.print(architecture);
    const back = literal === undefined ? architecture : definition.literal!.parse(literal);
    expect(optionIndices(layout, back)).toEqual(optionIndices(layout, architecture));
    for (const network of [child, again]) network.dispose();
  });

  it('refuses a choice and an option of another space by name', () => {
    using search = open(name);
    const { layout } = search.space;
    const first = layout.choices[0]!;
    const whole = Object.fromEntries(layout.choices.map((c) => [c.name, c.options[0]!]));
    expect(() => search.space.child({ ...whole, elsewhere: 'k3' })).toThrow(/no choice elsewhere; it has /);
    expect(() => search.space.child({ ...whole, [first.name]: 'conv_9x9' })).toThrow(
      new RegExp(`choice ${first.name} has no option 'conv_9x9'`),
    );
  });
});

describe.each(['chain', 'mlp'])('on %s', (name) => {
  it.each(STRATEGY_NAMES)('%s searches and names a child', async (rival) => {
    const make: SearchOptions['strategy'] = (space) => strategy(rival, device, foldIn(key(3), 1), space);
    const short = { ...config, epochs: 1, dropPath: 0 };
    const space = SPACES[name]!.make(tiny[name]!);
    using search = new Search(device, short, data, { space, strategy: make });
    for await (const { loss } of search.run()) expect(Number.isFinite(loss)).toBe(true);
    const child = await search.child();
    expect(child.parameterCount()).toBeLessThan(search.supernet.parameterCount());
    child.dispose();
  });
});
