/** @file Memory of the CPU backends, and the buffers that look at it. */
import type { BufferHandle, DType, TypedArray } from '../../contract/backend.ts';
import { CaptureError } from '../../contract/errors.ts';
import type { PlannedMemory } from '../../contract/memory-plan.ts';

export function bytesOf(length: number, dtype: DType): number {
  return length * (dtype === 'float64' ? 8 : 4);
}

/** Elements, shared by the buffers that look at them. While a step is captured they have no place yet: an array or an address. */
export class ArrayMemory<Place> implements PlannedMemory {
  readonly length: number;
  readonly dtype: DType;
  handles = 0;
  #place: Place | undefined;

  constructor(length: number, dtype: DType) {
    this.length = length;
    this.dtype = dtype;
  }

  get place(): Place {
    if (this.#place === undefined) throw new CaptureError('memory of a captured step was used before the step was run');
    return this.#place;
  }

  /** Gives the memory its place, or takes it away (undefined). */
  set place(place: Place | undefined) {
    this.#place = place;
  }

  /** Whether it has no place yet. */
  get planned(): boolean {
    return this.#place === undefined;
  }

  /** Bytes, as they were asked for. */
  get capacity(): number {
    return bytesOf(this.length, this.dtype);
  }
}

/** Some of a memory's elements. */
export abstract class ArrayBufferHandle<Place> implements BufferHandle {
  readonly memory: ArrayMemory<Place>;
  /** Elements from the memory's first. */
  readonly offset: number;
  readonly length: number;

  constructor(memory: ArrayMemory<Place>, offset: number, length: number) {
    this.memory = memory;
    this.offset = offset;
    this.length = length;
  }

  /** The elements in place. */
  abstract get array(): TypedArray;

  get byteLength(): number {
    return bytesOf(this.length, this.memory.dtype);
  }
}
