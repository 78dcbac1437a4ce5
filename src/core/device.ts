/** @file The device of a backend: makes tensors, keeps constants, and passes work on. */
/// <reference lib="esnext.disposable" preserve="true" />
import type { Backend, DType, FloatType, Kernel, Primitive, PrimitiveParams, Program, TypedArray } from '../contract/backend.ts';
import { CaptureError, ShapeError } from '../contract/errors.ts';
import { checkShape, type Shape, showShape, sizeOf } from '../contract/shape.ts';
import { type Device, type DeviceMemory, type NestedArray, Storage, Tensor } from './tensor.ts';

const SCALAR_CACHE = 256;

/** `Device` over any backend. */
export class BackendDevice implements Device {
  readonly backend: Backend;
  /** @internal */
  liveTensors = 0;
  readonly #scalars = new Map<number, Tensor>();
  readonly #constants = new Map<string, Tensor>();
  /** While a step is captured: memory that it writes in place. */
  #written: Set<Storage> | undefined;

  constructor(backend: Backend) {
    this.backend = backend;
  }

  get kind(): 'cpu' | 'webgpu' {
    return this.backend.kind;
  }

  get dtype(): FloatType {
    return this.backend.dtype;
  }

  get name(): string {
    return this.backend.name;
  }

  tensor(data: NestedArray | ArrayLike<number>, shape?: Shape): Tensor {
    this.#refuseHostData('tensor');
    return this.#make(data, shape, false);
  }

  parameter(data: NestedArray | ArrayLike<number>, shape?: Shape): Tensor {
    this.#refuseHostData('parameter');
    return this.#make(data, shape, true);
  }

  /** A replay would use the same numbers every time, which is hardly ever meant. */
  #refuseHostData(op: string): void {
    if (!this.backend.capturing) return;
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

  empty(shape: Shape, dtype: DType = this.dtype, persistent = false): Tensor {
    return new Tensor(new Storage(this, this.backend.alloc(sizeOf(shape), dtype)), shape, dtype, persistent);
  }

  scalar(value: number): Tensor {
    // A Map takes 0 and -0 for one key, and 1 / -0 is not 1 / 0.
    const cached = Object.is(value, -0) ? undefined : this.#scalars.get(value);
    if (cached && !cached.disposed) return cached;
    const persistent = this.#scalars.size < SCALAR_CACHE && !Object.is(value, -0);
    const made = this.backend.outsideCapture(() => this.#make(value, [], persistent));
    if (persistent) this.#scalars.set(value, made);
    return made;
  }

  constant(name: string, make: () => { readonly data: ArrayLike<number>; readonly shape: Shape }): Tensor {
    let found = this.#constants.get(name);
    if (!found) {
      const { data, shape } = make();
      found = this.backend.outsideCapture(() => this.#make(data, shape, true));
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

  arange(n: number): Tensor {
    return this.tensor(
      Array.from({ length: n }, (_, i) => i),
      [n],
    );
  }

  run<P extends Primitive>(op: P, params: PrimitiveParams[P], inputs: readonly Tensor[], outputs: readonly Tensor[]): void {
    this.backend.run(
      op,
      params,
      inputs.map((t) => t.operand(op)),
      outputs.map((t) => t.operand(op)),
    );
  }

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

  noteWrites(tensors: readonly Tensor[]): void {
    for (const { storage } of tensors) {
      storage.version++;
      this.#written?.add(storage);
    }
  }

  capture(body: () => void): { readonly program: Program; readonly written: ReadonlySet<Storage> } {
    const written = new Set<Storage>();
    this.#written = written;
    try {
      return { program: this.backend.capture(body), written };
    } finally {
      this.#written = undefined;
    }
  }

  memory(): DeviceMemory {
    return { tensors: this.liveTensors, ...this.backend.memory() };
  }

  flush(): void {
    this.backend.flush();
  }

  finish(): Promise<void> {
    return this.backend.finish();
  }

  destroy(): void {
    this.#scalars.clear();
    this.#constants.clear();
    this.backend.destroy();
  }

  [Symbol.dispose](): void {
    this.destroy();
  }
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
