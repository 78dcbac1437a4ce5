/** @file The float32 CPU backend: buffers in one WebAssembly memory, SIMD kernels where there is one, else the plain loops. */
import type {
  Backend,
  BackendMemory,
  BufferHandle,
  DType,
  Kernel,
  Operand,
  Primitive,
  PrimitiveParams,
  TypedArray,
} from '../../backend.ts';
import { OptionError } from '../../errors.ts';
import type { FusedKernel } from '../../fused.ts';
import { sizeOf } from '../../shape.ts';
import { fusedKernels } from '../fused.ts';
import { cpuKernels } from '../kernels.ts';
import { HeapBuffer, heapBuffer } from './buffer.ts';
import { Heap, type HeapOptions } from './heap.ts';
import { type SimdKernels, simdKernels } from './kernels.ts';
import { Linker } from './linker.ts';

export class SimdBackend implements Backend {
  readonly kind = 'cpu';
  readonly dtype = 'float32';
  readonly name = 'cpu float32 (WASM SIMD)';
  readonly fusedKernels: ReadonlyMap<string, FusedKernel>;
  readonly #heap: Heap;
  readonly #kernels: SimdKernels;
  #live = 0;
  #bytes = 0;

  constructor(options: HeapOptions = {}) {
    this.#heap = new Heap(options);
    const linker = new Linker(this.#heap);
    this.#kernels = simdKernels(linker);
    this.fusedKernels = fusedKernels(linker);
  }

  alloc(length: number, dtype: DType): BufferHandle {
    const buffer = new HeapBuffer(this.#heap, this.#heap.alloc(length * 4), length, dtype, false);
    this.#live++;
    this.#bytes += buffer.byteLength;
    return buffer;
  }

  free(handle: BufferHandle): void {
    const buffer = heapBuffer(handle);
    this.#live--;
    this.#bytes -= buffer.byteLength;
    if (!buffer.borrowed) this.#heap.free(buffer.address, buffer.byteLength);
  }

  view(handle: BufferHandle, offset: number, length: number, dtype: DType): BufferHandle {
    const buffer = new HeapBuffer(this.#heap, heapBuffer(handle).address + offset * 4, length, dtype, true);
    this.#live++;
    this.#bytes += buffer.byteLength;
    return buffer;
  }

  write(handle: BufferHandle, data: TypedArray): void {
    heapBuffer(handle).array.set(data);
  }

  async read(handle: BufferHandle, length: number, _dtype: DType): Promise<TypedArray> {
    return heapBuffer(handle).array.slice(0, length);
  }

  run<P extends Primitive>(op: P, params: PrimitiveParams[P], inputs: readonly Operand[], outputs: readonly Operand[]): void {
    const fast = this.#kernels[op];
    if (fast?.(params, inputs, outputs)) return;
    cpuKernels[op](params, inputs.map(inPlace), outputs.map(inPlace));
  }

  launch(kernel: Kernel, inputs: readonly Operand[], outputs: readonly Operand[]): void {
    if (kernel.kind !== 'cpu') throw new OptionError(`${kernel.name}: a ${kernel.kind} kernel cannot run on the CPU device`);
    kernel.run(inputs.map(elements), outputs.map(elements));
  }

  flush(): void {
    // Nothing is ever pending.
  }

  async finish(): Promise<void> {
    // Nothing is ever pending.
  }

  memory(): BackendMemory {
    return {
      buffers: this.#live,
      bytes: this.#bytes,
      pooledBuffers: this.#heap.freeBlocks,
      pooledBytes: this.#heap.freeBytes,
    };
  }

  destroy(): void {
    // The memory goes when nothing refers to the device any more.
  }
}

function elements(operand: Operand): TypedArray {
  const { array } = heapBuffer(operand.handle);
  const size = sizeOf(operand.shape);
  return array.length === size ? array : array.subarray(0, size);
}

function inPlace(operand: Operand): { data: TypedArray; shape: readonly number[] } {
  return { data: heapBuffer(operand.handle).array, shape: operand.shape };
}
