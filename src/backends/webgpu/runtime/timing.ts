/** @file Timestamps on the device's own clock, before and after work that is handed to it. */
import type { DeviceTimer } from '../../../contract/backend.ts';
import { GpuError } from '../../../contract/errors.ts';
import type { Faults } from './faults.ts';
import { BufferUsage, MAP_READ } from './flags.ts';

/** `GPUBufferUsage.QUERY_RESOLVE`. */
const QUERY_RESOLVE = 0x0200;
/** Two timestamps of 64 bits, in nanoseconds. */
const BYTES = 16;

/** Whether a device was given timestamp queries: the adapter must have them, and reparam asks for them wherever it does. */
export function hasTimestamps(device: GPUDevice): boolean {
  return device.features.has('timestamp-query');
}

/**
 * Two timestamps around whatever is submitted between `begin` and `end`. Each is written at the end of an empty compute pass, which the
 * queue reaches when all work before it is done. A browser may round them (to 100 microseconds, unless it is told not to).
 */
export class TimestampPair implements DeviceTimer {
  readonly #device: GPUDevice;
  readonly #faults: Faults;
  readonly #queries: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #staging: GPUBuffer;

  /** The device must have timestamp queries, see `hasTimestamps`. */
  constructor(device: GPUDevice, faults: Faults) {
    this.#device = device;
    this.#faults = faults;
    this.#queries = device.createQuerySet({ label: 'timestamps', type: 'timestamp', count: 2 });
    this.#resolved = device.createBuffer({
      label: 'timestamps',
      size: BYTES,
      usage: QUERY_RESOLVE | BufferUsage.copySource,
    });
    this.#staging = device.createBuffer({
      label: 'timestamps, read back',
      size: BYTES,
      usage: BufferUsage.mapRead | BufferUsage.copyTarget,
    });
  }

  /** Submits the first timestamp. What is to be timed is submitted after it. */
  begin(): void {
    const encoder = this.#device.createCommandEncoder();
    this.#stamp(encoder, 0);
    this.#device.queue.submit([encoder.finish()]);
  }

  /** Submits the second timestamp. */
  end(): void {
    const encoder = this.#device.createCommandEncoder();
    this.#stamp(encoder, 1);
    encoder.resolveQuerySet(this.#queries, 0, 2, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#staging, 0, BYTES);
    this.#device.queue.submit([encoder.finish()]);
  }

  /** Nanoseconds between the two, when the device has got there. Not above 0 where the device's clock did not advance. */
  async elapsed(): Promise<number> {
    try {
      await this.#staging.mapAsync(MAP_READ);
      const [begin, end] = new BigUint64Array(this.#staging.getMappedRange()) as unknown as [bigint, bigint];
      this.#staging.unmap();
      return Number(end - begin);
    } catch (cause) {
      throw await this.#faults.causeOf(new GpuError('the timestamps could not be read back', { cause }));
    }
  }

  dispose(): void {
    this.#queries.destroy();
    this.#resolved.destroy();
    this.#staging.destroy();
  }

  #stamp(encoder: GPUCommandEncoder, index: 0 | 1): void {
    encoder.beginComputePass({ timestampWrites: { querySet: this.#queries, endOfPassWriteIndex: index } }).end();
  }
}
