/** @file Measured latency: how long a child's forward pass takes on this device. */
import { smallestOf } from '../../contract/extremes.ts';
import { capture } from '../../core/capture.ts';
import { OptionError, ShapeError } from '../../contract/errors.ts';
import { noGrad } from '../../core/grad-mode.ts';
import { scope } from '../../core/scope.ts';
import { showShape } from '../../contract/shape.ts';
import { type Clock, type Elapsed, Stopwatch } from '../../core/stopwatch.ts';
import type { Tensor } from '../../core/tensor.ts';
import type { Layer } from '../../nn/module.ts';

export interface LatencyOptions {
  /** Timed samples. Default 5. */
  readonly samples?: number;
  /** Which of the samples counts. Default the median; `shortest` on a machine with other work, for what disturbs a measurement makes it longer. */
  readonly statistic?: 'median' | 'shortest';
  /** Forward passes before the first sample, which compile kernels and fill caches. Default 2. */
  readonly warmUps?: number;
}

export interface Latency {
  /** Of one forward pass on the whole batch: the median of the samples, or what `statistic` says. */
  readonly milliseconds: number;
  /** What the samples were read from. */
  readonly clock: Clock;
  /** Milliseconds of one pass, sample by sample. */
  readonly samples: readonly number[];
  /** Forward passes in one sample: more than one where a single pass is too short to be timed. */
  readonly passes: number;
}

/** A sample lasts at least this long, so that a clock that is rounded to 0.1 ms is right to 5 %. */
const LEAST_MILLISECONDS = 2;
const MOST_PASSES = 64;

/**
 * The time of a child's forward pass on `images` [n, c, h, w] (or other inputs [n, ...]): inference mode, captured once and replayed, so that what is timed is the
 * kernels and not the building of the graph. Warmed; the median of several samples. The network is left as it was: each module's training
 * flag is restored, and inference mode neither reads batch statistics nor writes running ones.
 * Throws OptionError where `samples` is not an integer of 1 or more, or `warmUps` not one of 0 or more; ShapeError where images are not [n, ...].
 */
export async function childLatency(child: Layer, images: Tensor, options: LatencyOptions = {}): Promise<Latency> {
  const { samples: count = 5, statistic = 'median', warmUps = 2 } = options;
  if (!(Number.isInteger(count) && count >= 1)) {
    throw new OptionError(`childLatency: samples ${count} must be an integer >= 1`);
  }
  if (!(Number.isInteger(warmUps) && warmUps >= 0)) {
    throw new OptionError(`childLatency: warmUps ${warmUps} must be an integer >= 0`);
  }
  if (images.rank < 2 || images.size === 0) {
    throw new ShapeError(`childLatency: images ${showShape(images.shape)} must be [n, ...] and not empty`);
  }
  const { device } = images;
  const modes = [...child.modules()].map((module) => [module, module.training] as const);
  child.eval();
  const stopwatch = new Stopwatch(device);
  const pass = capture(() => noGrad(() => child.forward(images)), { device });
  const sample = (passes: number): Promise<Elapsed> =>
    stopwatch.time(() => {
      for (let i = 0; i < passes; i++) scope(() => void pass());
    });
  try {
    await pass.prepare([]);
    let shortest = Infinity;
    for (let i = 0; i < Math.max(1, warmUps); i++) shortest = Math.min(shortest, (await sample(1)).milliseconds);
    const passes = Math.min(MOST_PASSES, Math.max(1, Math.ceil(LEAST_MILLISECONDS / Math.max(shortest, 1e-3))));
    const elapsed: Elapsed[] = [];
    for (let i = 0; i < count; i++) elapsed.push(await sample(passes));
    return latencyFrom(elapsed, passes, statistic);
  } finally {
    pass.dispose();
    stopwatch.dispose();
    for (const [module, training] of modes) module.training = training;
  }
}

/** The latency of one pass from samples of several passes each; wall time where any sample had no timestamps, for times of two clocks have no common median. */
export function latencyFrom(elapsed: readonly Elapsed[], passes: number, statistic: 'median' | 'shortest'): Latency {
  const clock = elapsed.every((e) => e.clock === 'timestamps') ? 'timestamps' : 'wall';
  const samples = elapsed.map((e) => (clock === 'wall' ? e.wall : e.milliseconds) / passes);
  const milliseconds = statistic === 'shortest' ? smallestOf(samples) : median(samples);
  return { milliseconds, clock, samples, passes };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
