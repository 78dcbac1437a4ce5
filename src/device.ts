/** @file Device: where tensors are made. There is no global one; every operation takes its device from its operands. */
import { isRecording, record } from './graph.ts';
import {
  type Backend,
  type BackendMemory,
  type DType,
  type FloatType,
  type Kernel,
  type Primitive,
  type PrimitiveParams,
  type Program,
  type TypedArray,
} from './backend.ts';
import { CaptureError, DeviceMismatchError, DTypeError, OptionError, ShapeError } from './errors.ts';
import { checkShape, type Shape, showShape, sizeOf } from './shape.ts';
import { Storage, Tensor } from './tensor.ts';

export type NestedArray = number | readonly NestedArray[];

export interface DeviceMemory extends BackendMemory {
  /** Tensors that have been made and not freed (several may share one buffer). */
  readonly tensors: number;
}

const SCALAR_CACHE = 256;

export class Device {
  readonly backend: Backend;
  /** @internal */
  liveTensors = 0;
  readonly #scalars = new Map<number, Tensor>();
  readonly #constants = new Map<string, Tensor>();
  /** While a step is recorded: memory that it writes in place. */
  #written: Set<Storage> | undefined;

  constructor(backend: Backend) {
    this.backend = backend;
  }

  get kind(): 'cpu' | 'webgpu' {
    return this.backend.kind;
  }

  /** The float type that this device computes in. */
  get dtype(): FloatType {
    return this.backend.dtype;
  }

  /** The adapter or processor, for people. */
  get name(): string {
    return this.backend.name;
  }

  /**
   * A tensor from numbers: `device.tensor([[1, 2], [3, 4]])` or `device.tensor(flat, [2, 2])`, flat data row-major. A
   * Uint32Array makes a uint32 tensor; anything else is converted to the device's float type.
   */
  tensor(data: NestedArray | ArrayLike<number>, shape?: Shape): Tensor {
    this.#refuseHostData('tensor');
    return this.#make(data, shape, false);
  }

  /** Like `tensor`, but no scope frees it: for weights and other state. */
  parameter(data: NestedArray | ArrayLike<number>, shape?: Shape): Tensor {
    this.#refuseHostData('parameter');
    return this.#make(data, shape, true);
  }

  /** A replay would use the same numbers every time, which is hardly ever meant. */
  #refuseHostData(op: string): void {
    if (!this.backend.recording) return;
    throw new CaptureError(
      `${op}: host data inside a captured step would be the same at every replay; make the tensor outside and pass it as an input ` +
        '(a number, as in mul(x, 0.5), is a constant and may stay)',
    );
  }

  #make(data: NestedArray | ArrayLike<number>, shape: Shape | undefined, persistent: boolean): Tensor {
    const nested = shape === undefined && Array.isArray(data) && Array.isArray(data[0]);
    const inferred = shape ?? (typeof data === 'number' ? [] : nested ? nestedShape(data) : [(data as ArrayLike<number>).length]);
    checkShape('tensor', inferred);
    const flat = typeof data === 'number' ? [data] : nested ? flatten(data, inferred) : (data as ArrayLike<number>);
    if (flat.length !== sizeOf(inferred)) {
      throw new ShapeError(
        `tensor: ${flat.length} elements do not fill the shape ${showShape(inferred)}, which has ${sizeOf(inferred)}`,
      );
    }
    const dtype: DType = flat instanceof Uint32Array ? 'uint32' : this.dtype;
    const array = flat instanceof Uint32Array ? new Uint32Array(flat) : toFloat(flat, this.dtype);
    const out = this.empty(inferred, dtype, persistent);
    if (array.length > 0) this.backend.write(out.storage.handle, array);
    return out;
  }

  /** Uninitialised memory, for what fills it at once. @internal */
  empty(shape: Shape, dtype: DType = this.dtype, persistent = false): Tensor {
    return new Tensor(new Storage(this, this.backend.alloc(sizeOf(shape), dtype)), shape, dtype, persistent);
  }

  /** A scalar constant. The same small set of values shares its buffers, so `mul(x, 0.5)` uploads nothing the second time. */
  scalar(value: number): Tensor {
    const cached = this.#scalars.get(value);
    if (cached && !cached.disposed) return cached;
    const persistent = this.#scalars.size < SCALAR_CACHE && !Object.is(value, -0);
    const made = this.backend.unrecorded(() => this.#make(value, [], persistent));
    if (persistent) this.#scalars.set(value, made);
    return made;
  }

  /** A constant that is made once per device and kept, by name (window counts of a pool, the labels of a one-hot). @internal */
  constant(name: string, make: () => { readonly data: ArrayLike<number>; readonly shape: Shape }): Tensor {
    let found = this.#constants.get(name);
    if (!found) {
      const { data, shape } = make();
      found = this.backend.unrecorded(() => this.#make(data, shape, true));
      this.#constants.set(name, found);
    }
    return found;
  }

  full(shape: Shape, value: number): Tensor {
    checkShape('full', shape);
    const out = this.empty(shape);
    if (out.size > 0) this.run('broadcastTo', {}, [this.scalar(value)], [out]);
    return out;
  }

  zeros(shape: Shape): Tensor {
    return this.full(shape, 0);
  }

  ones(shape: Shape): Tensor {
    return this.full(shape, 1);
  }

  /** [0, 1, ..., n - 1]. */
  arange(n: number): Tensor {
    return this.tensor(
      Array.from({ length: n }, (_, i) => i),
      [n],
    );
  }

  /** Runs a primitive on tensors of this device and records nothing. @internal */
  run<P extends Primitive>(op: P, params: PrimitiveParams[P], inputs: readonly Tensor[], outputs: readonly Tensor[]): void {
    this.backend.run(
      op,
      params,
      inputs.map((t) => t.operand(op)),
      outputs.map((t) => t.operand(op)),
    );
  }

  /**
   * Launches a kernel that is not a primitive and returns its outputs, fresh tensors of the shapes asked for. Records
   * nothing: for use inside the kernels of a `fused` operation.
   */
  launch(kernel: Kernel, inputs: readonly Tensor[], shapes: readonly Shape[], inPlace: readonly Tensor[] = []): Tensor[] {
    const made = shapes.map((shape) => this.empty(shape));
    const outputs = [...made, ...inPlace];
    this.backend.launch(
      kernel,
      inputs.map((t) => t.operand(kernel.name)),
      outputs.map((t) => t.operand(kernel.name)),
    );
    this.noteWrites(inPlace);
    return made;
  }

  /** Tensors have been changed in place: graphs that read them before can tell. @internal */
  noteWrites(tensors: readonly Tensor[]): void {
    for (const { storage } of tensors) {
      storage.version++;
      this.#written?.add(storage);
    }
  }

  /** Records what `body` asks of this device, and the memory of others that it writes in place. @internal */
  record(body: () => void): { readonly program: Program; readonly written: ReadonlySet<Storage> } {
    const written = new Set<Storage>();
    this.#written = written;
    try {
      return { program: this.backend.record(body), written };
    } finally {
      this.#written = undefined;
    }
  }

  /** Live tensors, buffers and bytes: constant from step to step in a loop that leaks nothing. */
  memory(): DeviceMemory {
    return { tensors: this.liveTensors, ...this.backend.memory() };
  }

  /** Hands recorded work to the device without waiting for it. */
  flush(): void {
    this.backend.flush();
  }

  /** Waits for all work; rejects with a typed error if any of it failed. */
  finish(): Promise<void> {
    return this.backend.finish();
  }

  /** Frees all of the device's memory; its tensors cannot be used any more. */
  destroy(): void {
    this.#scalars.clear();
    this.#constants.clear();
    this.backend.destroy();
  }

  [Symbol.dispose](): void {
    this.destroy();
  }
}

/** The one device of some operands, or an error naming the operation. */
export function deviceOf(op: string, tensors: readonly Tensor[]): Device {
  const device = tensors[0]?.device;
  if (!device) throw new OptionError(`${op}: needs at least one tensor`);
  for (const t of tensors) {
    if (t.device !== device) {
      throw new DeviceMismatchError(
        `${op}: operands are on different devices (${device.name}, ${device.dtype}; ${t.device.name}, ${t.device.dtype}); ` +
          'copy one: other.tensor(await x.data(), x.shape)',
      );
    }
  }
  return device;
}

/** One vector-Jacobian product per input, in terms of the cotangent g and the output y; undefined where there is none. */
export type InputVjps = readonly (((g: Tensor, y: Tensor) => Tensor) | undefined)[];

/** Applies a primitive: checks operands, runs it, and records its VJPs unless under `noGrad`. */
export function apply<P extends Primitive>(
  op: P,
  params: PrimitiveParams[P],
  inputs: readonly Tensor[],
  shape: Shape,
  vjps: InputVjps = [],
  dtype?: DType,
): Tensor {
  const device = deviceOf(op, inputs);
  if (dtype === undefined) {
    for (const t of inputs) {
      if (t.dtype === 'uint32') {
        throw new DTypeError(`${op}: operand of shape ${showShape(t.shape)} is uint32; this operation takes floats`);
      }
    }
  }
  const operands = inputs.map((t) => t.operand(op));
  const out = device.empty(shape, dtype ?? device.dtype);
  if (out.size > 0) device.backend.run(op, params, operands, [out.operand(op)]);
  if (isRecording() && vjps.length > 0) {
    record(op, inputs, out, (g, needs) => inputs.map((_, i) => (needs[i] ? vjps[i]?.(g, out) : undefined)));
  }
  return out;
}

/** Applies a primitive that changes tensors in place; never differentiable. */
export function applyInPlace<P extends Primitive>(
  op: P,
  params: PrimitiveParams[P],
  inputs: readonly Tensor[],
  targets: readonly Tensor[],
): void {
  const device = deviceOf(op, [...inputs, ...targets]);
  device.run(op, params, inputs, targets);
  device.noteWrites(targets);
}

function toFloat(data: ArrayLike<number>, dtype: FloatType): TypedArray {
  return dtype === 'float32' ? Float32Array.from(data) : Float64Array.from(data);
}

function nestedShape(data: NestedArray | ArrayLike<number>): number[] {
  const shape: number[] = [];
  let level: unknown = data;
  while (Array.isArray(level)) {
    shape.push(level.length);
    level = level[0];
  }
  return shape;
}

function flatten(data: unknown, shape: Shape, depth = 0, out: number[] = []): number[] {
  if (depth === shape.length) {
    if (typeof data !== 'number') throw new ShapeError(`tensor: nested arrays are deeper in one place than in another`);
    out.push(data);
  } else {
    if (!Array.isArray(data) || data.length !== shape[depth]) {
      throw new ShapeError(`tensor: nested arrays are ragged at depth ${depth}: expected ${shape[depth]} entries`);
    }
    for (const inner of data) flatten(inner, shape, depth + 1, out);
  }
  return out;
}
