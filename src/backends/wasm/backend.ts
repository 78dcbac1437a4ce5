/** @file The float32 CPU backend: buffers in one WebAssembly memory, SIMD kernels where there is one, else the plain loops. */
import type {
  Backend,
  BackendMemory,
  BufferHandle,
  DType,
  FusedTable,
  Kernel,
  Operand,
  Primitive,
  PrimitiveParams,
  Program,
  TypedArray,
} from '../../contract/backend.ts';
import { OptionError } from '../../contract/errors.ts';
import { CaptureSwitch } from '../../contract/memory-plan.ts';
import { sizeOf } from '../../contract/shape.ts';
import { fusedTable } from './kernels/fused.ts';
import { cpuKernels } from '../cpu/kernels/index.ts';
import { ArrayCapture, type Placement } from '../shared/array-program.ts';
import { HeapBlock, HeapBuffer, heapBuffer } from './runtime/buffer.ts';
import { Heap, type HeapOptions } from './runtime/heap.ts';
import type { SimdKernels } from './kernel.ts';
import { simdKernels } from './kernels/index.ts';
import { Linker } from './runtime/linker.ts';

export class SimdBackend implements Backend {
  readonly kind = 'cpu';
  readonly dtype = 'float32';
  readonly name = 'cpu float32 (WASM SIMD)';
  readonly fused: FusedTable;
  readonly #heap: Heap;
  readonly #kernels: SimdKernels;
  readonly #placement: Placement<HeapBlock>;
  readonly #captures = new CaptureSwitch<ArrayCapture<HeapBlock>>();
  #live = 0;
  #bytes = 0;

  constructor(options: HeapOptions = {}) {
    this.#heap = new Heap(options);
    const linker = new Linker(this.#heap);
    this.#kernels = simdKernels(linker);
    this.fused = fusedTable(linker, (name, run, inputs, outputs) => this.launch({ kind: 'cpu', name, run }, inputs, outputs));
    this.#placement = {
      hold: (block) => block.handles++,
      release: (block) => this.#release(block),
      place: (block) => this.#place(block, this.#heap.alloc(block.capacity)),
      share: (blocks, slotBytes) => this.#share(blocks, slotBytes),
      copy: (from, to) => heapBuffer(to).array.set(heapBuffer(from).array),
    };
  }

  alloc(length: number, dtype: DType): BufferHandle {
    const block = new HeapBlock(this.#heap, length * 4);
    if (this.#captures.current) this.#captures.current.lifetimes.add(block);
    else this.#place(block, this.#heap.alloc(length * 4));
    return this.#open(block, 0, length, dtype);
  }

  free(handle: BufferHandle): void {
    this.#live--;
    this.#release(heapBuffer(handle).block);
  }

  view(handle: BufferHandle, offset: number, length: number, dtype: DType): BufferHandle {
    const parent = heapBuffer(handle);
    return this.#open(parent.block, parent.offset + offset * 4, length, dtype);
  }

  #open(block: HeapBlock, offset: number, length: number, dtype: DType): HeapBuffer {
    this.#live++;
    block.handles++;
    return new HeapBuffer(block, offset, length, dtype);
  }

  #place(block: HeapBlock, address: number): void {
    block.place(address);
    this.#bytes += block.capacity;
  }

  #release(block: HeapBlock): void {
    if (--block.handles > 0 || block.planned) return;
    this.#heap.free(block.address, block.capacity);
    this.#bytes -= block.capacity;
  }

  /** Slots of a recorded step, as blocks of the heap. */
  #share(blocks: readonly (readonly [HeapBlock, number])[], slotBytes: readonly number[]): () => void {
    const addresses: number[] = [];
    const giveBack = (): void => addresses.forEach((address, slot) => this.#heap.free(address, slotBytes[slot]!));
    try {
      for (const bytes of slotBytes) addresses.push(this.#heap.alloc(bytes));
    } catch (error) {
      giveBack();
      throw error;
    }
    const total = slotBytes.reduce((sum, bytes) => sum + bytes, 0);
    for (const [block, slot] of blocks) block.place(addresses[slot]);
    this.#bytes += total;
    return () => {
      for (const [block] of blocks) block.place(undefined);
      giveBack();
      this.#bytes -= total;
    };
  }

  write(handle: BufferHandle, data: TypedArray): void {
    if (this.#captures.current) throw this.#captures.current.refuseWrite();
    heapBuffer(handle).array.set(data);
  }

  async read(handle: BufferHandle, length: number, _dtype: DType): Promise<TypedArray> {
    if (this.#captures.current) return this.#captures.current.refuseWait('data');
    return heapBuffer(handle).array.slice(0, length);
  }

  run<P extends Primitive>(op: P, params: PrimitiveParams[P], inputs: readonly Operand[], outputs: readonly Operand[]): void {
    const capture = this.#captures.current;
    const work =
      this.#kernels[op]?.(params, inputs, outputs) ?? (() => cpuKernels[op](params, inputs.map(inPlace), outputs.map(inPlace)));
    if (capture) capture.push(blocksOf(inputs, outputs), work);
    else work();
  }

  launch(kernel: Kernel, inputs: readonly Operand[], outputs: readonly Operand[]): void {
    if (kernel.kind !== 'cpu') throw new OptionError(`${kernel.name}: a ${kernel.kind} kernel cannot run on the CPU device`);
    const capture = this.#captures.current;
    if (capture) capture.push(blocksOf(inputs, outputs), () => kernel.run(inputs.map(elements), outputs.map(elements)));
    else kernel.run(inputs.map(elements), outputs.map(elements));
  }

  get capturing(): boolean {
    return this.#captures.current !== undefined;
  }

  capture(body: () => void): Program {
    return this.#captures.run(new ArrayCapture(this.#placement), body, (capture) => capture.finish());
  }

  outsideCapture<T>(body: () => T): T {
    return this.#captures.outsideCapture(body);
  }

  timer(): undefined {
    // The host's clock will do.
  }

  flush(): void {
    // Nothing is ever pending.
  }

  async finish(): Promise<void> {
    // Nothing is ever pending.
    if (this.#captures.current) await this.#captures.current.refuseWait('finish');
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

function blocksOf(inputs: readonly Operand[], outputs: readonly Operand[]): HeapBlock[] {
  return [...inputs, ...outputs].map(({ handle }) => heapBuffer(handle).block);
}

function elements(operand: Operand): TypedArray {
  const { array } = heapBuffer(operand.handle);
  const size = sizeOf(operand.shape);
  return array.length === size ? array : array.subarray(0, size);
}

function inPlace(operand: Operand): { data: TypedArray; shape: readonly number[] } {
  return { data: heapBuffer(operand.handle).array, shape: operand.shape };
}
