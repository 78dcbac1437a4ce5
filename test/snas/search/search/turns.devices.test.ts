/** @file A search, an evaluation and a training let the rest of a page run after every step, and stop when they are told to. */
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { cpu, type Device, key } from '../../../../src/index.ts';
import {
  architectureGenotype,
  ChildNetwork,
  type ChildTrainingConfig,
  type EpochMetrics,
  type Genotype,
  scoreChild,
  Search,
  trainChild,
} from '../../../../src/snas/index.ts';
import { openDevice } from '../../../support/device.ts';
import { quadrants, TINY, type TinyConfig } from '../../../support/tiny-search.ts';
import { turnsDuring } from '../../../support/turns.ts';

const CONFIG: TinyConfig = { ...TINY, network: { ...TINY.network, nodes: 1 } };
// Evaluations take 64 images at once: two batches, the last of which is not full.
const data = { train: quadrants(32, 1), validation: quadrants(72, 2) };
const BATCHES = 2;
/** Of the turns: the messages of two channels are not in one queue. Without turns there is none. */
const MOST = 0.5;

const TRAINING: ChildTrainingConfig = {
  seed: 1,
  epochs: 2,
  batchSize: 8,
  lr: 0.05,
  momentum: 0.9,
  weightDecay: 3e-4,
  clip: 5,
  dropPath: 0.2,
  auxiliaryWeight: 0.4,
};

let opened: Device;
beforeAll(async () => {
  opened = await openDevice();
});
afterAll(() => opened.destroy());

// WebGPU's waits are tasks of their own, the CPU device's are not; so in a page that is tried too, and not in Node twice.
const inPage = typeof document !== 'undefined';
const devices = inject('device') === 'cpu' ? ['cpu'] : inPage ? ['webgpu', 'cpu'] : ['webgpu'];

describe.each(devices)('on %s', (which) => {
  const open = (): Device => (which === 'cpu' ? cpu({ dtype: 'float32' }) : opened);

  it('others have their turn after every step of a search and every batch of its evaluations', async () => {
    using search = new Search(open(), CONFIG, data);
    const { count } = await turnsDuring(async () => {
      for await (const _ of search.run()) continue;
    });
    // An epoch's evaluation: the parent, the batches that recompute the child's statistics, and the child.
    const batches = CONFIG.epochs * (BATCHES + CONFIG.calibrationBatches + BATCHES);
    expect(count).toBeGreaterThanOrEqual(MOST * (search.steps + batches));
  });

  it('others have their turn after every step of a training and every batch of its score', async () => {
    const device = open();
    const genotype = await genotypeOf(device);
    using child = new ChildNetwork(device, key(1), CONFIG.network, genotype);
    const { count } = await turnsDuring(async () => {
      for await (const _ of trainChild(device, child, data.train, TRAINING)) continue;
    });
    expect(count).toBeGreaterThanOrEqual(MOST * TRAINING.epochs * (32 / TRAINING.batchSize));
    const scored = await turnsDuring(async () => void (await scoreChild(device, child, data.train, data.validation)));
    expect(scored.count).toBeGreaterThanOrEqual(MOST * BATCHES);
  });

  it('a timer waits for no longer than a step, or 50 ms', async () => {
    const device = open();
    // An epoch's steps are longer than an evaluation's batches, which are of as many images and go forward only.
    const config = { ...CONFIG, epochs: 4, batchSize: 64, calibrationBatches: 1 };
    using search = new Search(device, config, { train: quadrants(256, 1), validation: quadrants(128, 2) });
    let [before, longestStep] = [performance.now(), 0];
    const afterStep = (): void => {
      const now = performance.now();
      longestStep = Math.max(longestStep, now - before);
      before = now;
    };
    const epochs = search.run({ afterStep });
    // In the first epoch kernels are compiled. Others use this machine too, so one epoch of three is asked for.
    await epochs.next();
    const said: string[] = [];
    for (let epoch = 1; epoch < config.epochs; epoch++) {
      [before, longestStep] = [performance.now(), 0];
      const { longestGap } = await turnsDuring(async () => void (await epochs.next()));
      said.push(`longest gap ${longestGap.toFixed(1)} ms, longest step ${longestStep.toFixed(1)} ms`);
      if (longestGap <= Math.max(50, 1.5 * longestStep)) return;
    }
    expect.fail(`${device.name}: ${said.join('; ')}`);
  });

  it('a timeout stops a search in the midst of an epoch, and its reason is thrown', async () => {
    using search = new Search(open(), { ...CONFIG, epochs: 100_000 }, data);
    const error: unknown = await all(search.run({ signal: AbortSignal.timeout(30) })).catch((e: unknown) => e);
    expect(error).toMatchObject({ name: 'TimeoutError' });
    expect(search.step).toBeLessThan(search.steps);
  });

  it('stopped at any step, or in any batch of an evaluation, it goes on to the figures of the unbroken run', async () => {
    const device = open();
    using whole = new Search(device, CONFIG, data);
    const expected = await all(whole.run());
    const end = await whole.state();
    // How often the signal has been asked when it is aborted: twice a turn, and before the first. In turns, an epoch is 4 steps, 2 batches
    // of the parent, 2 that recompute the child's statistics and 2 of the child; one turn comes before it.
    const turn = (n: number): number => 2 * (1 + n);
    for (const asked of [turn(2), turn(5), turn(8), turn(10 + 9)]) {
      using begun = new Search(device, CONFIG, data);
      const metrics = await stopped(begun, asked);
      // The same search goes on, and another from its state.
      const state = await begun.state();
      using resumed = new Search(device, CONFIG, data);
      resumed.loadState(state);
      expect([...metrics, ...(await all(resumed.run()))]).toEqual(expected);
      expect([...metrics, ...(await all(begun.run()))]).toEqual(expected);
      expect(await resumed.state()).toEqual(end);
      expect(await begun.state()).toEqual(end);
    }
  });

  it('a signal that was aborted before keeps it from doing anything', async () => {
    const device = open();
    using search = new Search(device, CONFIG, data);
    const reason = new Error('no more');
    const signal = AbortSignal.abort(reason);
    await expect(search.run({ signal }).next()).rejects.toBe(reason);
    expect([search.step, search.captured]).toEqual([0, undefined]);
    await expect(search.childScore(data.validation, undefined, { signal })).rejects.toBe(reason);
    using child = new ChildNetwork(device, key(1), CONFIG.network, await derived(search));
    await expect(trainChild(device, child, data.train, TRAINING, { signal }).next()).rejects.toBe(reason);
    await expect(scoreChild(device, child, data.train, data.validation, { signal })).rejects.toBe(reason);
  });

  it('leaves nothing behind when it was stopped in an evaluation or a training', async () => {
    const device = open();
    using search = new Search(device, { ...CONFIG, epochs: 1 }, data);
    const architecture = await search.strategy.derive();
    using child = new ChildNetwork(device, key(1), CONFIG.network, await derived(search));
    const attempt = async (): Promise<void> => {
      for (const after of [1, 2, 3, 4, 5]) {
        const reason = new Error('enough');
        const signal = abortedAfter(after, reason);
        await expect(search.childScores(data.validation, architecture, { signal })).rejects.toBe(reason);
        const training = all(trainChild(device, child, data.train, TRAINING, { signal: abortedAfter(after, reason) }));
        await expect(training).rejects.toBe(reason);
      }
    };
    await attempt();
    const { tensors } = device.memory();
    await attempt();
    expect(device.memory().tensors).toBe(tensors);
    expect([child.training, search.supernet.training]).toEqual([false, true]);
  });
});

async function derived(search: Search): Promise<Genotype> {
  return architectureGenotype(await search.strategy.derive(), 1);
}

async function genotypeOf(device: Device): Promise<Genotype> {
  using search = new Search(device, CONFIG, data);
  return await derived(search);
}

/** A signal that is found aborted when it is asked for the n-th time. */
function abortedAfter(n: number, reason: Error): AbortSignal {
  const stop = new AbortController();
  let asked = 0;
  const throwIfAborted = stop.signal.throwIfAborted.bind(stop.signal);
  return Object.assign(stop.signal, {
    throwIfAborted: () => {
      if (++asked === n) stop.abort(reason);
      throwIfAborted();
    },
  });
}

type Seeded = Omit<EpochMetrics, 'imagesPerSecond'>;

async function all<T extends object>(results: AsyncIterable<T>): Promise<Omit<T, 'imagesPerSecond'>[]> {
  const out: Omit<T, 'imagesPerSecond'>[] = [];
  for await (const result of results) {
    const { imagesPerSecond: _, ...seeded } = result as T & { imagesPerSecond?: number };
    out.push(seeded);
  }
  return out;
}

/** The figures of a run that is aborted when its signal is asked for the n-th time. */
async function stopped(search: Search, n: number): Promise<Seeded[]> {
  const reason = new Error('stopped');
  const out: Seeded[] = [];
  try {
    for await (const { imagesPerSecond: _, ...seeded } of search.run({ signal: abortedAfter(n, reason) })) out.push(seeded);
  } catch (error) {
    if (error !== reason) throw error;
    return out;
  }
  throw new Error(`the signal was asked for fewer than ${n} times`);
}
