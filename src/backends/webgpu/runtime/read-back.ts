/** @file Copies results to the host through staging buffers that are used again. */
import { GpuError } from '../../../contract/errors.ts';
import type { CommandQueue } from './commands.ts';
import type { Faults } from './faults.ts';
import type { GpuHandle } from './memory.ts';
import { BufferUsage, MAP_READ } from './flags.ts';

const KEPT_BUFFERS = 8;

export class ReadBack {
  readonly #device: GPUDevice;
  readonly #idle: GPUBuffer[] = [];

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Submits what is pushed and a copy behind it, and waits; throws what went wrong since the last read. */
  async read(queue: CommandQueue, source: GpuHandle, byteLength: number, faults: Faults): Promise<ArrayBuffer> {
    const size = Math.max(4, byteLength);
    const staging = this.#take(size);
    queue.submit((encoder) => encoder.copyBufferToBuffer(source.memory.buffer, source.offset, staging, 0, size));
    const fault = faults.collect();
    let bytes: ArrayBuffer | undefined;
    let cause: unknown;
    try {
      await staging.mapAsync(MAP_READ, 0, size);
      bytes = staging.getMappedRange(0, size).slice(0, byteLength);
      staging.unmap();
      this.#giveBack(staging);
    } catch (error) {
      cause = error;
      staging.destroy();
    }
    const error = await fault;
    if (error) throw error;
    if (!bytes) throw await faults.causeOf(new GpuError('the result could not be read back', { cause }));
    return bytes;
  }

  #take(size: number): GPUBuffer {
    const at = this.#idle.findIndex((buffer) => buffer.size >= size && buffer.size <= Math.max(4096, 4 * size));
    if (at >= 0) return this.#idle.splice(at, 1)[0]!;
    const rounded = Math.max(256, 2 ** Math.ceil(Math.log2(size)));
    return this.#device.createBuffer({
      size: Math.min(rounded, this.#device.limits.maxBufferSize),
      usage: BufferUsage.mapRead | BufferUsage.copyTarget,
    });
  }

  #giveBack(buffer: GPUBuffer): void {
    this.#idle.push(buffer);
    if (this.#idle.length > KEPT_BUFFERS) this.#idle.shift()!.destroy();
  }
}
