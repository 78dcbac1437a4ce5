/** @file The float32 CPU backend: buffers in one WebAssembly memory, SIMD kernels where there is one, else the plain loops. */
import type { BufferHandle, DType, FusedTable, Operand, Primitive, PrimitiveParams } from '../../contract/backend.ts';
import { cpuKernels } from '../cpu/kernels/index.ts';
import { ArrayBackend, type Slots } from '../shared/array-backend.ts';
import type { ArrayMemory } from '../shared/array-memory.ts';
import type { Player } from '../shared/array-program.ts';
import { type Access, wavesOf } from '../shared/waves.ts';
import type { SimdTable } from './kernel.ts';
import { fusedTable } from './kernels/fused.ts';
import { simdKernels } from './kernels/index.ts';
import { HeapBuffer, heapBuffer } from './runtime/buffer.ts';
import type { Work } from './runtime/calls.ts';
import { Heap, type HeapOptions } from './runtime/heap.ts';
import type { Kernels } from './runtime/instructions.ts';
import { Linker } from './runtime/linker.ts';
import { Runner, type RunnerOptions, StepPlayer } from './runtime/runner.ts';

/** Memory is placed at byte addresses of the heap. */
type HeapMemory = ArrayMemory<number>;

export interface SimdOptions extends HeapOptions, RunnerOptions {
  /** Bytes of tensors and captured steps that may be in use at once. */
  readonly memoryLimit?: number | undefined;
  /** Default 'plain'. */
  readonly kernels?: Kernels;
}

/** The names of the device, by its kernels. */
export const KERNEL_NAMES: Readonly<Record<Kernels, string>> = {
  plain: 'cpu float32 (WASM SIMD)',
  relaxed: 'cpu float32 (WASM relaxed SIMD)',
};

export class SimdBackend extends ArrayBackend<number, Work> {
  readonly dtype = 'float32';
  readonly name: string;
  readonly fused: FusedTable;
  readonly #heap: Heap;
  readonly #kernels: SimdTable;
  readonly #runner: Runner;

  constructor(options: SimdOptions = {}, heap: Heap = new Heap({ ...options, shared: (options.threads ?? 1) > 1 })) {
    super(options.memoryLimit);
    this.#heap = heap;
    const { kernels = 'plain' } = options;
    this.name = KERNEL_NAMES[kernels];
    const linker = new Linker(this.#heap, kernels);
    this.#runner = new Runner(linker, options);
    this.#kernels = simdKernels(linker);
    this.fused = fusedTable(linker, (inputs, outputs, work) => this.launchWork(inputs, outputs, work));
  }

  protected takePlace({ capacity }: HeapMemory): number {
    return this.#heap.alloc(capacity);
  }

  protected freePlace({ place, capacity }: HeapMemory): void {
    this.#heap.free(place, capacity);
  }

  protected takeSlots(slotBytes: readonly number[]): Slots<number> {
    const addresses: number[] = [];
    const free = (): void => addresses.forEach((address, slot) => this.#heap.free(address, slotBytes[slot]!));
    try {
      for (const bytes of slotBytes) addresses.push(this.#heap.alloc(bytes));
    } catch (error) {
      free();
      throw error;
    }
    return { place: (_memory, slot) => addresses[slot]!, free };
  }

  protected open(memory: HeapMemory, offset: number, length: number, dtype: DType): HeapBuffer {
    return new HeapBuffer(this.#heap, memory, offset, length, dtype);
  }

  protected bufferOf(handle: BufferHandle): HeapBuffer {
    return heapBuffer(handle);
  }

  protected work<P extends Primitive>(
    op: P,
    params: PrimitiveParams[P],
    inputs: readonly Operand[],
    outputs: readonly Operand[],
  ): Work {
    return (
      this.#kernels[op]?.(params, inputs, outputs) ??
      this.hostWork(() => cpuKernels[op](params, this.arrays(inputs), this.arrays(outputs)))
    );
  }

  protected hostWork(run: () => void): Work {
    return [{ run }];
  }

  protected perform(work: Work): void {
    this.#runner.run(work);
  }

  /** One thread does the commands in their order, which needs the least memory. */
  protected override waves(commands: readonly Access<HeapMemory>[]): readonly number[] {
    return this.#runner.threads > 1 ? wavesOf(commands) : super.waves(commands);
  }

  protected player(waves: readonly (readonly Work[])[]): Player {
    return new StepPlayer(waves, this.#runner);
  }

  protected pooled(): { readonly buffers: number; readonly bytes: number } {
    return { buffers: this.#heap.freeBlocks, bytes: this.#heap.freeBytes };
  }

  destroy(): void {
    // The memory goes when nothing refers to the device any more.
    this.#runner.end();
  }
}
