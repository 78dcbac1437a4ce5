/** @file Stopwatch: how long work on a device takes, by the device's own timestamps where it has them, else by wall time. */
/// <reference lib="esnext.disposable" preserve="true" />
import type { DeviceTimer } from '../contract/backend.ts';
import { synchronous } from './synchronous.ts';
import type { Device } from './tensor.ts';

/** What a time was read from: timestamp queries of the WebGPU queue, or the host's clock around `device.finish()`. */
export type Clock = 'timestamps' | 'wall';

/** One measured piece of work. */
export interface Elapsed {
  /** By the best clock there was. */
  readonly milliseconds: number;
  readonly clock: Clock;
  /** Milliseconds of wall time, whatever the clock. */
  readonly wall: number;
}

/**
 * Times work on one device. On WebGPU with the feature `timestamp-query` it is the time that the queue took, from the first command of
 * the work to the end of the last: without what the host needs to hear of it, with pauses in which the queue waits for the host. On other
 * adapters and on the CPU device it is wall time, the wait for the device included. Nothing else should use the device meanwhile.
 *
 * @example
 * using stopwatch = new Stopwatch(device);
 * const { milliseconds, clock } = await stopwatch.time(() => scope(() => { model.forward(x); }));
 */
export class Stopwatch {
  readonly device: Device;
  readonly #timestamps: DeviceTimer | undefined;

  constructor(device: Device) {
    this.device = device;
    this.#timestamps = device.backend.timer();
  }

  /** The clock that it reads; a single time may still be wall time, where the timestamps did not advance. */
  get clock(): Clock {
    return this.#timestamps ? 'timestamps' : 'wall';
  }

  /** Runs `work`, which hands work to the device, and says how long the device took. Rejects with the device's error if the work failed. */
  async time(work: () => void): Promise<Elapsed> {
    await this.device.finish();
    this.#timestamps?.begin();
    const started = performance.now();
    synchronous<unknown>('Stopwatch.time', 'the work', work());
    this.device.flush();
    this.#timestamps?.end();
    await this.device.finish();
    const wall = performance.now() - started;
    const nanoseconds = (await this.#timestamps?.elapsed()) ?? 0;
    return nanoseconds > 0
      ? { milliseconds: nanoseconds / 1e6, clock: 'timestamps', wall }
      : { milliseconds: wall, clock: 'wall', wall };
  }

  dispose(): void {
    this.#timestamps?.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
