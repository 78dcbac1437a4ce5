/** @file Buffers in the heap's memory, seen as addresses by kernels and as typed arrays by plain loops. */
import type { BufferHandle, DType, Operand, TypedArray } from '../../../contract/backend.ts';
import { CaptureError, OptionError } from '../../../contract/errors.ts';
import type { Heap } from './heap.ts';

/** A block of the heap, shared by the buffers that look at it. While a step is recorded, one that is not there yet. */
export class HeapBlock {
  readonly heap: Heap;
  /** As it was asked for, in bytes. */
  readonly capacity: number;
  handles = 0;
  #address: number | undefined;

  constructor(heap: Heap, capacity: number, address?: number) {
    this.heap = heap;
    this.capacity = capacity;
    this.#address = address;
  }

  /** Byte address. */
  get address(): number {
    if (this.#address === undefined) throw new CaptureError('memory of a captured step was used before the step was run');
    return this.#address;
  }

  /** Whether there is no memory behind it yet. */
  get planned(): boolean {
    return this.#address === undefined;
  }

  /** Gives planned memory its address, or takes it away (undefined). */
  place(address: number | undefined): void {
    this.#address = address;
  }
}

export class HeapBuffer implements BufferHandle {
  readonly block: HeapBlock;
  /** Bytes from the block's address. */
  readonly offset: number;
  readonly length: number;
  readonly dtype: DType;
  #array: TypedArray | undefined;

  constructor(block: HeapBlock, offset: number, length: number, dtype: DType) {
    this.block = block;
    this.offset = offset;
    this.length = length;
    this.dtype = dtype;
  }

  /** Byte address. */
  get address(): number {
    return this.block.address + this.offset;
  }

  get byteLength(): number {
    return this.length * 4;
  }

  /** The elements in place. Good until the heap next allocates: growing detaches the array. */
  get array(): TypedArray {
    const { address } = this;
    const { buffer } = this.block.heap.memory;
    if (this.#array?.buffer !== buffer) {
      const Elements = this.dtype === 'uint32' ? Uint32Array : Float32Array;
      this.#array = new Elements(buffer, address, this.length);
    }
    return this.#array;
  }
}

/** The heap buffer behind an operand's handle. */
export function heapBuffer(handle: BufferHandle): HeapBuffer {
  if (!(handle instanceof HeapBuffer)) throw new OptionError('a buffer of another backend was given to the CPU backend');
  return handle;
}

export function addressOf(operand: Operand): number {
  return heapBuffer(operand.handle).address;
}
