/** @file The plain CPU backend: flat typed arrays and loops, executed at once. In float64 it is the oracle. */
import type {
  Backend,
  BackendMemory,
  BufferHandle,
  DType,
  FloatType,
  FusedTable,
  Kernel,
  Operand,
  Primitive,
  PrimitiveParams,
  Program,
  TypedArray,
} from '../../contract/backend.ts';
import { CaptureError, OptionError } from '../../contract/errors.ts';
import { CaptureSwitch } from '../../contract/memory-plan.ts';
import { sizeOf } from '../../contract/shape.ts';
import { cpuKernels } from './kernels/index.ts';
import { ArrayCapture, type Placement } from '../shared/array-program.ts';

/** Elements, shared by the buffers that look at them. While a step is recorded, not there yet. */
class CpuMemory {
  readonly length: number;
  readonly dtype: DType;
  handles = 0;
  #array: TypedArray | undefined;

  constructor(length: number, dtype: DType, array?: TypedArray) {
    this.length = length;
    this.dtype = dtype;
    this.#array = array;
  }

  get array(): TypedArray {
    if (!this.#array) throw new CaptureError('memory of a captured step was used before the step was run');
    return this.#array;
  }

  /** Whether there is no array behind it yet. */
  get planned(): boolean {
    return this.#array === undefined;
  }

  /** Bytes. */
  get capacity(): number {
    return this.length * (this.dtype === 'float64' ? 8 : 4);
  }

  /** Gives planned memory its elements, or takes them away (undefined). */
  place(array: TypedArray | undefined): void {
    this.#array = array;
  }
}

class CpuBuffer implements BufferHandle {
  readonly memory: CpuMemory;
  readonly offset: number;
  readonly length: number;
  #part: TypedArray | undefined;

  constructor(memory: CpuMemory, offset: number, length: number) {
    this.memory = memory;
    this.offset = offset;
    this.length = length;
  }

  get array(): TypedArray {
    if (this.length === this.memory.length) return this.memory.array;
    this.#part ??= this.memory.array.subarray(this.offset, this.offset + this.length);
    return this.#part;
  }

  get byteLength(): number {
    return (this.memory.capacity / Math.max(1, this.memory.length)) * this.length;
  }
}

const POOL_BYTES = 256 * 2 ** 20;

export class CpuBackend implements Backend {
  readonly kind = 'cpu';
  readonly dtype: FloatType;
  readonly name: string;
  readonly fused: FusedTable;
  #live = 0;
  #bytes = 0;
  #pooledBytes = 0;
  readonly #pool = new Map<string, TypedArray[]>();
  readonly #captures = new CaptureSwitch<ArrayCapture<CpuMemory>>();
  readonly #placement: Placement<CpuMemory> = {
    hold: (memory) => memory.handles++,
    release: (memory) => this.#release(memory),
    place: (memory) => this.#place(memory),
    share: (memories, slotBytes) => this.#share(memories, slotBytes),
    copy: (from, to) => own(to).array.set(own(from).array),
  };

  constructor(dtype: FloatType, fused: FusedTable = {}) {
    this.dtype = dtype;
    this.name = `cpu ${dtype}`;
    this.fused = fused;
  }

  alloc(length: number, dtype: DType): BufferHandle {
    const memory = new CpuMemory(length, dtype);
    const capture = this.#captures.current;
    if (capture) capture.lifetimes.add(memory);
    else this.#place(memory);
    return this.#open(memory, 0, length);
  }

  free(handle: BufferHandle): void {
    this.#live--;
    this.#release(own(handle).memory);
  }

  view(handle: BufferHandle, offset: number, length: number, _dtype: DType): BufferHandle {
    const parent = own(handle);
    return this.#open(parent.memory, parent.offset + offset, length);
  }

  #open(memory: CpuMemory, offset: number, length: number): CpuBuffer {
    this.#live++;
    memory.handles++;
    return new CpuBuffer(memory, offset, length);
  }

  #place(memory: CpuMemory): void {
    const { length, dtype, capacity } = memory;
    const pooled = this.#pool.get(`${dtype} ${length}`)?.pop();
    if (pooled) this.#pooledBytes -= capacity;
    memory.place(pooled ?? makeArray(length, dtype));
    this.#bytes += capacity;
  }

  #release(memory: CpuMemory): void {
    if (--memory.handles > 0 || memory.planned) return;
    const { length, dtype, capacity, array } = memory;
    this.#bytes -= capacity;
    if (this.#pooledBytes + capacity > POOL_BYTES) return;
    const slot = `${dtype} ${length}`;
    const list = this.#pool.get(slot);
    if (list) list.push(array);
    else this.#pool.set(slot, [array]);
    this.#pooledBytes += capacity;
  }

  /** Slots of a recorded step, as plain memory that is seen in each one's type. */
  #share(memories: readonly (readonly [CpuMemory, number])[], slotBytes: readonly number[]): () => void {
    const slots = slotBytes.map((bytes) => new ArrayBuffer(Math.ceil(bytes / 8) * 8));
    const total = slotBytes.reduce((sum, bytes) => sum + bytes, 0);
    this.#bytes += total;
    for (const [memory, slot] of memories) memory.place(viewOf(slots[slot]!, memory.length, memory.dtype));
    return () => {
      this.#bytes -= total;
      for (const [memory] of memories) memory.place(undefined);
    };
  }

  write(handle: BufferHandle, data: TypedArray): void {
    if (this.#captures.current) throw this.#captures.current.refuseWrite();
    own(handle).array.set(data);
  }

  async read(handle: BufferHandle, length: number, _dtype: DType): Promise<TypedArray> {
    if (this.#captures.current) return this.#captures.current.refuseWait('data');
    return own(handle).array.slice(0, length);
  }

  run<P extends Primitive>(op: P, params: PrimitiveParams[P], inputs: readonly Operand[], outputs: readonly Operand[]): void {
    const capture = this.#captures.current;
    const run = (): void => cpuKernels[op](params, inputs.map(asCpu), outputs.map(asCpu));
    if (capture) capture.push(memoriesOf(inputs, outputs), run);
    else run();
  }

  launch(kernel: Kernel, inputs: readonly Operand[], outputs: readonly Operand[]): void {
    if (kernel.kind !== 'cpu') throw new OptionError(`${kernel.name}: a ${kernel.kind} kernel cannot run on the CPU device`);
    const capture = this.#captures.current;
    const run = (): void => kernel.run(inputs.map(elements), outputs.map(elements));
    if (capture) capture.push(memoriesOf(inputs, outputs), run);
    else run();
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
    let pooledBuffers = 0;
    for (const list of this.#pool.values()) pooledBuffers += list.length;
    return { buffers: this.#live, bytes: this.#bytes, pooledBuffers, pooledBytes: this.#pooledBytes };
  }

  destroy(): void {
    this.#pool.clear();
    this.#pooledBytes = 0;
  }
}

function own(handle: BufferHandle): CpuBuffer {
  if (!(handle instanceof CpuBuffer)) throw new OptionError('a buffer of another backend was given to the CPU backend');
  return handle;
}

function elements(operand: Operand): TypedArray {
  const { array } = own(operand.handle);
  const size = sizeOf(operand.shape);
  return array.length === size ? array : array.subarray(0, size);
}

function asCpu(operand: Operand): { data: TypedArray; shape: readonly number[] } {
  return { data: own(operand.handle).array, shape: operand.shape };
}

function memoriesOf(inputs: readonly Operand[], outputs: readonly Operand[]): CpuMemory[] {
  return [...inputs, ...outputs].map(({ handle }) => own(handle).memory);
}

function makeArray(length: number, dtype: DType): TypedArray {
  return viewOf(new ArrayBuffer(length * (dtype === 'float64' ? 8 : 4)), length, dtype);
}

function viewOf(buffer: ArrayBuffer, length: number, dtype: DType): TypedArray {
  const Elements = dtype === 'float32' ? Float32Array : dtype === 'float64' ? Float64Array : Uint32Array;
  return new Elements(buffer, 0, length);
}
