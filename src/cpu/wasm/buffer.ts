/** @file A buffer in the heap's memory, seen as an address by kernels and as a typed array by plain loops. */
import type { BufferHandle, DType, Operand, TypedArray } from '../../backend.ts';
import { OptionError } from '../../errors.ts';
import type { Heap } from './heap.ts';

export class HeapBuffer implements BufferHandle {
  readonly heap: Heap;
  /** Byte address. */
  readonly address: number;
  readonly length: number;
  readonly dtype: DType;
  /** Another buffer's memory, which this one does not give back. */
  readonly borrowed: boolean;
  #array: TypedArray | undefined;

  constructor(heap: Heap, address: number, length: number, dtype: DType, borrowed: boolean) {
    this.heap = heap;
    this.address = address;
    this.length = length;
    this.dtype = dtype;
    this.borrowed = borrowed;
  }

  get byteLength(): number {
    return this.length * 4;
  }

  /** The elements in place. Good until the heap next allocates: growing detaches the array. */
  get array(): TypedArray {
    const { buffer } = this.heap.memory;
    if (this.#array?.buffer !== buffer) {
      const Elements = this.dtype === 'uint32' ? Uint32Array : Float32Array;
      this.#array = new Elements(buffer, this.address, this.length);
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
