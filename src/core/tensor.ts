/**
 * @file Tensor: a dense, row-major array on a device, and a node of the graph of how it was made; and the device as a tensor sees it.
 *
 * A tensor belongs to a device, and a device makes tensors: the two types stand together. What a device does is in device.ts.
 */
/// <reference lib="esnext.disposable" preserve="true" />
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
  Program,
  TypedArray,
} from '../contract/backend.ts';
import { DisposedError, OptionError, ShapeError } from '../contract/errors.ts';
import { refuseOtherCopy } from '../contract/one-copy.ts';
import { type Shape, showShape, sizeOf } from '../contract/shape.ts';
import { observer } from './observe.ts';

/**
 * Cotangents of the inputs from the cotangent `g` of the output; entries that are not needed may be undefined. A list is of parts, which are
 * added in its order to those that have come before.
 */
export type Vjp = (g: Tensor, needs: readonly boolean[]) => readonly (Tensor | readonly Tensor[] | undefined)[];

/** How a tensor was computed. */
export interface GraphNode {
  readonly op: string;
  readonly inputs: readonly Tensor[];
  /** Versions of the inputs when they were read. */
  readonly versions: readonly number[];
  readonly vjp: Vjp;
}

/** Notes how `output` came from `inputs`. The list is copied: the caller's array may grow before the backward pass reads it. */
export function addNode(op: string, inputs: readonly Tensor[], output: Tensor, vjp: Vjp): void {
  output.node = {
    op,
    inputs: [...inputs],
    versions: inputs.map((t) => t.storage.version),
    vjp: observer?.backward(op, vjp) ?? vjp,
  };
}

/** The handle of memory that is not there: of tensors that have a shape alone. @internal */
export const NO_MEMORY: BufferHandle = { byteLength: 0 };

let nextId = 0;

/** The id that the next tensor gets. @internal */
export function upcomingId(): number {
  return nextId;
}

/** Memory shared by the tensors that are reshapes of one another. Internal. */
export class Storage {
  readonly device: Device;
  handle: BufferHandle;
  /** How many have this content in this memory, where it is shared until one of them is changed in place. */
  sharers: { count: number } | undefined;
  /** Tensors that use this memory; at zero it goes back to the device. */
  uses = 0;
  /** The id of the first tensor that could be in it. */
  readonly born: number = nextId;
  /** Counts in-place writes, so that a backward pass can tell that a value it needs has changed. */
  version = 0;
  constructor(device: Device, handle: BufferHandle) {
    this.device = device;
    this.handle = handle;
  }
}

/** The tensors made in each open scope, innermost last; `scope` pushes and pops. @internal */
export const openScopes: Set<Tensor>[] = [];

/**
 * A tensor. Make one with a device (`device.tensor(data, shape)`) or an operation; free it with `dispose()` or, better,
 * by making it inside `scope(() => ...)`.
 */
export class Tensor {
  /** Increases with creation, so inputs of an operation always have smaller ids than its output. */
  readonly id: number = nextId++;
  readonly shape: Shape;
  readonly dtype: DType;
  /** @internal */
  readonly storage: Storage;
  /** How this tensor was computed; undefined for leaves and for what was made under `noGrad`. @internal */
  node: GraphNode | undefined;
  #disposed = false;

  /** @internal */
  constructor(storage: Storage, shape: Shape, dtype: DType, persistent = false) {
    this.storage = storage;
    this.shape = shape;
    this.dtype = dtype;
    storage.uses++;
    storage.device.liveTensors++;
    if (!persistent) openScopes.at(-1)?.add(this);
  }

  /** An error, and not false, for a tensor of another copy of this package. */
  static [Symbol.hasInstance](value: unknown): value is Tensor {
    return typeof value === 'object' && value !== null && (#disposed in value || refuseOtherCopy('tensor', value));
  }

  /** By which another copy of this package tells what this is. @internal */
  get 'reparam tensor'(): true {
    return true;
  }

  get device(): Device {
    return this.storage.device;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** Number of dimensions. */
  get rank(): number {
    return this.shape.length;
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /** A copy of the elements, row-major, once they are computed. Float32Array, Float64Array or Uint32Array by dtype. */
  async data(): Promise<TypedArray> {
    this.operand('data');
    return this.device.read(this);
  }

  /** The value of a tensor of one element. */
  async item(): Promise<number> {
    if (this.size !== 1) {
      throw new ShapeError(`item: a tensor of shape ${showShape(this.shape)} has ${this.size} elements, not one; use data()`);
    }
    return (await this.data())[0]!;
  }

  /** Frees the memory (unless a reshape still uses it). Using the tensor afterwards is an error; disposing twice is not. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.node = undefined;
    this.device.liveTensors--;
    const { handle, sharers } = this.storage;
    if (--this.storage.uses > 0) return;
    if (sharers) sharers.count--;
    if (handle !== NO_MEMORY) this.device.backend.free(handle);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  toString(): string {
    return `Tensor(${showShape(this.shape)}, ${this.dtype}, ${this.device.name})`;
  }

  /** What a backend needs to know of this tensor; an error if it has been freed. @internal */
  operand(op: string): Operand {
    if (this.#disposed) {
      throw new DisposedError(
        `${op}: an operand of shape ${showShape(this.shape)} was freed, by dispose() or at the end of its scope; ` +
          'return it from the scope, or keep(tensor) it',
      );
    }
    const { handle, device } = this.storage;
    if (handle === NO_MEMORY && !device.dry) {
      throw new OptionError(
        `${op}: an operand of shape ${showShape(this.shape)} was made while shapes were recorded, and holds no values; make it outside of recordShapes`,
      );
    }
    device.used?.add(this.storage);
    return { handle, shape: this.shape, dtype: this.dtype };
  }
}

export type NestedArray = number | readonly NestedArray[];

export interface DeviceMemory extends BackendMemory {
  /** Tensors that have been made and not freed (several may share one buffer). */
  readonly tensors: number;
  /** Constants that the library keeps for later operations, of those tensors, and their bytes: both are bounded. */
  readonly constants: number;
  readonly constantBytes: number;
}

/** Where tensors are made. There is no global device; every operation takes its device from its operands. */
export interface Device extends Disposable {
  readonly backend: Backend;
  readonly kind: 'cpu' | 'webgpu';
  /** The float type that this device computes in. */
  readonly dtype: FloatType;
  /** The adapter or processor, for people. */
  readonly name: string;
  /** Whether values that only the device sees are checked there, and reported by the next read-back. */
  readonly checked: boolean;
  /** Whether operations check their operands and do no more: inside `dryRun`. @internal */
  readonly dry: boolean;
  /** @internal */
  liveTensors: number;
  /** While a step is captured: the memory of its operands. @internal */
  used: Set<Storage> | undefined;
  /**
   * A tensor from numbers: `device.tensor([[1, 2], [3, 4]])` or `device.tensor(flat, [2, 2])`, flat data row-major. A
   * Uint32Array makes a uint32 tensor; anything else is converted to the device's float type.
   */
  tensor(data: NestedArray | ArrayLike<number>, shape?: Shape): Tensor;
  /** Like `tensor`, but no scope frees it: for weights and other state. */
  parameter(data: NestedArray | ArrayLike<number>, shape?: Shape): Tensor;
  full(shape: Shape, value: number): Tensor;
  zeros(shape: Shape): Tensor;
  ones(shape: Shape): Tensor;
  /** [0, 1, ..., n - 1]. */
  arange(n: number): Tensor;
  /** A scalar constant. The first 256 values that a device sees are kept, so `mul(x, 0.5)` uploads nothing the second time. */
  scalar(value: number): Tensor;
  /** The scalars of a call, which lives as long as it: those that are not kept are freed when `use` returns. @internal */
  withScalars<T>(operands: readonly (Tensor | number)[], use: (tensors: readonly Tensor[]) => T): T;
  /**
   * A constant by name (window counts of a pool, the labels of a one-hot), which the device keeps while others are not used more recently:
   * a tensor of the caller's scope over memory that may be shared. @internal
   */
  constant(name: string, make: () => { readonly data: ArrayLike<number>; readonly shape: Shape }): Tensor;
  /** Uninitialised memory, for what fills it at once. @internal */
  empty(shape: Shape, dtype?: DType, persistent?: boolean): Tensor;
  /** Runs a primitive on tensors of this device and adds nothing to the graph. @internal */
  run<P extends Primitive>(op: P, params: PrimitiveParams[P], inputs: readonly Tensor[], outputs: readonly Tensor[]): void;
  /**
   * Launches a kernel that is not a primitive and returns its outputs, fresh tensors of the shapes asked for. Adds nothing to
   * the graph: for use inside the kernels of a `fused` operation.
   */
  launch(kernel: Kernel, inputs: readonly Tensor[], shapes: readonly Shape[], inPlace?: readonly Tensor[]): Tensor[];
  /**
   * Runs `body` on shapes and dtypes alone: every operation checks its operands as ever, and nothing is allocated, computed or added to the
   * graph. What it returns holds no values. Parameters may be made only where `hollow` says that they need none. @internal
   */
  dryRun<T>(body: () => T, options?: { readonly hollow?: boolean }): T;
  /** The number, [1], that holds the first row which breaks a rule of this message. @internal */
  flag(message: string): Tensor;
  /** The elements of a tensor; on a checked device an OptionError if a rule has been broken since the last read-back. @internal */
  read(tensor: Tensor): Promise<TypedArray>;
  /** Tensors have been changed in place: graphs that read them before can tell. @internal */
  noteWrites(tensors: readonly Tensor[]): void;
  /** Captures what `body` asks of this device, and notes the memory that it uses and that it writes in place. @internal */
  capture(body: () => void): {
    readonly program: Program;
    readonly used: ReadonlySet<Storage>;
    readonly written: ReadonlySet<Storage>;
  };
  /** Live tensors, buffers and bytes: constant from step to step in a loop that leaks nothing. */
  memory(): DeviceMemory;
  /** Hands queued work to the device without waiting for it. */
  flush(): void;
  /** Waits for all work; rejects with a typed error if any of it failed. */
  finish(): Promise<void>;
  /** Frees all of the device's memory; its tensors cannot be used any more. */
  destroy(): void;
}
