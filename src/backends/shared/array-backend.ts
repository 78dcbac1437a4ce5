/** @file What the CPU backends have in common: buffers that are counted, kernels that run at once or are captured. */
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
import { LimitError, OptionError } from '../../contract/errors.ts';
import { beyondLimit, CaptureSwitch } from '../../contract/memory-plan.ts';
import { type Shape, sizeOf } from '../../contract/shape.ts';
import { type ArrayBufferHandle, ArrayMemory } from './array-memory.ts';
import type { Access } from './waves.ts';
import { ArrayCapture, type Placement, type Player } from './array-program.ts';

/** The places that the memory of a captured step shares. */
export interface Slots<Place> {
  place(memory: ArrayMemory<Place>, slot: number): Place;
  free(): void;
}

/**
 * A backend whose memory the host sees as typed arrays. Subclasses say where memory comes from, what the `Work` of a kernel is and how it
 * is done.
 */
export abstract class ArrayBackend<Place, Work> implements Backend {
  readonly kind = 'cpu';
  abstract readonly dtype: FloatType;
  abstract readonly name: string;
  abstract readonly fused: FusedTable;
  readonly #captures = new CaptureSwitch<ArrayCapture<ArrayMemory<Place>, Work>>();
  readonly #placement: Placement<ArrayMemory<Place>, Work> = {
    hold: (memory) => memory.handles++,
    release: (memory) => this.#release(memory),
    place: (memory) => this.#place(memory),
    share: (memories, slotBytes) => this.#share(memories, slotBytes),
    copy: (from, to) => this.bufferOf(to).array.set(this.bufferOf(from).array),
    waves: (commands) => this.waves(commands),
    player: (waves) => this.player(waves),
  };
  readonly #memoryLimit: number;
  #live = 0;
  #bytes = 0;

  /** `memoryLimit`: bytes that may be in use at once. */
  constructor(memoryLimit: number = Infinity) {
    this.#memoryLimit = memoryLimit;
  }

  /** Finds a place for memory of its own. */
  protected abstract takePlace(memory: ArrayMemory<Place>): Place;
  /** Takes back the place of memory that no buffer looks at any more. */
  protected abstract freePlace(memory: ArrayMemory<Place>): void;
  /** Finds places of these sizes, or none of them if one does not fit. */
  protected abstract takeSlots(slotBytes: readonly number[]): Slots<Place>;
  protected abstract open(memory: ArrayMemory<Place>, offset: number, length: number, dtype: DType): ArrayBufferHandle<Place>;
  /** The buffer behind a handle; an OptionError if another backend made it. */
  protected abstract bufferOf(handle: BufferHandle): ArrayBufferHandle<Place>;
  /** What calls a function of the host. */
  protected abstract hostWork(run: () => void): Work;
  protected abstract perform(work: Work): void;
  /** Plays the kernels of a captured step, wave by wave. */
  protected abstract player(waves: readonly (readonly Work[])[]): Player;
  /** What computes a primitive's outputs, now or at each replay. */
  protected abstract work<P extends Primitive>(
    op: P,
    params: PrimitiveParams[P],
    inputs: readonly Operand[],
    outputs: readonly Operand[],
  ): Work;
  /** Places kept for reuse, and their bytes. */
  protected abstract pooled(): { readonly buffers: number; readonly bytes: number };
  abstract destroy(): void;

  alloc(length: number, dtype: DType): BufferHandle {
    const memory = new ArrayMemory<Place>(length, dtype);
    const capture = this.#captures.current;
    if (capture) capture.lifetimes.add(memory);
    else this.#place(memory);
    return this.#open(memory, 0, length, dtype);
  }

  free(handle: BufferHandle): void {
    this.#live--;
    this.#release(this.bufferOf(handle).memory);
  }

  view(handle: BufferHandle, offset: number, length: number, dtype: DType): BufferHandle {
    const parent = this.bufferOf(handle);
    return this.#open(parent.memory, parent.offset + offset, length, dtype);
  }

  #open(memory: ArrayMemory<Place>, offset: number, length: number, dtype: DType): BufferHandle {
    this.#live++;
    memory.handles++;
    return this.open(memory, offset, length, dtype);
  }

  /** Before anything is allocated or done. */
  #admit(bytes: number): void {
    if (this.#bytes + bytes <= this.#memoryLimit) return;
    throw new LimitError(beyondLimit(this.name, bytes, this.#bytes, this.#memoryLimit));
  }

  #place(memory: ArrayMemory<Place>): void {
    this.#admit(memory.capacity);
    memory.place = this.takePlace(memory);
    this.#bytes += memory.capacity;
  }

  #release(memory: ArrayMemory<Place>): void {
    if (--memory.handles > 0 || memory.planned) return;
    this.freePlace(memory);
    this.#bytes -= memory.capacity;
  }

  #share(memories: readonly (readonly [ArrayMemory<Place>, number])[], slotBytes: readonly number[]): () => void {
    const total = slotBytes.reduce((sum, bytes) => sum + bytes, 0);
    this.#admit(total);
    const slots = this.takeSlots(slotBytes);
    for (const [memory, slot] of memories) memory.place = slots.place(memory, slot);
    this.#bytes += total;
    return () => {
      for (const [memory] of memories) memory.place = undefined;
      slots.free();
      this.#bytes -= total;
    };
  }

  write(handle: BufferHandle, data: TypedArray): void {
    if (this.#captures.current) throw this.#captures.current.refuseWrite();
    this.bufferOf(handle).array.set(data);
  }

  async read(handle: BufferHandle, length: number, _dtype: DType): Promise<TypedArray> {
    if (this.#captures.current) return this.#captures.current.refuseWait('data');
    return this.bufferOf(handle).array.slice(0, length);
  }

  run<P extends Primitive>(op: P, params: PrimitiveParams[P], inputs: readonly Operand[], outputs: readonly Operand[]): void {
    this.launchWork(inputs, outputs, this.work(op, params, inputs, outputs));
  }

  launch(kernel: Kernel, inputs: readonly Operand[], outputs: readonly Operand[]): void {
    if (kernel.kind !== 'cpu') throw new OptionError(`${kernel.name}: a ${kernel.kind} kernel cannot run on the CPU device`);
    const elements = ({ handle, shape }: Operand): TypedArray => {
      const { array } = this.bufferOf(handle);
      const size = sizeOf(shape);
      return array.length === size ? array : array.subarray(0, size);
    };
    this.launchWork(
      inputs,
      outputs,
      this.hostWork(() => kernel.run(inputs.map(elements), outputs.map(elements))),
    );
  }

  /** Does work with the operands, now or whenever the captured step runs. */
  protected launchWork(inputs: readonly Operand[], outputs: readonly Operand[], work: Work): void {
    const capture = this.#captures.current;
    if (!capture) this.perform(work);
    else capture.push(this.#memories(inputs), this.#memories(outputs), work);
  }

  /** The wave of each command of a captured step; here one command a wave, in their order. */
  protected waves(commands: readonly Access<ArrayMemory<Place>>[]): readonly number[] {
    return commands.map((_, i) => i);
  }

  #memories(operands: readonly Operand[]): ArrayMemory<Place>[] {
    return operands.map(({ handle }) => this.bufferOf(handle).memory);
  }

  /** Operands as the plain loops take them: arrays that may be longer than the shape says. */
  protected arrays(operands: readonly Operand[]): { data: TypedArray; shape: Shape }[] {
    return operands.map(({ handle, shape }) => ({ data: this.bufferOf(handle).array, shape }));
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
    const { buffers, bytes } = this.pooled();
    return { buffers: this.#live, bytes: this.#bytes, pooledBuffers: buffers, pooledBytes: bytes };
  }
}
