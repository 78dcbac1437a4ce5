/** @file The device of a backend: makes tensors, keeps constants, and passes work on. */
/// <reference lib="esnext.disposable" preserve="true" />
import type { Backend, DType, FloatType, Kernel, Primitive, PrimitiveParams, Program, TypedArray } from '../contract/backend.ts';
import { CaptureError, DeviceMismatchError, OptionError } from '../contract/errors.ts';
import { checkInteger, checkShape, hostNumbers, type Shape, sizeOf } from '../contract/shape.ts';
import { brokenRule, KEPT } from './checked.ts';
import { Constants } from './constants.ts';
import { withGradMode } from './grad-mode.ts';
import { hostData } from './host-data.ts';
import { observer } from './observe.ts';
import { alreadyDone, deviceOf, ownMemory } from './primitive.ts';
import { recorder } from './recorder.ts';
import { type Device, type DeviceMemory, type NestedArray, NO_MEMORY, Storage, Tensor } from './tensor.ts';

/** Scalars that are kept: the first of a device, for good. */
const KEPT_SCALARS = 256;
/** Other constants that are kept, and their bytes. */
const KEPT_CONSTANTS = 64;
const KEPT_CONSTANT_BYTES = 4 * 2 ** 20;

/** `Device` over any backend. */
export class BackendDevice implements Device {
  readonly backend: Backend;
  /** @internal */
  liveTensors = 0;
  /** By value; minus zero, which a Map takes for zero, by its name. */
  readonly #scalars = new Map<number | '-0', Tensor>();
  readonly #constants = new Constants(KEPT_CONSTANTS, KEPT_CONSTANT_BYTES);
  /** @internal */
  used: Set<Storage> | undefined;
  /** Whether operations check their operands and do no more. */
  #dry = false;
  /** Whether parameters may be made meanwhile, that hold no values. */
  #hollow = false;
  /** While a step is captured: memory that it writes in place. */
  #written: Set<Storage> | undefined;

  readonly #checked: boolean;
  /** By message, what `flag` gives. */
  readonly #flags = new Map<string, Tensor>();

  constructor(backend: Backend, options: { readonly checked?: boolean } = {}) {
    this.backend = backend;
    this.#checked = options.checked ?? false;
  }

  get checked(): boolean {
    return this.#checked && !this.#dry;
  }

  /** @internal */
  get dry(): boolean {
    return this.#dry;
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
    if (this.#dry && !this.#hollow) {
      throw new OptionError(
        'parameter: a parameter that is made while shapes are recorded would hold no values; make it, or its module, before',
      );
    }
    return this.#make(data, shape, true);
  }

  /** A replay would use the same numbers every time, which is hardly ever meant. */
  #refuseHostData(op: string): void {
    if (!this.backend.capturing || this.#dry) return;
    throw new CaptureError(
      `${op}: host data inside a captured step would be the same at every replay; make the tensor outside and pass it as an input ` +
        '(a number, as in mul(x, 0.5), is a constant and may stay)',
    );
  }

  #make(data: NestedArray | ArrayLike<number>, given: Shape | undefined, persistent: boolean): Tensor {
    const { shape, array } = hostData(data, given, this.dtype);
    const out = this.empty(shape, array instanceof Uint32Array ? 'uint32' : this.dtype, persistent);
    if (array.length > 0 && !this.#dry) this.backend.write(out.storage.handle, array);
    return out;
  }

  empty(shape: Shape, dtype: DType = this.dtype, persistent = false): Tensor {
    const handle = this.#dry ? NO_MEMORY : this.backend.alloc(sizeOf(shape), dtype);
    return new Tensor(new Storage(this, handle), shape, dtype, persistent);
  }

  scalar(value: number): Tensor {
    if (this.#dry) return this.empty([]);
    return this.#keptScalar(value) ?? this.backend.outsideCapture(() => this.#make(value, [], false));
  }

  #keptScalar(value: number): Tensor | undefined {
    const name = Object.is(value, -0) ? '-0' : value;
    const kept = this.#scalars.get(name);
    if (kept && !kept.disposed) return kept;
    if (!kept && this.#scalars.size >= KEPT_SCALARS) return undefined;
    const made = this.backend.outsideCapture(() => this.#make(value, [], true));
    this.#scalars.set(name, made);
    return made;
  }

  withScalars<T>(operands: readonly (Tensor | number)[], use: (tensors: readonly Tensor[]) => T): T {
    const temporary: Tensor[] = [];
    try {
      return use(
        operands.map((operand) => {
          if (typeof operand !== 'number') return operand;
          const kept = this.#dry ? undefined : this.#keptScalar(operand);
          if (kept) return kept;
          const made = this.#dry
            ? this.empty([], this.dtype, true)
            : this.backend.outsideCapture(() => this.#make(operand, [], true));
          temporary.push(made);
          return made;
        }),
      );
    } finally {
      for (const made of temporary) made.dispose();
    }
  }

  constant(name: string, make: () => { readonly data: ArrayLike<number>; readonly shape: Shape }): Tensor {
    const kept = this.#constants.get(name);
    if (kept && !kept.disposed) return this.#dry ? this.empty(kept.shape) : new Tensor(kept.storage, kept.shape, kept.dtype);
    const { data, shape } = make();
    if (this.#dry) return this.empty(shape);
    const made = this.backend.outsideCapture(() => this.#make(data, shape, true));
    const given = new Tensor(made.storage, made.shape, made.dtype);
    this.#constants.keep(name, made);
    return given;
  }

  full(shape: Shape, value: number): Tensor {
    checkShape('full', shape);
    const out = this.empty(shape);
    if (out.size > 0) this.withScalars([value], (scalar) => this.run('broadcastTo', {}, scalar, [out]));
    return out;
  }

  zeros(shape: Shape): Tensor {
    return this.full(shape, 0);
  }

  ones(shape: Shape): Tensor {
    return this.full(shape, 1);
  }

  arange(n: number): Tensor {
    checkInteger('arange', 'n', n, 0);
    return this.tensor(hostNumbers('arange', n, (i) => i));
  }

  run<P extends Primitive>(op: P, params: PrimitiveParams[P], inputs: readonly Tensor[], outputs: readonly Tensor[]): void {
    const operands = inputs.map((t) => t.operand(op));
    const targets = outputs.map((t) => t.operand(op));
    if (this.#dry) return recorder?.operation(op, params, inputs, outputs);
    const done = observer?.operation(op, inputs, outputs);
    this.backend.run(op, params, operands, targets);
    done?.();
  }

  launch(kernel: Kernel, inputs: readonly Tensor[], shapes: readonly Shape[], inPlace: readonly Tensor[] = []): Tensor[] {
    const { name } = kernel;
    const given = [...inputs, ...inPlace];
    if (given.length > 0 && deviceOf(name, given) !== this) {
      throw new DeviceMismatchError(`${name}: the operands are on another device than the one that launches it`);
    }
    for (const t of given) t.operand(name);
    for (const shape of shapes) checkShape(name, shape);
    const changed = new Set(inPlace.map((t) => t.storage));
    if (changed.size < inPlace.length || inputs.some((t) => changed.has(t.storage))) {
      throw new OptionError(`${name}: a tensor that it changes shares memory with another operand; give it once, in place`);
    }
    const made = shapes.map((shape) => this.empty(shape));
    if (inPlace.length > 0 && made.length === 0 && alreadyDone(name, inPlace)) return made;
    if (this.#dry) {
      recorder?.operation(name, {}, given, [...made, ...inPlace]);
    } else {
      for (const t of inPlace) ownMemory(t);
      const done = observer?.operation(name, given, [...made, ...inPlace]);
      this.backend.launch(
        kernel,
        inputs.map((t) => t.operand(name)),
        [...made, ...inPlace].map((t) => t.operand(name)),
      );
      done?.();
      this.noteWrites(inPlace);
    }
    return made;
  }

  dryRun<T>(body: () => T, { hollow = this.#hollow }: { readonly hollow?: boolean } = {}): T {
    const before = { dry: this.#dry, hollow: this.#hollow };
    this.#dry = true;
    this.#hollow = hollow;
    try {
      return withGradMode('dryRun', false, body);
    } finally {
      this.#dry = before.dry;
      this.#hollow = before.hollow;
    }
  }

  noteWrites(tensors: readonly Tensor[]): void {
    if (this.#dry) return;
    for (const { storage } of tensors) {
      storage.version++;
      this.#written?.add(storage);
    }
  }

  capture(body: () => void): {
    readonly program: Program;
    readonly used: ReadonlySet<Storage>;
    readonly written: ReadonlySet<Storage>;
  } {
    const before = { used: this.used, written: this.#written };
    const used = new Set<Storage>();
    const written = new Set<Storage>();
    this.used = used;
    this.#written = written;
    try {
      const program = this.backend.capture(body);
      // What has been freed meanwhile was the step's own.
      return { program, used: new Set([...used].filter(({ uses }) => uses > 0)), written };
    } finally {
      this.used = before.used;
      this.#written = before.written;
    }
  }

  memory(): DeviceMemory {
    let scalarBytes = 0;
    for (const { dtype } of this.#scalars.values()) scalarBytes += dtype === 'float64' ? 8 : 4;
    return {
      tensors: this.liveTensors,
      constants: this.#scalars.size + this.#constants.count,
      constantBytes: scalarBytes + this.#constants.bytes,
      ...this.backend.memory(),
    };
  }

  flush(): void {
    this.backend.flush();
  }

  async finish(): Promise<void> {
    // Both at once: a report that is refused first must not stand without anybody who waits for it.
    await Promise.all([this.#report(), this.backend.finish()]);
  }

  flag(message: string): Tensor {
    let flag = this.#flags.get(message);
    if (!flag) {
      flag = this.backend.outsideCapture(() => this.#make([KEPT], [1], true));
      this.#flags.set(message, flag);
    }
    return flag;
  }

  async read({ storage, size, dtype }: Tensor): Promise<TypedArray> {
    const [data] = await Promise.all([this.backend.read(storage.handle, size, dtype), this.#report()]);
    return data;
  }

  /** Throws what the flags say, and lowers them. */
  async #report(): Promise<void> {
    if (this.#flags.size === 0 || this.backend.capturing) return;
    const flags = [...this.#flags];
    const rows = await Promise.all(
      flags.map(async ([, { storage, dtype }]) => (await this.backend.read(storage.handle, 1, dtype))[0]!),
    );
    const raised = rows.findIndex((row) => row < KEPT);
    if (raised < 0) return;
    const kept = this.dtype === 'float32' ? Float32Array.of(KEPT) : Float64Array.of(KEPT);
    for (const [, { storage }] of flags) this.backend.write(storage.handle, kept);
    throw brokenRule(flags[raised]![0], rows[raised]!);
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
