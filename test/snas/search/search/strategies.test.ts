/** @file Every architecture strategy runs through the search: what learns moves, figures are finite, a saved state continues to the byte. */
import { describe, expect, it } from 'vitest';
import { strategy, STRATEGY_NAMES, type StrategyName } from '../../../../src/baselines/index.ts';
import { cpu, key } from '../../../../src/index.ts';
import type { StateDict } from '../../../../src/nn/module.ts';
import { type EpochMetrics, Search, type SearchConfig } from '../../../../src/snas/index.ts';
import { quadrants, runUntil, TINY } from '../../../support/tiny-search.ts';

const device = cpu({ dtype: 'float32' });
const data = { train: quadrants(16, 1), validation: quadrants(8, 2) };
const LEARN_NOTHING: readonly StrategyName[] = ['random', 'uniform'];

/** Two epochs of two steps on cells of one node. Without decay of log alpha, which would move it without a gradient. */
const CONFIG: SearchConfig = {
  ...TINY,
  network: { ...TINY.network, nodes: 1 },
  architecture: { ...TINY.architecture, weightDecay: 0 },
  dropPath: 0.2,
  calibrationBatches: 1,
};

function searchWith(name: StrategyName): Search {
  return new Search(device, CONFIG, data, { strategy: (space) => strategy(name, device, key(7), space) });
}

type Seeded = Omit<EpochMetrics, 'imagesPerSecond'>;

/** Runs to the end, or until `stopAfter` steps are done. */
async function run(search: Search, stopAfter?: number): Promise<Seeded[]> {
  const out: Seeded[] = [];
  for await (const { imagesPerSecond: _, ...seeded } of runUntil(search, stopAfter)) out.push(seeded);
  return out;
}

function bytesOf(state: StateDict): Record<string, string> {
  return Object.fromEntries(
    Object.entries(state).map(([name, { data: d }]) => [name, Buffer.from(d.buffer, d.byteOffset, d.byteLength).toString('hex')]),
  );
}

/** Names of the state that differs. */
function changed(before: StateDict, after: StateDict): string[] {
  const [a, b] = [bytesOf(before), bytesOf(after)];
  return Object.keys(a).filter((name) => a[name] !== b[name]);
}

describe.each(STRATEGY_NAMES)('a search with %s', (name) => {
  it('moves weights and architecture with finite figures, and continues from any step to the bytes of the unbroken run', async () => {
    using whole = searchWith(name);
    const before = await whole.state();
    const epochs = await run(whole);
    const end = await whole.state();
    expect(epochs.map((e) => e.step)).toEqual([2, 4]);
    for (const epoch of epochs) {
      for (const [figure, value] of Object.entries(epoch)) expect(Number.isFinite(value), figure).toBe(true);
      expect(epoch.entropy).toBeGreaterThan(0);
      expect(epoch.entropy).toBeLessThanOrEqual(Math.log(8) + 1e-6);
    }
    const moved = changed(before, end);
    expect(moved).toContain('supernet.classifier.weight');
    expect(moved).toContain('supernet.stem.0.weight');
    const names = new Map([...whole.strategy.stateDict()].map(([n, t]) => [t, `architecture.${n}`]));
    const parameters = whole.strategy.parameters().map((p) => names.get(p)!);
    expect(parameters.length === 0).toBe(LEARN_NOTHING.includes(name));
    expect(parameters.filter((p) => !moved.includes(p))).toEqual([]);

    // Within an epoch, and between two.
    for (const steps of [1, 2]) {
      using begun = searchWith(name);
      await run(begun, steps);
      expect(begun.step).toBe(steps);
      using resumed = searchWith(name);
      resumed.loadState(await begun.state());
      const rest = await run(resumed);
      expect(bytesOf(await resumed.state())).toEqual(bytesOf(end));
      expect(rest.at(-1)).toEqual(epochs.at(-1));
    }
  });
});
