/**
 * @file The latency of a child as a price: 0 for the fastest and 1 for the slowest of the networks in which every choice takes its k-th option (the
 * last, where it has fewer), k = 0, 1, ...: of DARTS cells the empty network, and the slowest of those with one operation everywhere.
 */
import { largestOf } from '../../contract/extremes.ts';
import { OptionError } from '../../contract/errors.ts';
import type { StateDict } from '../../nn/module.ts';
import { key, normals } from '../../core/random.ts';
import { type Shape, sizeOf } from '../../contract/shape.ts';
import type { Clock } from '../../core/stopwatch.ts';
import type { Tensor } from '../../core/tensor.ts';
import type { BlackBox, BlackBoxFactory } from './black-box.ts';
import { type Architecture, architectureOf } from '../space/architecture.ts';
import { childLatency, type Latency, type LatencyOptions } from './latency.ts';
import type { SearchSpace } from '../space/search-space.ts';

/** What a price is measured in: times of a forward pass on one batch, milliseconds. */
export interface LatencyUnit {
  /** Of the fastest network that takes one option everywhere, and which option that is. */
  readonly fastest: number;
  readonly fastestOption: string;
  /** Of the slowest. */
  readonly slowest: number;
  readonly slowestOption: string;
  readonly clock: Clock;
}

export interface MeasuredLatencyOptions extends LatencyOptions {
  /** Called when the unit has been measured, before the first price; not in a search that continues a saved one, which keeps its unit. */
  readonly onUnit?: (unit: LatencyUnit) => void;
}

/** The time of a network that takes one option everywhere. */
export interface UniformTime {
  /** Its name; of choices with other options, 'option 2'. */
  readonly option: string;
  readonly milliseconds: number;
  readonly clock: Clock;
}

/** The unit from the times of all networks that take one option everywhere. OptionError where none of them takes longer than the fastest. */
export function latencyUnit(times: readonly UniformTime[]): LatencyUnit {
  const [first] = times;
  if (!first) throw new OptionError('latency: no times were measured');
  const fastest = times.reduce((a, b) => (b.milliseconds < a.milliseconds ? b : a), first);
  const slowest = times.reduce((a, b) => (b.milliseconds > a.milliseconds ? b : a), first);
  if (slowest.milliseconds <= fastest.milliseconds) {
    throw new OptionError(
      `latency: no option takes longer than another on this device (${first.milliseconds.toFixed(3)} ms, ${first.clock}); ` +
        'take a larger batch or network, a quieter machine, or another cost',
    );
  }
  return {
    fastest: fastest.milliseconds,
    fastestOption: fastest.option,
    slowest: slowest.milliseconds,
    slowestOption: slowest.option,
    clock: slowest.clock,
  };
}

/**
 * price = (t(child) - t(fastest)) / (t(slowest) - t(fastest)), t the median time of a forward pass of the child, with the parent's weights, on a
 * batch of the search's size. The two references are measured once, at the first price, so that eta is a price in nats for about the dearest network at every size and on
 * every device. A price is a measurement: below 0 or above 1 by its noise, or where mixed options are slower than one everywhere.
 */
export class RelativeLatency implements BlackBox {
  readonly #space: SearchSpace;
  readonly #images: Tensor;
  readonly #options: MeasuredLatencyOptions;
  /** Milliseconds of the fastest and of the slowest network. */
  #unit: Pick<LatencyUnit, 'fastest' | 'slowest'> | undefined;

  constructor(space: SearchSpace, images: Shape, options: MeasuredLatencyOptions = {}) {
    this.#space = space;
    // Standardised pixels; a forward pass takes as long whatever they are.
    this.#images = space.device.parameter(normals(key(0), sizeOf(images)), images);
    this.#options = options;
  }

  async price(child: Architecture): Promise<number> {
    const { fastest, slowest } = (this.#unit ??= await this.#measureUnit());
    return ((await this.#time(child)).milliseconds - fastest) / (slowest - fastest);
  }

  state(): StateDict {
    return this.#unit ? { latency_unit: { shape: [2], data: Float64Array.of(this.#unit.fastest, this.#unit.slowest) } } : {};
  }

  loadState(state: StateDict): void {
    const [fastest, slowest] = state['latency_unit']?.data ?? [];
    this.#unit = fastest === undefined || slowest === undefined ? undefined : { fastest, slowest };
  }

  dispose(): void {
    this.#images.dispose();
  }

  async #measureUnit(): Promise<LatencyUnit> {
    const { layout } = this.#space;
    const most = largestOf(layout.choices.map(({ options }) => options.length));
    const times: UniformTime[] = [];
    for (let k = 0; k < most; k++) {
      const child = architectureOf(
        layout,
        layout.choices.map(({ options }) => Math.min(k, options.length - 1)),
      );
      const names = new Set(Object.values(child));
      const [first, second] = [await this.#time(child), await this.#time(child)];
      // What disturbs a measurement makes it longer, and the unit is measured only once.
      const best = second.milliseconds < first.milliseconds ? second : first;
      times.push({
        option: names.size === 1 ? [...names][0]! : `option ${k + 1}`,
        milliseconds: best.milliseconds,
        clock: best.clock,
      });
    }
    const unit = latencyUnit(times);
    this.#options.onUnit?.(unit);
    return unit;
  }

  async #time(architecture: Architecture): Promise<Latency> {
    const child = this.#space.child(architecture, { inherit: true });
    try {
      return await childLatency(child, this.#images, this.#options);
    } finally {
      child.dispose();
    }
  }
}

/** The latency of the sampled child on the search's device, for `SearchOptions.blackBox`. */
export function measuredLatency(options: MeasuredLatencyOptions = {}): BlackBoxFactory {
  return (space, inputs) => new RelativeLatency(space, inputs, options);
}
