/** @file The plain CPU backend: flat typed arrays and loops, executed at once. In float64 it is the oracle. */
import type {
  BufferHandle,
  DType,
  FloatType,
  FusedTable,
  Operand,
  Primitive,
  PrimitiveParams,
  TypedArray,
} from '../../contract/backend.ts';
import { LimitError, OptionError } from '../../contract/errors.ts';
import { ArrayBackend, type Slots } from '../shared/array-backend.ts';
import { ArrayBufferHandle, type ArrayMemory } from '../shared/array-memory.ts';
import type { Player } from '../shared/array-program.ts';
import { cpuKernels } from './kernels/index.ts';

type CpuMemory = ArrayMemory<TypedArray>;

class CpuBuffer extends ArrayBufferHandle<TypedArray> {
  #part: TypedArray | undefined;

  get array(): TypedArray {
    if (this.length === this.memory.length) return this.memory.place;
    this.#part ??= this.memory.place.subarray(this.offset, this.offset + this.length);
    return this.#part;
  }
}

const POOL_BYTES = 256 * 2 ** 20;

export class CpuBackend extends ArrayBackend<TypedArray, () => void> {
  readonly dtype: FloatType;
  readonly name: string;
  readonly fused: FusedTable;
  /** Arrays kept for reuse, by type and length. */
  readonly #pool = new Map<string, TypedArray[]>();
  #pooledBytes = 0;

  constructor(dtype: FloatType, fused: FusedTable = {}, memoryLimit?: number) {
    super(memoryLimit);
    this.dtype = dtype;
    this.name = `cpu ${dtype}`;
    this.fused = fused;
  }

  protected takePlace({ length, dtype, capacity }: CpuMemory): TypedArray {
    const array = this.#pool.get(`${dtype} ${length}`)?.pop();
    if (array) this.#pooledBytes -= capacity;
    return array ?? viewOf(bytes(capacity), length, dtype);
  }

  protected freePlace({ length, dtype, capacity, place }: CpuMemory): void {
    if (this.#pooledBytes + capacity > POOL_BYTES) return;
    const kind = `${dtype} ${length}`;
    const list = this.#pool.get(kind);
    if (list) list.push(place);
    else this.#pool.set(kind, [place]);
    this.#pooledBytes += capacity;
  }

  /** Plain memory, which each user sees in its own type. */
  protected takeSlots(slotBytes: readonly number[]): Slots<TypedArray> {
    const slots = slotBytes.map((size) => bytes(Math.ceil(size / 8) * 8));
    return { place: ({ length, dtype }, slot) => viewOf(slots[slot]!, length, dtype), free: () => undefined };
  }

  protected open(memory: CpuMemory, offset: number, length: number): CpuBuffer {
    return new CpuBuffer(memory, offset, length);
  }

  protected bufferOf(handle: BufferHandle): CpuBuffer {
    if (!(handle instanceof CpuBuffer)) throw new OptionError('a buffer of another backend was given to the CPU backend');
    return handle;
  }

  protected work<P extends Primitive>(
    op: P,
    params: PrimitiveParams[P],
    inputs: readonly Operand[],
    outputs: readonly Operand[],
  ): () => void {
    return () => cpuKernels[op](params, this.arrays(inputs), this.arrays(outputs));
  }

  protected hostWork(run: () => void): () => void {
    return run;
  }

  protected perform(work: () => void): void {
    work();
  }

  protected player(waves: readonly (readonly (() => void)[])[]): Player {
    const works = waves.flat();
    return {
      run: () => {
        for (const work of works) work();
      },
      dispose: () => undefined,
    };
  }

  protected pooled(): { readonly buffers: number; readonly bytes: number } {
    let buffers = 0;
    for (const list of this.#pool.values()) buffers += list.length;
    return { buffers, bytes: this.#pooledBytes };
  }

  destroy(): void {
    this.#pool.clear();
    this.#pooledBytes = 0;
  }
}

function viewOf(buffer: ArrayBuffer, length: number, dtype: DType): TypedArray {
  const Elements = dtype === 'float32' ? Float32Array : dtype === 'float64' ? Float64Array : Uint32Array;
  return new Elements(buffer, 0, length);
}

/** From here on the host is asked first: some promise memory that they do not have, and end the process at its first use. */
const LARGE_BYTES = 256 * 2 ** 20;

/** Zeroed memory, or a LimitError. */
function bytes(count: number): ArrayBuffer {
  const host: { process?: { availableMemory?: () => number } } = globalThis;
  const available = count < LARGE_BYTES ? undefined : host.process?.availableMemory?.();
  let cause: unknown;
  if (available === undefined || count <= available) {
    try {
      return new ArrayBuffer(count);
    } catch (error) {
      cause = error;
    }
  }
  throw new LimitError(
    `a tensor of ${count} bytes is more than this host can give: use a smaller batch or image, or split the tensor`,
    {
      cause,
    },
  );
}
