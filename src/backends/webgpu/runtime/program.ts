/** @file Captured steps on WebGPU: dispatches noted once, with memory that is planned once, and encoded again at every replay. */
import type { BufferCopy, Program } from '../../../contract/backend.ts';
import { CaptureError } from '../../../contract/errors.ts';
import { type Lifetimes, Capture } from '../../../contract/memory-plan.ts';
import type { BindGroups } from './bind-groups.ts';
import type { Faults } from './faults.ts';
import { BLOCK_BYTES, blocksOf, type CommandQueue, type Dispatch } from './commands.ts';
import { type GpuHandle, type GpuMemory, type MemoryPool, gpuHandle } from './memory.ts';
import type { Pipeline } from './pipelines.ts';
import { BufferUsage } from './flags.ts';

/** A submit has this many dispatches, so that the device works while the host encodes. */
const BATCH = 256;

/** What a step asks for while it is captured. */
export class GpuCapture extends Capture<GpuMemory> {
  readonly #pool: MemoryPool;
  readonly #dispatches: Dispatch[] = [];
  /** Handles that keep memory from outside the step alive. */
  readonly #holds = new Map<GpuMemory, GpuHandle>();

  constructor(pool: MemoryPool) {
    super();
    this.#pool = pool;
  }

  alloc(byteLength: number): GpuHandle {
    const handle = this.#pool.plan(byteLength);
    this.lifetimes.add(handle.memory);
    return handle;
  }

  push(dispatch: Dispatch): void {
    const command = this.#dispatches.length;
    for (const { memory } of dispatch.bindings) {
      if (this.lifetimes.use(memory, command) || this.#holds.has(memory)) continue;
      this.#holds.set(memory, this.#pool.open(memory, 0, memory.capacity));
    }
    this.#dispatches.push(dispatch);
  }

  /** Lets go of everything: nothing has been done. */
  abandon(): void {
    for (const hold of this.#holds.values()) this.#pool.free(hold);
    this.#holds.clear();
  }

  finish(device: GPUDevice, queue: CommandQueue, groups: BindGroups, faults: Faults): GpuProgram {
    this.check();
    groups.admit();
    const program = new GpuProgram({ device, queue, groups, faults, pool: this.#pool }, this.#dispatches, this.lifetimes, [
      ...this.#holds.values(),
    ]);
    // They are the program's from here on.
    this.#holds.clear();
    return program;
  }
}

interface Parts {
  readonly device: GPUDevice;
  readonly queue: CommandQueue;
  readonly pool: MemoryPool;
  readonly groups: BindGroups;
  readonly faults: Faults;
}

interface Step {
  readonly pipeline: Pipeline;
  readonly group: GPUBindGroup;
  readonly workgroups: readonly [number, number, number];
}

export class GpuProgram implements Program {
  readonly launches: number;
  readonly bytes: number;
  readonly unsharedBytes: number;
  readonly #queue: CommandQueue;
  readonly #pool: MemoryPool;
  readonly #groups: BindGroups;
  readonly #faults: Faults;
  readonly #bindGroups: number;
  #steps: readonly Step[];
  readonly #uniforms: GPUBuffer;
  /** Memory from outside, intermediates that outlive the step, and slots. */
  readonly #holds: readonly GpuHandle[];
  #disposed = false;

  constructor(
    { device, queue, pool, groups, faults }: Parts,
    dispatches: readonly Dispatch[],
    lifetimes: Lifetimes<GpuMemory>,
    outside: readonly GpuHandle[],
  ) {
    this.#queue = queue;
    this.#pool = pool;
    this.#groups = groups;
    this.#faults = faults;
    const { kept, shared, slotBytes } = lifetimes.plan();
    // All of it or none.
    pool.admit([...kept.map(({ capacity }) => capacity), ...slotBytes].reduce((sum, bytes) => sum + bytes, 0));
    for (const memory of kept) pool.place(memory);
    const slots = slotBytes.map((bytes) => pool.alloc(bytes));
    this.#holds = [...outside, ...kept.map((memory) => pool.open(memory, 0, memory.capacity)), ...slots];
    const slotOf = new Map(shared.map(([memory, slot]) => [memory, slots[slot]!.memory]));
    const blocks = uniformBlocks(dispatches);
    this.#uniforms = device.createBuffer({
      label: 'uniforms of a captured step',
      size: Math.max(BLOCK_BYTES, blocks.words.byteLength),
      usage: BufferUsage.uniform | BufferUsage.copyTarget,
    });
    if (blocks.words.length > 0) device.queue.writeBuffer(this.#uniforms, 0, blocks.words);
    const made = new Map<string, GPUBindGroup>();
    this.#steps = dispatches.map(({ pipeline, bindings, uniforms, workgroups }, i) => {
      const uniformBytes = blocksOf(uniforms) * BLOCK_BYTES;
      const places = bindings.map((b) => ({ handle: b, memory: slotOf.get(b.memory) ?? b.memory }));
      const offset = blocks.offsets[i]!;
      let key = `${pipeline.layout.id} ${offset}:${uniformBytes}`;
      for (const { handle, memory } of places) key += ` ${memory.id}:${handle.offset}:${handle.bindingSize}`;
      let group = made.get(key);
      if (!group) {
        const resources = places.map(({ handle, memory }) => ({
          buffer: memory.buffer,
          offset: handle.offset,
          size: handle.bindingSize,
        }));
        group = groups.make(pipeline.layout, { buffer: this.#uniforms, offset, size: uniformBytes }, resources);
        made.set(key, group);
      }
      return { pipeline, group, workgroups };
    });
    this.#bindGroups = made.size;
    this.launches = dispatches.length;
    this.bytes = slots.reduce((sum, { memory }) => sum + memory.capacity, 0);
    this.unsharedBytes = shared.reduce((sum, [memory]) => sum + memory.capacity, 0);
  }

  async prepare(onProgress?: (compiled: number, of: number) => void): Promise<void> {
    const pipelines = [...new Set(this.#steps.map(({ pipeline }) => pipeline))].filter((p) => !p.compiled);
    let done = 0;
    await Promise.all(
      pipelines.map(async (pipeline) => {
        await pipeline.prepare();
        onProgress?.(++done, pipelines.length);
      }),
    );
    // Memory that the driver has not got is known before the first run, which would do a part of the step.
    const error = await this.#faults.collect();
    if (error) throw error;
  }

  run(before: readonly BufferCopy[], after: readonly BufferCopy[]): void {
    if (this.#disposed) throw new CaptureError('a captured step was used after it was disposed; capture it again');
    this.#queue.admit();
    const steps = this.#steps;
    const count = steps.length;
    for (let from = 0; from === 0 || from < count; from += BATCH) {
      const to = Math.min(count, from + BATCH);
      this.#queue.submit((encoder) => {
        if (from === 0) encodeCopies(encoder, before);
        if (to > from) encodeSteps(encoder, steps, from, to);
        if (to === count) encodeCopies(encoder, after);
      });
    }
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#steps = [];
    this.#groups.release(this.#bindGroups);
    this.#uniforms.destroy();
    for (const hold of this.#holds) this.#pool.free(hold);
  }
}

function encodeSteps(encoder: GPUCommandEncoder, steps: readonly Step[], from: number, to: number): void {
  const pass = encoder.beginComputePass();
  let current: Pipeline | undefined;
  let group: GPUBindGroup | undefined;
  for (let i = from; i < to; i++) {
    const step = steps[i]!;
    if (step.pipeline !== current) {
      current = step.pipeline;
      pass.setPipeline(current.gpu);
    }
    if (step.group !== group) {
      group = step.group;
      pass.setBindGroup(0, group);
    }
    pass.dispatchWorkgroups(step.workgroups[0], step.workgroups[1], step.workgroups[2]);
  }
  pass.end();
}

function encodeCopies(encoder: GPUCommandEncoder, copies: readonly BufferCopy[]): void {
  for (const [from, to] of copies) {
    const source = gpuHandle(from);
    const target = gpuHandle(to);
    encoder.copyBufferToBuffer(source.memory.buffer, source.offset, target.memory.buffer, target.offset, source.byteLength);
  }
}

/** The uniforms of all dispatches in blocks, equal ones once, and where each dispatch's are. */
function uniformBlocks(dispatches: readonly Dispatch[]): { words: Uint32Array<ArrayBuffer>; offsets: readonly number[] } {
  const found = new Map<string, number>();
  const parts: (readonly number[])[] = [];
  let bytes = 0;
  const offsets = dispatches.map(({ uniforms }) => {
    if (!uniforms) return 0;
    const key = uniforms.join();
    let offset = found.get(key);
    if (offset === undefined) {
      offset = bytes;
      found.set(key, offset);
      parts.push(uniforms);
      bytes += blocksOf(uniforms) * BLOCK_BYTES;
    }
    return offset;
  });
  const words = new Uint32Array(bytes / 4);
  let at = 0;
  for (const part of parts) {
    words.set(part, at);
    at += (blocksOf(part) * BLOCK_BYTES) / 4;
  }
  return { words, offsets };
}
