/** @file The CPU device, and its plain backend: flat typed arrays and loops, executed at once. In float64 it is the oracle. */
import type {
  Backend,
  BackendMemory,
  BufferHandle,
  DType,
  FloatType,
  Kernel,
  Operand,
  Primitive,
  PrimitiveParams,
  TypedArray,
} from '../backend.ts';
import { Device } from '../device.ts';
import { OptionError } from '../errors.ts';
import type { FusedKernel } from '../fused.ts';
import { sizeOf } from '../shape.ts';
import { cpuKernels } from './kernels.ts';
import { simdSupported } from './wasm/assembler.ts';
import { SimdBackend } from './wasm/backend.ts';

class CpuBuffer implements BufferHandle {
  readonly array: TypedArray;
  constructor(array: TypedArray) {
    this.array = array;
  }
  get byteLength(): number {
    return this.array.byteLength;
  }
}

const POOL_BYTES = 256 * 2 ** 20;

export class CpuBackend implements Backend {
  readonly kind = 'cpu';
  readonly dtype: FloatType;
  readonly name: string;
  readonly fusedKernels: ReadonlyMap<string, FusedKernel>;
  #live = 0;
  #bytes = 0;
  #pooledBytes = 0;
  readonly #pool = new Map<string, CpuBuffer[]>();

  constructor(dtype: FloatType, fusedKernels: ReadonlyMap<string, FusedKernel> = new Map()) {
    this.dtype = dtype;
    this.name = `cpu ${dtype}`;
    this.fusedKernels = fusedKernels;
  }

  alloc(length: number, dtype: DType): BufferHandle {
    const pooled = this.#pool.get(`${dtype} ${length}`)?.pop();
    if (pooled) this.#pooledBytes -= pooled.byteLength;
    const buffer = pooled ?? new CpuBuffer(makeArray(length, dtype));
    this.#live++;
    this.#bytes += buffer.byteLength;
    return buffer;
  }

  free(handle: BufferHandle): void {
    const buffer = own(handle);
    this.#live--;
    this.#bytes -= buffer.byteLength;
    if (buffer.array.byteOffset !== 0 || buffer.array.byteLength !== buffer.array.buffer.byteLength) return;
    if (this.#pooledBytes + buffer.byteLength > POOL_BYTES) return;
    const slot = `${dtypeOf(buffer.array)} ${buffer.array.length}`;
    const list = this.#pool.get(slot);
    if (list) list.push(buffer);
    else this.#pool.set(slot, [buffer]);
    this.#pooledBytes += buffer.byteLength;
  }

  view(handle: BufferHandle, offset: number, length: number, _dtype: DType): BufferHandle {
    this.#live++;
    const array = own(handle).array.subarray(offset, offset + length);
    this.#bytes += array.byteLength;
    return new CpuBuffer(array);
  }

  write(handle: BufferHandle, data: TypedArray): void {
    own(handle).array.set(data);
  }

  async read(handle: BufferHandle, length: number, _dtype: DType): Promise<TypedArray> {
    return own(handle).array.slice(0, length);
  }

  run<P extends Primitive>(op: P, params: PrimitiveParams[P], inputs: readonly Operand[], outputs: readonly Operand[]): void {
    cpuKernels[op](params, inputs.map(asCpu), outputs.map(asCpu));
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

function makeArray(length: number, dtype: DType): TypedArray {
  return dtype === 'float32' ? new Float32Array(length) : dtype === 'float64' ? new Float64Array(length) : new Uint32Array(length);
}

function dtypeOf(array: TypedArray): DType {
  return array instanceof Float32Array ? 'float32' : array instanceof Float64Array ? 'float64' : 'uint32';
}

export interface CpuOptions {
  /** float64 (default) is the reference for every gradient; float32 is for training: half the memory and SIMD kernels. */
  readonly dtype?: FloatType;
  /** float32 only: false runs the plain loops even where WebAssembly has SIMD. Default: SIMD where there is one. */
  readonly simd?: boolean;
}

/** A device that runs on the processor, in Node and in a page. */
export function cpu(options: CpuOptions = {}): Device {
  const { dtype = 'float64', simd = true } = options;
  if (dtype !== 'float32' && dtype !== 'float64')
    throw new OptionError(`cpu: dtype ${String(dtype)} must be 'float32' or 'float64'`);
  return new Device(dtype === 'float32' && simd && simdSupported() ? new SimdBackend() : new CpuBackend(dtype));
}
