/** @file Tensor: a dense, row-major array on a device, and a node of the graph that recorded how it was made. */
import type { BufferHandle, DType, Operand, TypedArray } from './backend.ts';
import type { Device } from './device.ts';
import { DisposedError, ShapeError } from './errors.ts';
import type { GraphNode } from './graph.ts';
import { type Shape, showShape, sizeOf } from './shape.ts';

/** Memory shared by the tensors that are reshapes of one another. Internal. */
export class Storage {
  readonly device: Device;
  readonly handle: BufferHandle;
  /** Tensors that use this memory; at zero it goes back to the device. */
  uses = 0;
  /** Counts in-place writes, so that a backward pass can tell that a value it needs has changed. */
  version = 0;
  constructor(device: Device, handle: BufferHandle) {
    this.device = device;
    this.handle = handle;
  }
}

let nextId = 0;

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
    return this.device.backend.read(this.storage.handle, this.size, this.dtype);
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
    if (--this.storage.uses === 0) this.device.backend.free(this.storage.handle);
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
    return { handle: this.storage.handle, shape: this.shape, dtype: this.dtype };
  }
}
