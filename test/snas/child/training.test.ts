/** @file Training a child from scratch: it learns, and schedule, losses, statistics and repeatability are what they are said to be. */
import { describe, expect, it } from 'vitest';
import { grad } from '../../../src/core/autograd.ts';
import { cpu } from '../../../src/devices/cpu.ts';
import { batches, channelStatistics, type Dataset } from '../../../src/data/index.ts';
import type { Device } from '../../../src/core/tensor.ts';
import { NonFiniteError, OptionError } from '../../../src/contract/errors.ts';
import { add, mul } from '../../../src/core/ops.ts';
import { foldIn, key } from '../../../src/core/random.ts';
import { scope } from '../../../src/core/scope.ts';
import type { EdgeMask } from '../../../src/snas/spaces/darts/cell.ts';
import {
  type ChildTrainingConfig,
  type ChildTrainingOptions,
  type CopyState,
  scoreChild,
  trainChild,
  type TrainedEpoch,
} from '../../../src/snas/child/training.ts';
import { type Genotype, genotypeFromChoices, OPERATIONS } from '../../../src/snas/spaces/darts/genotype.ts';
import { ChildNetwork } from '../../../src/snas/spaces/darts/network.ts';
import type { StateDict } from '../../../src/nn/index.ts';
import { crossEntropy } from '../../../src/core/cross-entropy.ts';
import { quadrants } from '../../support/tiny-search.ts';

const float64 = cpu({ dtype: 'float64' });
const float32 = cpu({ dtype: 'float32' });
const NETWORK = { channels: 2, cells: 3, classes: 4, inChannels: 1 };
/** Two nodes: separable and dilated convolutions, a pool and skips. */
const CELL: Genotype = genotypeFromChoices({ normal: [4, 3, 6, 1, 3], reduce: [1, 6, 3, 0, 4] }, 2);

const PLAIN: ChildTrainingConfig = {
  seed: 5,
  epochs: 1,
  batchSize: 8,
  lr: 0.1,
  momentum: 0,
  weightDecay: 0,
  clip: 1e9,
  dropPath: 0,
  auxiliaryWeight: 0,
};

function child(device: Device = float64, auxiliary = false): ChildNetwork {
  return new ChildNetwork(device, key(1), NETWORK, CELL, { auxiliary });
}

async function trained(
  network: ChildNetwork,
  data: Dataset,
  config: Partial<ChildTrainingConfig>,
  options: ChildTrainingOptions = {},
): Promise<TrainedEpoch[]> {
  const epochs: TrainedEpoch[] = [];
  const { device } = network.classifier.weight;
  for await (const epoch of trainChild(device, network, data, { ...PLAIN, ...config }, options)) epochs.push(epoch);
  return epochs;
}

async function weightsOf(network: ChildNetwork): Promise<number[]> {
  return (await Promise.all(network.parameters().map(async (p) => [...(await p.data())]))).flat();
}

/** What each training step hands to the network. */
function watch(network: ChildNetwork): { images: number[][]; masks: (EdgeMask | undefined)[] } {
  const seen: { images: number[][]; masks: (EdgeMask | undefined)[] } = { images: [], masks: [] };
  const forward = network.forwardBoth.bind(network);
  network.forwardBoth = (images, options) => {
    void images.data().then((data) => seen.images.push([...data]));
    seen.masks.push(options?.pathMask);
    return forward(images, options);
  };
  return seen;
}

describe('a training that is broken off', () => {
  const data = quadrants(24, 1);
  const config = {
    epochs: 3,
    momentum: 0.9,
    weightDecay: 1e-3,
    clip: 5,
    dropPath: 0.4,
    auxiliaryWeight: 0.4,
    augment: { crop: 1, flip: true, cutout: 2 },
  };

  it('goes on from its state to the weights and figures of the unbroken one, to the bit', async () => {
    const whole = child(float32, true);
    const figures = await trained(whole, data, config);
    const weights = await whole.stateDict();
    // Within epochs, at their ends and at the end of all.
    for (const stopAt of [1, 3, 5, 9]) {
      const stop = new AbortController();
      let saved: StateDict | undefined;
      const told: TrainedEpoch[] = [];
      const afterStep = async (step: number, state: CopyState): Promise<void> => {
        // Heard between two steps, and the state is still to be had then.
        if (step === stopAt) stop.abort(new Error('stopped'));
        if (stop.signal.aborted) saved = await state();
      };
      const first = child(float32, true);
      const run = trainChild(float32, first, data, { ...PLAIN, ...config }, { afterStep, signal: stop.signal });
      await expect(
        (async () => {
          for await (const epoch of run) told.push(epoch);
        })(),
      ).rejects.toThrow('stopped');
      expect(told).toEqual(figures.slice(0, Math.floor((stopAt - 1) / 3)));
      const second = child(float32, true);
      const rest = await trained(second, data, config, { from: saved! });
      expect([...told, ...rest]).toEqual(figures);
      expect(await second.stateDict()).toEqual(weights);
    }
  });

  it('goes on from the state that is copied when figures were told, without telling them twice', async () => {
    const whole = child(float32, true);
    const figures = await trained(whole, data, config);
    let state: CopyState | undefined;
    const first = child(float32, true);
    const run = trainChild(float32, first, data, { ...PLAIN, ...config }, { afterStep: (_step, copy) => void (state = copy) });
    await run.next();
    const from = await state!();
    await run.return();
    expect(await trained(child(float32, true), data, config, { from })).toEqual(figures.slice(1));
  });

  it.each([
    ['of a step that is none', (s: StateDict) => (s['training']!.data[0] = 31.5)],
    ['of more steps than there are', (s: StateDict) => (s['training']!.data[0] = 10)],
    ['without a place', (s: StateDict) => delete s['training']],
    ['without a weight', (s: StateDict) => delete s[Object.keys(s).find((name) => name.startsWith('network.'))!]],
  ])('refuses a state %s', async (_what, damage) => {
    let from: StateDict = {};
    const keepFirst = async (_step: number, copy: CopyState): Promise<void> => void (from = await copy());
    await trained(child(float32, true), data, { ...config, epochs: 1 }, { afterStep: keepFirst });
    damage(from);
    await expect(trained(child(float32, true), data, config, { from })).rejects.toThrow(OptionError);
  });
});

describe('training a child', () => {
  it('learns a separable problem: from chance to 95 % of images it has not seen, with cutout and drop path', async () => {
    const [train, test] = [quadrants(128, 1), quadrants(128, 2)];
    const network = child(float32);
    const before = await scoreChild(float32, network, train, test);
    const epochs = await trained(network, train, {
      epochs: 8,
      batchSize: 16,
      momentum: 0.9,
      weightDecay: 3e-4,
      clip: 5,
      dropPath: 0.2,
      augment: { cutout: 2 },
    });
    expect(before.accuracy).toBeLessThan(0.6);
    expect((await scoreChild(float32, network, train, test)).accuracy).toBeGreaterThan(0.95);
    expect(epochs.map((e) => e.epoch)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(epochs.at(-1)!.loss).toBeLessThan(epochs[0]!.loss / 2);
  });

  it('takes the learning rate down half a cosine to 0 by step: a clipped gradient moves the weights by lr(t) clip', async () => {
    const network = child();
    const clip = 1e-3;
    const lengths: number[] = [];
    let before = await weightsOf(network);
    // One step an epoch, so that the weights can be read after every step.
    for await (const _ of trainChild(float64, network, quadrants(8, 1), { ...PLAIN, epochs: 6, lr: 0.5, clip })) {
      const now = await weightsOf(network);
      lengths.push(Math.hypot(...now.map((v, i) => v - before[i]!)));
      before = now;
    }
    lengths.forEach((length, t) => {
      const lr = 0.25 * (1 + Math.cos((Math.PI * t) / 6));
      // Clipping adds 1e-6 to the norm that it divides by.
      expect(length / (lr * clip)).toBeCloseTo(1, 4);
    });
  });

  it('adds the auxiliary loss times its weight to what is descended and not to the loss that is reported', async () => {
    const data = quadrants(8, 1);
    const [network, reference] = [child(float32, true), child(float32, true)];
    const [{ loss }] = (await trained(network, data, { auxiliaryWeight: 0.4 })) as [TrainedEpoch];
    reference.train();
    const [batch] = batches(data, { batchSize: 8, key: foldIn(key(5), 0), standardise: channelStatistics(data) });
    const labels = float32.tensor(batch!.labels);
    const [logits, auxiliary] = reference.forwardBoth(float32.tensor(batch!.images, [8, 1, 8, 8]));
    const main = crossEntropy(logits, labels);
    const weights = reference.parameters();
    const gradients = grad(add(main, mul(crossEntropy(auxiliary!, labels), 0.4)), weights);
    expect(loss).toBeCloseTo(await main.item(), 6);
    const after = network.parameters();
    for (const [i, w] of weights.entries()) {
      const [start, g, end] = [[...(await w.data())], await gradients[i]!.data(), await after[i]!.data()];
      const worst = start.reduce((d, v, j) => Math.max(d, Math.abs(v - 0.1 * g[j]! - end[j]!)), 0);
      expect(worst).toBeLessThan(1e-6);
    }
  });

  it('drops paths with a probability that rises linearly by epoch from 0 to p (E - 1) / E, skips never, anew for every step and sample', async () => {
    const [epochs, stepsPerEpoch, p] = [4, 3, 0.4];
    const network = child();
    const skip = OPERATIONS.indexOf('skip_connect');
    /** The masks of each step: of operations that may be dropped, and of skips. */
    const steps: number[][] = [];
    let masksOfSkips = 0;
    const forward = network.forwardBoth.bind(network);
    network.forwardBoth = (images, options) => {
      const values: number[] = [];
      steps.push(values);
      for (const [cell, { chosen }] of network.cells.entries()) {
        for (const [place, { operation }] of chosen.entries()) {
          const mask = options?.pathMask?.(cell, place, operation.column);
          if (mask && operation.column === skip) masksOfSkips++;
          else if (mask) void mask.data().then((data) => values.push(...data));
        }
      }
      return forward(images, options);
    };
    await trained(network, quadrants(24, 1), { epochs, dropPath: p }, { eager: true });
    const droppable = network.cells.flatMap((cell) => cell.chosen).filter(({ operation }) => operation.column !== skip).length;
    expect(droppable).toBeGreaterThanOrEqual(6);
    expect(masksOfSkips).toBe(0);
    expect(steps.map((s) => s.length)).toEqual(
      Array.from({ length: epochs * stepsPerEpoch }, (_, i) => (i < stepsPerEpoch ? 0 : 8 * droppable)),
    );
    // 0 or 1 / (1 - probability): the surviving value tells the probability.
    const survivors = steps.map((s) => [...new Set(s.filter((v) => v !== 0).map((v) => v.toFixed(9)))]);
    expect(survivors).toEqual(
      steps.map((_, i) => {
        const epoch = Math.floor(i / stepsPerEpoch);
        return epoch === 0 ? [] : [(1 / (1 - (p * epoch) / epochs)).toFixed(9)];
      }),
    );
    const patterns = steps.slice(stepsPerEpoch).map((s) => s.map((v) => (v === 0 ? '0' : '1')).join(''));
    expect(new Set(patterns).size).toBe(patterns.length);
    const last = steps.slice(-stepsPerEpoch).flat();
    // Binomial with probability 0.3: |z| < 4.
    expect(Math.abs(last.filter((v) => v === 0).length - 0.3 * last.length)).toBeLessThan(4 * Math.sqrt(last.length * 0.21));
  });

  it('cuts squares out of training images, and out of none that it scores', async () => {
    const data = quadrants(16, 1);
    const network = child();
    const seen = watch(network);
    await trained(network, data, { augment: { cutout: 4 } }, { eager: true });
    expect(seen.images).toHaveLength(2);
    // A square of 4 that may hang over the border leaves 4 to 16 pixels at 0, the mean.
    const erased = seen.images.flatMap((batch) =>
      Array.from({ length: 8 }, (_, i) => batch.slice(64 * i, 64 * (i + 1)).filter((v) => v === 0).length),
    );
    for (const count of erased) {
      expect(count).toBeGreaterThanOrEqual(4);
      expect(count).toBeLessThanOrEqual(16);
    }
    const scored: number[] = [];
    const forward = network.forward.bind(network);
    network.forward = (images, options) => {
      void images.data().then((pixels) => scored.push(...pixels));
      return forward(images, options);
    };
    await scoreChild(float64, network, data, data);
    expect(scored).toHaveLength(16 * 64);
    expect(scored.filter((v) => v === 0)).toEqual([]);
  });

  it('gives the same weights, running statistics and figures to the last bit for the same seed, and others for another seed', async () => {
    const data = quadrants(24, 1);
    const config = { epochs: 2, momentum: 0.9, dropPath: 0.3, augment: { crop: 1, flip: true, cutout: 2 } };
    const run = async (seed: number): Promise<unknown> => {
      const network = child(float32);
      const figures = await trained(network, data, { ...config, seed });
      return { figures, state: await network.stateDict() };
    };
    const first = await run(5);
    expect(await run(5)).toEqual(first);
    expect(await run(6)).not.toEqual(first);
  });

  it('takes from the seed both the order of images and the paths that it drops', async () => {
    const data = quadrants(16, 1);
    const distance = async (config: Partial<ChildTrainingConfig>): Promise<number> => {
      const [a, b] = [child(), child()];
      await trained(a, data, { ...config, seed: 5 });
      await trained(b, data, { ...config, seed: 6 });
      const [x, y] = [await weightsOf(a), await weightsOf(b)];
      return Math.hypot(...x.map((v, i) => v - y[i]!));
    };
    // With all images in one batch their order is nothing but rounding; in two batches it matters.
    expect(await distance({ epochs: 2, batchSize: 16 })).toBeLessThan(1e-10);
    expect(await distance({ epochs: 2, batchSize: 8 })).toBeGreaterThan(1e-4);
    expect(await distance({ epochs: 2, batchSize: 16, dropPath: 0.4 })).toBeGreaterThan(1e-4);
  });

  it('has the same weights and figures to the last bit whether its steps are captured or built anew', async () => {
    const data = quadrants(24, 1);
    const config = { epochs: 3, momentum: 0.9, weightDecay: 3e-4, clip: 5, dropPath: 0.3, augment: { cutout: 2 } };
    const run = async (eager: boolean): Promise<unknown> => {
      const network = child(float32);
      const figures = await trained(network, data, config, { eager });
      return { figures, state: await network.stateDict() };
    };
    expect(await run(false)).toEqual(await run(true));
  });

  it('reports figures of one epoch, not sums over all: with a learning rate of nearly nothing every epoch has the same loss', async () => {
    const epochs = await trained(child(), quadrants(16, 1), { epochs: 3, batchSize: 16, lr: 1e-12 });
    for (const { loss, accuracy } of epochs) {
      expect(loss).toBeCloseTo(epochs[0]!.loss, 9);
      expect(accuracy).toBe(epochs[0]!.accuracy);
    }
  });

  it('stops with a typed error that names the learning rate when the loss is not finite', async () => {
    const failure = trained(child(float32), quadrants(16, 1), { epochs: 3, lr: 1e9 });
    await expect(failure).rejects.toThrow(NonFiniteError);
    await expect(failure).rejects.toThrow(/learning rate \(1000000000\)/);
  });

  it('refuses settings that make no sense, by name, and leaves nothing on the device', async () => {
    const data = quadrants(8, 1);
    const network = child();
    const memory = float64.memory();
    for (const [wrong, message] of [
      [{ epochs: 0 }, /epochs 0/],
      [{ batchSize: 9 }, /8 training images make no batch of 9/],
      [{ lr: -1 }, /lr -1/],
      [{ dropPath: 1 }, /dropPath 1 must be in \[0, 1\)/],
      [{ auxiliaryWeight: -0.4 }, /auxiliaryWeight -0.4/],
      [{ clip: 0 }, /clip 0/],
    ] as const) {
      const failure = trained(network, data, wrong);
      await expect(failure).rejects.toThrow(OptionError);
      await expect(failure).rejects.toThrow(message);
    }
    expect(float64.memory()).toEqual(memory);
  });
});

describe('scoring a child', () => {
  it('uses the running statistics of its batch norms, so that an image is scored the same whatever stands beside it', async () => {
    const [train, test] = [quadrants(16, 1), quadrants(12, 2)];
    const network = child();
    await trained(network, train, { epochs: 2 });
    // A network left in training mode is scored all the same.
    network.train();
    const whole = await scoreChild(float64, network, train, test);
    const parts = await Promise.all(
      [0, 4, 8].map((from) =>
        scoreChild(float64, network, train, {
          ...test,
          images: test.images.slice(64 * from, 64 * (from + 4)),
          labels: test.labels.slice(from, from + 4),
        }),
      ),
    );
    expect(parts.reduce((s, p) => s + p.loss, 0) / 3).toBeCloseTo(whole.loss, 12);
  });

  it("standardises by the training images' statistics: its loss is that of the images so standardised", async () => {
    const [train, test] = [quadrants(16, 1), quadrants(8, 2)];
    // Darker test images: by their own statistics they would look like the training images.
    const dark = { ...test, images: test.images.map((v) => v >> 1) };
    const network = child().eval();
    const { mean, std } = channelStatistics(train);
    const x = float64.tensor(
      Float64Array.from(dark.images, (v) => Math.fround((v / 255 - mean[0]!) / std[0]!)),
      [8, 1, 8, 8],
    );
    const expected = scope(() => crossEntropy(network.forward(x), float64.tensor(Float64Array.from(dark.labels))));
    expect((await scoreChild(float64, network, train, dark)).loss).toBeCloseTo(await expected.item(), 12);
  });
});
