/** @file The WebGPU backend: gathers dispatches into batches, and turns late errors into typed ones at the next read. */
import type {
  Backend,
  BackendMemory,
  BufferHandle,
  DeviceTimer,
  DType,
  FusedTable,
  Kernel,
  Operand,
  Primitive,
  PrimitiveParams,
  Program,
  TypedArray,
} from '../../contract/backend.ts';
import { DTypeError, LimitError, OptionError } from '../../contract/errors.ts';
import { CaptureSwitch } from '../../contract/memory-plan.ts';
import { type Shape, sizeOf } from '../../contract/shape.ts';
import { BindGroups, nodeCollector } from './runtime/bind-groups.ts';
import { CommandQueue } from './runtime/commands.ts';
import { Faults } from './runtime/faults.ts';
import { webgpuFusedTable } from './kernels/fused.ts';
import type { Gpu, AdapterTraits } from './kernel.ts';
import { webgpuKernels } from './kernels/index.ts';
import { copyInto } from './kernels/layout.ts';
import { type GpuHandle, MemoryPool, gpuHandle } from './runtime/memory.ts';
import { PipelineCache } from './runtime/pipelines.ts';
import { GpuCapture } from './runtime/program.ts';
import { hasTimestamps, TimestampPair } from './runtime/timing.ts';
import { ReadBack } from './runtime/read-back.ts';

/** Constants that are kept: vectors of one number a channel, several in one launch. */
const KEPT_CONSTANTS = 32;

export class WebGpuBackend implements Backend, Gpu {
  readonly kind = 'webgpu';
  readonly dtype = 'float32';
  readonly name: string;
  readonly traits: AdapterTraits;
  readonly fused: FusedTable;
  /** The device itself. An error scope of reparam's is always open on it. */
  readonly gpuDevice: GPUDevice;
  readonly #faults: Faults;
  readonly #pipelines: PipelineCache;
  readonly #pool: MemoryPool;
  readonly #groups: BindGroups;
  readonly #queue: CommandQueue;
  readonly #readBack: ReadBack;
  #temporaries: GpuHandle[] = [];
  /** Constants by value and shape, the longest unused first. */
  readonly #constants = new Map<string, GpuHandle>();
  readonly #captures = new CaptureSwitch<GpuCapture>();
  #destroyed = false;

  constructor(device: GPUDevice, traits: AdapterTraits, name: string, memoryLimit: number = Infinity) {
    this.gpuDevice = device;
    this.traits = traits;
    this.name = name;
    this.fused = webgpuFusedTable(this);
    this.#faults = new Faults(device);
    this.#pipelines = new PipelineCache(device, this.#faults);
    this.#pool = new MemoryPool({
      device,
      faults: this.#faults,
      name,
      limit: memoryLimit,
      forget: (memory) => this.#queue.forget(memory),
    });
    this.#groups = new BindGroups(device, traits.software, traits.software ? nodeCollector() : undefined);
    this.#queue = new CommandQueue(device, this.#pool, this.#groups);
    this.#readBack = new ReadBack(device);
  }

  alloc(length: number, dtype: DType): BufferHandle {
    this.#faults.check();
    if (dtype === 'float64') throw new DTypeError('WebGPU has no float64; use cpu({ dtype: "float64" })');
    return this.#alloc(length * 4);
  }

  free(handle: BufferHandle): void {
    if (!this.#destroyed) this.#pool.free(gpuHandle(handle));
  }

  view(handle: BufferHandle, offset: number, length: number, _dtype: DType): BufferHandle {
    const parent = gpuHandle(handle);
    if (offset % 64 !== 0) throw new OptionError(`view: offset ${offset} must be a multiple of 64 elements`);
    return this.#pool.open(parent.memory, parent.offset + offset * 4, length * 4);
  }

  write(handle: BufferHandle, data: TypedArray): void {
    this.#faults.check();
    if (this.#captures.current) throw this.#captures.current.refuseWrite();
    const { memory, offset } = gpuHandle(handle);
    // The queue's write would run before what is pushed and not submitted yet.
    if (this.#pool.isPending(memory)) this.#queue.submit();
    this.gpuDevice.queue.writeBuffer(memory.buffer, offset, data);
  }

  async read(handle: BufferHandle, length: number, dtype: DType): Promise<TypedArray> {
    if (this.#captures.current) return this.#captures.current.refuseWait('data');
    this.#faults.check();
    const bytes = await this.#readBack.read(this.#queue, gpuHandle(handle), length * 4, this.#faults);
    return dtype === 'uint32' ? new Uint32Array(bytes) : new Float32Array(bytes);
  }

  run<P extends Primitive>(op: P, params: PrimitiveParams[P], inputs: readonly Operand[], outputs: readonly Operand[]): void {
    this.work(() => webgpuKernels[op](this, params, inputs, outputs));
  }

  launch(kernel: Kernel, inputs: readonly Operand[], outputs: readonly Operand[]): void {
    if (kernel.kind !== 'wgsl') throw new OptionError(`${kernel.name}: a ${kernel.kind} kernel cannot run on the WebGPU device`);
    this.#faults.check();
    const [x, y, z] = kernel.workgroups;
    if (x === 0 || y === 0 || z === 0) return;
    const { maxWorkgroups, maxStorageBuffers } = this.traits;
    if (Math.max(x, y, z) > maxWorkgroups) {
      throw new LimitError(
        `${kernel.name}: ${x} x ${y} x ${z} workgroups; this adapter's maxComputeWorkgroupsPerDimension is ${maxWorkgroups}`,
      );
    }
    if (inputs.length + outputs.length > maxStorageBuffers) {
      throw new LimitError(
        `${kernel.name}: ${inputs.length + outputs.length} buffers; this adapter's maxStorageBuffersPerShaderStage is ${maxStorageBuffers}`,
      );
    }
    const written = outputs.map((o) => gpuHandle(o.handle));
    const copies: GpuHandle[] = [];
    const read = inputs.map((o) => this.#apartFrom(written, o, copies));
    const capture = this.#captures.current;
    const sink = capture ?? this.#queue;
    sink.push({
      pipeline: this.#pipelines.get(kernel, inputs.length, outputs.length, capture ? 'fixed' : 'dynamic'),
      bindings: [...read, ...written],
      inputs: inputs.length,
      uniforms: kernel.uniforms,
      workgroups: kernel.workgroups,
    });
    for (const copy of copies) this.#pool.free(copy);
  }

  temporary(shape: Shape, dtype: DType = 'float32'): Operand {
    const handle = this.#alloc(sizeOf(shape) * 4);
    this.#temporaries.push(handle);
    return { handle, shape, dtype };
  }

  constant(shape: Shape, value: number): Operand {
    const key = `${value} ${shape.join(' ')}`;
    let handle = this.#constants.get(key);
    if (!handle) {
      const elements = new Float32Array(sizeOf(shape)).fill(value);
      handle = this.outsideCapture(() => {
        const made = this.#alloc(elements.byteLength);
        this.write(made, elements);
        return made;
      });
    }
    this.#constants.delete(key);
    this.#constants.set(key, handle);
    for (const [oldest, unused] of this.#constants) {
      if (this.#constants.size <= KEPT_CONSTANTS) break;
      this.#constants.delete(oldest);
      this.#pool.free(unused);
    }
    return { handle, shape, dtype: 'float32' };
  }

  work(body: () => void): void {
    this.#faults.check();
    try {
      body();
    } finally {
      for (const handle of this.#temporaries) this.#pool.free(handle);
      this.#temporaries = [];
    }
  }

  timer(): DeviceTimer | undefined {
    return hasTimestamps(this.gpuDevice) ? new TimestampPair(this.gpuDevice, this.#faults) : undefined;
  }

  flush(): void {
    this.#faults.check();
    // What a capture notes is handed over when it runs.
    if (this.#captures.current) return;
    this.#queue.submit();
  }

  async finish(): Promise<void> {
    if (this.#captures.current) return this.#captures.current.refuseWait('finish');
    this.flush();
    const fault = this.#faults.collect();
    await this.gpuDevice.queue.onSubmittedWorkDone().catch(() => undefined);
    const error = await fault;
    if (error) throw error;
    await this.#groups.tidy();
  }

  memory(): BackendMemory {
    return this.#pool.stats();
  }

  get capturing(): boolean {
    return this.#captures.current !== undefined;
  }

  capture(body: () => void): Program {
    this.#faults.check();
    return this.#captures.run(new GpuCapture(this.#pool), body, (capture) =>
      capture.finish(this.gpuDevice, this.#queue, this.#groups, this.#faults),
    );
  }

  outsideCapture<T>(body: () => T): T {
    return this.#captures.outsideCapture(body);
  }

  #alloc(byteLength: number): GpuHandle {
    return this.#captures.current ? this.#captures.current.alloc(byteLength) : this.#pool.alloc(byteLength);
  }

  /** Kernels compiled so far. */
  get pipelines(): number {
    return this.#pipelines.compiled;
  }

  /** Batches handed to the device and not yet done, and dispatches not yet handed over. */
  queue(): { readonly inFlight: number; readonly pending: number } {
    return { inFlight: this.#queue.inFlight, pending: this.#queue.pending };
  }

  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#faults.markDestroyed();
    this.#queue.destroy();
    this.#pool.clear();
    this.gpuDevice.destroy();
  }

  /**
   * WebGPU does not let one dispatch bind a buffer for reading and for writing, even apart from one another: an input that
   * shares memory with an output is read from a copy.
   */
  #apartFrom(written: readonly GpuHandle[], input: Operand, copies: GpuHandle[]): GpuHandle {
    const handle = gpuHandle(input.handle);
    if (!written.some((w) => w.memory === handle.memory)) return handle;
    const copy = this.#alloc(handle.byteLength);
    copyInto(this, input, { ...input, handle: copy });
    copies.push(copy);
    return copy;
  }
}
