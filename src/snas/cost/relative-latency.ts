/** @file The latency of a child as a price: 0 for the empty network, 1 for the slowest of those with one operation everywhere. */
import { OptionError } from '../../contract/errors.ts';
import type { StateDict } from '../../nn/module.ts';
import { key, normals } from '../../core/random.ts';
import { type Shape, sizeOf } from '../../contract/shape.ts';
import type { Clock } from '../../core/stopwatch.ts';
import type { Tensor } from '../../core/tensor.ts';
import type { BlackBox, BlackBoxFactory } from './black-box.ts';
import { edgesOf, type Genotype, genotypeFromChoices, type OperationName, OPERATIONS } from '../space/genotype.ts';
import { childLatency, type Latency, type LatencyOptions } from './latency.ts';
import { inherit, type Supernet } from '../space/network.ts';

/** What a price is measured in: times of a forward pass on one batch, milliseconds. */
export interface LatencyUnit {
  /** Of the network in which every edge is `none`. */
  readonly empty: number;
  /** Of the slowest network that has one operation on all edges, and which operation that is. */
  readonly slowest: number;
  readonly operation: OperationName;
  readonly clock: Clock;
}

export interface MeasuredLatencyOptions extends LatencyOptions {
  /** Called when the unit has been measured, before the first price; not in a search that continues a saved one, which keeps its unit. */
  readonly onUnit?: (unit: LatencyUnit) => void;
}

/** The time of a network that has one operation on all edges. */
export interface UniformTime {
  readonly operation: OperationName;
  readonly milliseconds: number;
  readonly clock: Clock;
}

/** The unit from the times of all eight networks with one operation everywhere. OptionError where none of them takes longer than the empty one. */
export function latencyUnit(times: readonly UniformTime[]): LatencyUnit {
  const empty = times.find((t) => t.operation === 'none');
  if (!empty) throw new OptionError('latency: the time of none is missing');
  const slowest = times.reduce((a, b) => (b.milliseconds > a.milliseconds ? b : a), empty);
  if (slowest === empty) {
    throw new OptionError(
      `latency: no operation takes longer than none on this device (${empty.milliseconds.toFixed(3)} ms, ${empty.clock}); ` +
        'take a larger batch or network, a quieter machine, or another cost',
    );
  }
  return { empty: empty.milliseconds, slowest: slowest.milliseconds, operation: slowest.operation, clock: slowest.clock };
}

/** Inherited weights stand in every child; what the others start from does not matter. */
const UNUSED_KEY = key(0);

/**
 * price = (t(child) - t(empty)) / (t(slowest) - t(empty)), t the median time of a forward pass of the child, with the parent's weights, on a
 * batch of the search's size. The two references are measured once, at the first price, so that eta is a price in nats for about the dearest network at every size and on
 * every device. A price is a measurement: below 0 or above 1 by its noise, or where mixed operations are slower than one everywhere.
 */
export class RelativeLatency implements BlackBox {
  readonly #supernet: Supernet;
  readonly #images: Tensor;
  readonly #options: MeasuredLatencyOptions;
  /** Milliseconds of the empty and of the slowest network. */
  #unit: Pick<LatencyUnit, 'empty' | 'slowest'> | undefined;

  constructor(supernet: Supernet, images: Shape, options: MeasuredLatencyOptions = {}) {
    this.#supernet = supernet;
    // Standardised pixels; a forward pass takes as long whatever they are.
    this.#images = supernet.classifier.weight.device.parameter(normals(key(0), sizeOf(images)), images);
    this.#options = options;
  }

  async price(child: Genotype): Promise<number> {
    const { empty, slowest } = (this.#unit ??= await this.#measureUnit());
    return ((await this.#time(child)).milliseconds - empty) / (slowest - empty);
  }

  state(): StateDict {
    return this.#unit ? { latency_unit: { shape: [2], data: Float64Array.of(this.#unit.empty, this.#unit.slowest) } } : {};
  }

  loadState(state: StateDict): void {
    const [empty, slowest] = state['latency_unit']?.data ?? [];
    this.#unit = empty === undefined || slowest === undefined ? undefined : { empty, slowest };
  }

  dispose(): void {
    this.#images.dispose();
  }

  async #measureUnit(): Promise<LatencyUnit> {
    const times: UniformTime[] = [];
    for (const operation of OPERATIONS) {
      const child = this.#everywhere(operation);
      const [first, second] = [await this.#time(child), await this.#time(child)];
      // What disturbs a measurement makes it longer, and the unit is measured only once.
      times.push({ operation, ...(second.milliseconds < first.milliseconds ? second : first) });
    }
    const unit = latencyUnit(times);
    this.#options.onUnit?.(unit);
    return unit;
  }

  #everywhere(operation: OperationName): Genotype {
    const { nodes } = this.#supernet;
    const row = edgesOf(nodes).map(() => OPERATIONS.indexOf(operation));
    return genotypeFromChoices({ normal: row, reduce: row }, nodes);
  }

  async #time(genotype: Genotype): Promise<Latency> {
    const child = inherit(this.#supernet, genotype, UNUSED_KEY);
    try {
      return await childLatency(child, this.#images, this.#options);
    } finally {
      child.dispose();
    }
  }
}

/** The latency of the sampled child on the search's device, for `SearchOptions.blackBox`. */
export function measuredLatency(options: MeasuredLatencyOptions = {}): BlackBoxFactory {
  return (supernet, images) => new RelativeLatency(supernet, images, options);
}
