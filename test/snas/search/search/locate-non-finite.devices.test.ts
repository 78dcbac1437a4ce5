/** @file A search whose numbers stop being finite tells the step in which they do, and the operation, however late it was noticed. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cpu, type Device, key, NonFiniteError } from '../../../../src/index.ts';
import { Search, type SearchConfig, Snas, type StrategyStep } from '../../../../src/snas/index.ts';
import { openDevice } from '../../../support/device.ts';
import { quadrants, TINY } from '../../../support/tiny-search.ts';

// Two epochs of four steps; the temperature goes from 1 to 0.2 in equal parts.
const CONFIG: SearchConfig = { ...TINY, network: { ...TINY.network, nodes: 1 } };
const data = { train: quadrants(32, 1), validation: quadrants(16, 2) };
/** The sixth step has the first temperature below a half: 1 - 0.8 * 5 / 7. */
const PLANTED = 6;

/** SNAS that divides by 0 where the temperature is below a half. */
class Planted extends Snas {
  override inputs(step: StrategyStep): ReturnType<Snas['inputs']> {
    const drawn = super.inputs(step);
    return step.temperature < 0.5 ? { ...drawn, temperature: drawn.temperature.device.zeros(drawn.temperature.shape) } : drawn;
  }
}

let opened: Device;
beforeAll(async () => {
  opened = await openDevice();
});
afterAll(() => opened.destroy());

function planted(device: Device, eager: boolean): Search {
  return new Search(device, CONFIG, data, { eager, strategy: (space) => new Planted(device, key(1), space) });
}

describe.each(['opened', 'float32 CPU'])('on the %s device', (which) => {
  const open = (): Device => (which === 'opened' ? opened : cpu({ dtype: 'float32' }));

  it.each([
    ['captured', false],
    ['eager', true],
  ] as const)('%s: the run ends where the loss is read, and the step that is found is the planted one', async (_, eager) => {
    const device = open();
    using search = planted(device, eager);
    const start = await search.state();
    const run = async (): Promise<void> => {
      for await (const _epoch of search.run()) continue;
    };
    await expect(run()).rejects.toThrow(NonFiniteError);
    expect(search.step).toBe(8);
    using again = planted(device, eager);
    again.loadState(start);
    const looked: number[] = [];
    const located = await again.locateNonFinite({ onStep: (step) => void looked.push(step) });
    expect(looked).toEqual([1, 2, 3, 4, 5]);
    expect(located).toMatchObject({ step: PLANTED, found: { operation: 'div', inputsFinite: true, backwardOf: undefined } });
  });

  it('tells a state that is not finite from the start, and finds nothing where nothing is', async () => {
    using search = new Search(open(), CONFIG, data);
    expect(await search.locateNonFinite()).toBeUndefined();
    expect(search.step).toBe(8);
    const state = await search.state();
    const name = Object.keys(state).find((n) => n.startsWith('supernet.'))!;
    state[name]!.data[0] = Number.NaN;
    search.loadState(state);
    await expect(search.locateNonFinite()).rejects.toThrow(`search: ${name} is not finite at step 8 already`);
  });
});
