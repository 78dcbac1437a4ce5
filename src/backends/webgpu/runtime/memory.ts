/** @file GPU memory: buffers pooled by size, and handles that are windows on them. */
import type { BackendMemory, BufferHandle } from '../../../contract/backend.ts';
import { CaptureError, LimitError, OptionError } from '../../../contract/errors.ts';
import { beyondLimit } from '../../../contract/memory-plan.ts';
import type { Faults } from './faults.ts';
import { BufferUsage } from './flags.ts';

/** A GPU buffer, shared by the handles that look at it. While a step is captured, one that is not there yet. */
export class GpuMemory {
  readonly id: number;
  /** Bytes, a multiple of 256. */
  readonly capacity: number;
  #buffer: GPUBuffer | undefined;
  handles = 0;
  /** The last batch of commands that uses this memory. */
  batch = -1;
  /** Keys of cached bind groups that name this memory. */
  readonly bindGroups: Set<string> = new Set();

  constructor(id: number, capacity: number, buffer?: GPUBuffer) {
    this.id = id;
    this.capacity = capacity;
    this.#buffer = buffer;
  }

  get buffer(): GPUBuffer {
    if (!this.#buffer) throw new CaptureError('memory of a captured step was used before the step was run');
    return this.#buffer;
  }

  /** Whether there is no buffer behind it yet. */
  get planned(): boolean {
    return this.#buffer === undefined;
  }

  /** The buffer of planned memory. */
  place(buffer: GPUBuffer): void {
    this.#buffer = buffer;
  }
}

/** What a tensor holds: a window on memory, whole unless it is a view. */
export class GpuHandle implements BufferHandle {
  readonly memory: GpuMemory;
  /** Bytes from the start of the memory, a multiple of 256. */
  readonly offset: number;
  readonly byteLength: number;

  constructor(memory: GpuMemory, offset: number, byteLength: number) {
    this.memory = memory;
    this.offset = offset;
    this.byteLength = byteLength;
  }

  /** Bytes that a binding covers: rounded up to whole vec4s, which the memory's capacity always has room for. */
  get bindingSize(): number {
    return Math.max(16, Math.ceil(this.byteLength / 16) * 16);
  }
}

/** The handle as this backend's own. */
export function gpuHandle(handle: BufferHandle): GpuHandle {
  if (!(handle instanceof GpuHandle)) throw new OptionError('a buffer of another backend was given to the WebGPU backend');
  return handle;
}

/** Memory kept for reuse is at least this much, or as much as was ever live at once. */
const KEPT_BYTES = 256 * 2 ** 20;

export interface PoolOptions {
  readonly device: GPUDevice;
  /** Hears of memory that the driver has not got. */
  readonly faults: Faults;
  /** Of the device, for messages. */
  readonly name: string;
  /** Bytes that may be in use at once. */
  readonly limit: number;
  /** Called when what is cached about some memory no longer holds. */
  readonly forget: (memory: GpuMemory) => void;
}

/**
 * Allocation with reuse. Every buffer ever created costs about a kilobyte that Dawn does not give back, and a new one is
 * zeroed at first use, so freed memory is kept by size. Memory that a pushed but unsubmitted command uses waits for the
 * submit: a `queue.writeBuffer` into it would run before that command.
 */
export class MemoryPool {
  readonly #device: GPUDevice;
  readonly #options: PoolOptions;
  /** Free memory by capacity, ids ascending: the lowest goes first, so equal steps get equal memory. */
  readonly #free = new Map<number, GpuMemory[]>();
  /** All free memory, longest unused first. */
  readonly #order = new Set<GpuMemory>();
  readonly #waiting: GpuMemory[] = [];
  #nextId = 0;
  #batch = 0;
  #handles = 0;
  #bytes = 0;
  #peakBytes = 0;
  #freeBytes = 0;

  constructor(options: PoolOptions) {
    this.#device = options.device;
    this.#options = options;
  }

  /** A handle on `byteLength` bytes of uninitialised memory; a LimitError, before anything is allocated, if it is too large. */
  alloc(byteLength: number): GpuHandle {
    const capacity = this.#capacityFor(byteLength);
    return this.open(this.#use(capacity), 0, byteLength);
  }

  /** The same with no buffer behind it yet. */
  plan(byteLength: number): GpuHandle {
    return this.open(new GpuMemory(this.#nextId++, this.#capacityFor(byteLength)), 0, byteLength);
  }

  /** Puts a buffer behind planned memory that has outlived its capture. */
  place(memory: GpuMemory): void {
    const found = this.#use(memory.capacity);
    // Cached bind groups name the buffer by its old owner.
    this.#options.forget(found);
    memory.place(found.buffer);
  }

  #capacityFor(byteLength: number): number {
    const capacity = Math.max(256, Math.ceil(byteLength / 256) * 256);
    const { maxBufferSize, maxStorageBufferBindingSize } = this.#device.limits;
    if (capacity > Math.min(maxBufferSize, maxStorageBufferBindingSize)) {
      const [name, limit] =
        maxStorageBufferBindingSize < maxBufferSize
          ? ['maxStorageBufferBindingSize', maxStorageBufferBindingSize]
          : ['maxBufferSize', maxBufferSize];
      throw new LimitError(
        `a tensor of ${byteLength} bytes exceeds this adapter's ${name}, ${limit}: use a smaller batch or image, or split the tensor`,
      );
    }
    return capacity;
  }

  /** Throws a LimitError if so many bytes more may not be in use. */
  admit(bytes: number): void {
    const { name, limit } = this.#options;
    if (this.#bytes + bytes > limit) throw new LimitError(beyondLimit(name, bytes, this.#bytes, limit));
  }

  #use(capacity: number): GpuMemory {
    this.admit(capacity);
    const memory = this.#take(capacity) ?? this.#create(capacity);
    this.#bytes += capacity;
    this.#peakBytes = Math.max(this.#peakBytes, this.#bytes);
    return memory;
  }

  /** Another handle on the same memory. */
  open(memory: GpuMemory, offset: number, byteLength: number): GpuHandle {
    memory.handles++;
    this.#handles++;
    return new GpuHandle(memory, offset, byteLength);
  }

  /** Gives a handle up; its memory becomes free with the last one. */
  free(handle: GpuHandle): void {
    const { memory } = handle;
    this.#handles--;
    if (--memory.handles > 0 || memory.planned) return;
    this.#bytes -= memory.capacity;
    if (memory.batch === this.#batch) this.#waiting.push(memory);
    else this.#keep(memory);
  }

  /** Notes that the batch being gathered uses this memory. */
  touch(memory: GpuMemory): void {
    memory.batch = this.#batch;
  }

  /** Whether a pushed but unsubmitted command uses this memory. */
  isPending(memory: GpuMemory): boolean {
    return memory.batch === this.#batch;
  }

  /** The gathered batch has been submitted: what was freed meanwhile may be used again. */
  nextBatch(): void {
    this.#batch++;
    for (const memory of this.#waiting) this.#keep(memory);
    this.#waiting.length = 0;
  }

  stats(): BackendMemory {
    return {
      buffers: this.#handles,
      bytes: this.#bytes,
      pooledBuffers: this.#order.size + this.#waiting.length,
      pooledBytes: this.#freeBytes + this.#waiting.reduce((sum, m) => sum + m.capacity, 0),
    };
  }

  clear(): void {
    this.#free.clear();
    this.#order.clear();
    this.#waiting.length = 0;
    this.#freeBytes = 0;
  }

  #take(capacity: number): GpuMemory | undefined {
    const memory = this.#free.get(capacity)?.shift();
    if (!memory) return undefined;
    this.#order.delete(memory);
    this.#freeBytes -= capacity;
    return memory;
  }

  #create(capacity: number): GpuMemory {
    // What is kept for reuse counts too.
    while (this.#bytes + this.#freeBytes + capacity > this.#options.limit && this.#order.size > 0) this.#destroyOldest();
    const usage = BufferUsage.storage | BufferUsage.copySource | BufferUsage.copyTarget;
    const buffer = this.#options.faults.watchAllocation(capacity, () => this.#device.createBuffer({ size: capacity, usage }));
    return new GpuMemory(this.#nextId++, capacity, buffer);
  }

  #keep(memory: GpuMemory): void {
    const list = this.#free.get(memory.capacity);
    if (list) list.splice(insertionPoint(list, memory.id), 0, memory);
    else this.#free.set(memory.capacity, [memory]);
    this.#order.add(memory);
    this.#freeBytes += memory.capacity;
    while (this.#freeBytes > Math.max(KEPT_BYTES, this.#peakBytes)) this.#destroyOldest();
  }

  #destroyOldest(): void {
    for (const memory of this.#order) {
      this.#order.delete(memory);
      const list = this.#free.get(memory.capacity);
      list?.splice(list.indexOf(memory), 1);
      this.#freeBytes -= memory.capacity;
      this.#options.forget(memory);
      memory.buffer.destroy();
      return;
    }
  }
}

/** Where `id` belongs in a list sorted by id. */
function insertionPoint(list: readonly GpuMemory[], id: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle]!.id < id) low = middle + 1;
    else high = middle;
  }
  return low;
}
