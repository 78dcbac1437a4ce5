/**
 * @file A device that computes in float64 and carries with every number a bound on what float32 may lose on the way to it.
 *
 * Fused operations run as their composites here, so the bound is the specification's: a kernel may sum in another order, but
 * has to stay within the same sum of absolute terms.
 */
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
import { BackendDevice } from '../../core/device.ts';
import type { Device } from '../../core/tensor.ts';
import { CaptureError, OptionError } from '../../contract/errors.ts';
import { sizeOf } from '../../contract/shape.ts';
import type { Tensor } from '../../core/tensor.ts';
import { rules, type Tracked } from './rules.ts';

class TrackedBuffer implements BufferHandle {
  readonly data: Tracked['data'];
  readonly bound: Tracked['bound'];
  constructor(data: Tracked['data'], bound: Tracked['bound']) {
    this.data = data;
    this.bound = bound;
  }
  get byteLength(): number {
    return this.data.byteLength;
  }
}

class RoundingBackend implements Backend {
  readonly kind = 'cpu';
  readonly dtype = 'float64';
  readonly name = 'float64 with rounding bounds';
  readonly fused: FusedTable = {};
  /** Length of the longest sum so far. */
  longest = 0;
  #live = 0;
  #bytes = 0;

  alloc(length: number, dtype: DType): BufferHandle {
    const buffer = new TrackedBuffer(
      dtype === 'uint32' ? new Uint32Array(length) : new Float64Array(length),
      new Float64Array(length),
    );
    this.#live++;
    this.#bytes += buffer.byteLength;
    return buffer;
  }

  free(handle: BufferHandle): void {
    this.#live--;
    this.#bytes -= handle.byteLength;
  }

  view(handle: BufferHandle, offset: number, length: number): BufferHandle {
    const { data, bound } = trackedOf(handle);
    this.#live++;
    const part = new TrackedBuffer(data.subarray(offset, offset + length), bound.subarray(offset, offset + length));
    this.#bytes += part.byteLength;
    return part;
  }

  /** What float32 cannot hold (1/3, the square root of 2) is off from the start, by the rounding of it. */
  write(handle: BufferHandle, values: TypedArray): void {
    const { data, bound } = trackedOf(handle);
    data.set(values);
    if (data instanceof Float64Array)
      for (let i = 0; i < values.length; i++) bound[i] = Math.abs(data[i]! - Math.fround(data[i]!)) * 2 ** 24;
  }

  async read(handle: BufferHandle, length: number): Promise<TypedArray> {
    return trackedOf(handle).data.slice(0, length);
  }

  run<P extends Primitive>(op: P, params: PrimitiveParams[P], inputs: readonly Operand[], outputs: readonly Operand[]): void {
    this.longest = Math.max(this.longest, rules[op](params, inputs.map(tracked), outputs.map(tracked)));
  }

  launch(kernel: Kernel): void {
    throw new OptionError(`${kernel.name}: only primitives have rounding bounds`);
  }

  timer(): undefined {
    // Nothing is timed here.
  }

  flush(): void {
    // Nothing is ever pending.
  }

  async finish(): Promise<void> {
    // Nothing is ever pending.
  }

  readonly capturing = false;

  capture(): Program {
    throw new CaptureError('capture: the rounding device cannot capture; use cpu() or webgpu()');
  }

  outsideCapture<T>(body: () => T): T {
    return body();
  }

  memory(): BackendMemory {
    return { buffers: this.#live, bytes: this.#bytes, pooledBuffers: 0, pooledBytes: 0 };
  }

  destroy(): void {
    // The garbage collector has it all.
  }
}

function trackedOf(handle: BufferHandle): TrackedBuffer {
  if (!(handle instanceof TrackedBuffer)) throw new OptionError('a buffer of another backend was given to the rounding backend');
  return handle;
}

function tracked(operand: Operand): Tracked {
  const { data, bound } = trackedOf(operand.handle);
  const size = sizeOf(operand.shape);
  return {
    data: data.length === size ? data : data.subarray(0, size),
    bound: bound.length === size ? bound : bound.subarray(0, size),
    shape: operand.shape,
  };
}

/** A float64 device with bounds. */
export interface RoundingDevice {
  readonly device: Device;
  /** For each element of a tensor of this device, the sum S of absolute terms whose roundings it carries. */
  readonly bounds: (t: Tensor) => Float64Array;
  /** Length n of the longest sum computed so far: |float32 - exact| <= (n + 4) 2^-23 S. */
  readonly longest: () => number;
}

export function roundingDevice(): RoundingDevice {
  const backend = new RoundingBackend();
  return {
    device: new BackendDevice(backend),
    bounds: (t) => trackedOf(t.storage.handle).bound.slice(0, t.size),
    longest: () => backend.longest,
  };
}
