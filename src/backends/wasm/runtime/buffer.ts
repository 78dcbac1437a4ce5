/** @file Buffers in the heap's memory, seen as addresses by kernels and as typed arrays by plain loops. */
import type { BufferHandle, DType, Operand, TypedArray } from '../../../contract/backend.ts';
import { OptionError } from '../../../contract/errors.ts';
import { ArrayBufferHandle, type ArrayMemory, bytesOf } from '../../shared/array-memory.ts';
import type { Heap } from './heap.ts';

export class HeapBuffer extends ArrayBufferHandle<number> {
  readonly #heap: Heap;
  readonly #dtype: DType;
  #array: TypedArray | undefined;

  /** `memory` is placed at a byte address of the heap. */
  constructor(heap: Heap, memory: ArrayMemory<number>, offset: number, length: number, dtype: DType) {
    super(memory, offset, length);
    this.#heap = heap;
    this.#dtype = dtype;
  }

  /** Byte address. */
  get address(): number {
    return this.memory.place + bytesOf(this.offset, this.#dtype);
  }

  /** The elements in place. Good until the heap next allocates: growing detaches the array. */
  get array(): TypedArray {
    const { address } = this;
    const { buffer } = this.#heap.memory;
    if (this.#array?.buffer !== buffer) {
      const Elements = this.#dtype === 'uint32' ? Uint32Array : Float32Array;
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

/** So many bytes into an operand; 0 where there is none. */
export function addressAt(operand: Operand | undefined, offset: number): number {
  return operand ? addressOf(operand) + offset : 0;
}
