/** @file A step as a list of dispatches, and the queue that encodes and submits it: the one place where work reaches the device. */
import { LimitError } from '../../../contract/errors.ts';
import type { BindGroups } from './bind-groups.ts';
import type { GpuHandle, GpuMemory, MemoryPool } from './memory.ts';
import type { Pipeline } from './pipelines.ts';
import { BufferUsage } from './flags.ts';

/** One dispatch, complete: a captured step is a list of these. */
export interface Dispatch {
  readonly pipeline: Pipeline;
  /** Inputs, then outputs, as they are bound. */
  readonly bindings: readonly GpuHandle[];
  /** How many of the bindings are read only. */
  readonly inputs: number;
  readonly uniforms: readonly number[] | undefined;
  readonly workgroups: readonly [number, number, number];
}

/** Uniform blocks start at multiples of this (`minUniformBufferOffsetAlignment` is at most 256) and are padded to it. */
export const BLOCK_BYTES = 256;
const ARENA_BLOCKS = 256;
/** A batch is submitted when it has this many dispatches, so that the device works while the host goes on. */
const BATCH = 64;
/** With this many batches in flight the device has enough to do, and larger batches keep their number down. */
const BUSY = 64;
const LARGE_BATCH = 256;
/** Code without an await must hear of it before the device chokes on what is queued. */
const MOST_IN_FLIGHT = 768;
/** Cached for eager work. A step that is repeated finds all of its own. */
const BIND_GROUPS = 16384;

export class CommandQueue {
  readonly #device: GPUDevice;
  readonly #pool: MemoryPool;
  readonly #groups: BindGroups;
  readonly #arena: GPUBuffer;
  readonly #words = new Uint32Array((ARENA_BLOCKS * BLOCK_BYTES) / 4);
  readonly #bindGroups = new Map<string, { readonly group: GPUBindGroup; readonly bindings: readonly GpuHandle[] }>();
  #batch: Dispatch[] = [];
  #blocks = 0;
  #inFlight = 0;

  constructor(device: GPUDevice, pool: MemoryPool, groups: BindGroups) {
    this.#device = device;
    this.#pool = pool;
    this.#groups = groups;
    this.#arena = device.createBuffer({
      label: 'uniforms',
      size: ARENA_BLOCKS * BLOCK_BYTES,
      usage: BufferUsage.uniform | BufferUsage.copyTarget,
    });
  }

  /** Batches handed to the device that have not been reported done. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Dispatches pushed and not yet submitted. */
  get pending(): number {
    return this.#batch.length;
  }

  /** Adds a dispatch to the batch; submits the batch when it is full. */
  push(dispatch: Dispatch): void {
    const blocks = blocksOf(dispatch.uniforms);
    if (blocks > ARENA_BLOCKS) {
      throw new LimitError(
        `${dispatch.pipeline.name}: ${dispatch.uniforms!.length} uniform words; at most ${this.#words.length} fit`,
      );
    }
    const most = this.#inFlight < BUSY ? BATCH : LARGE_BATCH;
    if (this.#batch.length >= most || this.#blocks + blocks > ARENA_BLOCKS) {
      this.admit();
      this.submit();
    }
    for (const { memory } of dispatch.bindings) this.#pool.touch(memory);
    this.#blocks += blocks;
    this.#batch.push(dispatch);
  }

  /** Before work is added: waiting is impossible in synchronous code, so a queue that is full is an error; `finish` and reads still go through. */
  admit(): void {
    this.#groups.admit();
    if (this.#inFlight < MOST_IN_FLIGHT) return;
    throw new LimitError(
      `${this.#inFlight} batches of work are waiting for the device and nothing has been awaited: ` +
        'await device.finish(), or read a result, every step or so',
    );
  }

  /** Hands the batch to the device, followed by what `after` encodes. */
  submit(after?: (encoder: GPUCommandEncoder) => void): void {
    if (this.#batch.length === 0 && !after) return;
    const encoder = this.#device.createCommandEncoder();
    if (this.#batch.length > 0) this.#encode(encoder);
    after?.(encoder);
    this.#device.queue.submit([encoder.finish()]);
    this.#batch = [];
    this.#blocks = 0;
    this.#pool.nextBatch();
    this.#inFlight++;
    const settle = (): void => {
      this.#inFlight--;
    };
    void this.#device.queue.onSubmittedWorkDone().then(settle, settle);
  }

  /** Bind groups that name this memory are of no more use. */
  forget(memory: GpuMemory): void {
    for (const key of memory.bindGroups) if (this.#bindGroups.delete(key)) this.#groups.release(1);
    memory.bindGroups.clear();
  }

  destroy(): void {
    this.#batch = [];
    this.#bindGroups.clear();
    this.#arena.destroy();
  }

  #encode(encoder: GPUCommandEncoder): void {
    let block = 0;
    for (const { uniforms } of this.#batch) {
      if (!uniforms) continue;
      this.#words.set(uniforms, (block * BLOCK_BYTES) / 4);
      block += blocksOf(uniforms);
    }
    // Ordered after all work submitted so far, so overwriting the blocks of earlier batches is safe.
    if (block > 0) this.#device.queue.writeBuffer(this.#arena, 0, this.#words, 0, (block * BLOCK_BYTES) / 4);
    const pass = encoder.beginComputePass();
    block = 0;
    let current: Pipeline | undefined;
    for (const dispatch of this.#batch) {
      if (dispatch.pipeline !== current) {
        current = dispatch.pipeline;
        pass.setPipeline(current.gpu);
      }
      pass.setBindGroup(0, this.#bindGroup(dispatch), dispatch.uniforms ? [block * BLOCK_BYTES] : []);
      block += blocksOf(dispatch.uniforms);
      pass.dispatchWorkgroups(...dispatch.workgroups);
    }
    pass.end();
  }

  #bindGroup({ pipeline, bindings, uniforms }: Dispatch): GPUBindGroup {
    const uniformBytes = blocksOf(uniforms) * BLOCK_BYTES;
    let key = `${pipeline.layout.id} ${uniformBytes}`;
    for (const b of bindings) key += ` ${b.memory.id}:${b.offset}:${b.bindingSize}`;
    const found = this.#bindGroups.get(key);
    if (found) return found.group;
    if (this.#bindGroups.size >= BIND_GROUPS) this.#forgetAll();
    const resources = bindings.map((b) => ({ buffer: b.memory.buffer, offset: b.offset, size: b.bindingSize }));
    const group = this.#groups.make(pipeline.layout, { buffer: this.#arena, offset: 0, size: uniformBytes }, resources);
    this.#bindGroups.set(key, { group, bindings });
    for (const { memory } of bindings) memory.bindGroups.add(key);
    return group;
  }

  #forgetAll(): void {
    for (const { bindings } of this.#bindGroups.values()) {
      for (const { memory } of bindings) memory.bindGroups.clear();
    }
    this.#groups.release(this.#bindGroups.size);
    this.#bindGroups.clear();
  }
}

/** Blocks that a dispatch's uniforms take. */
export function blocksOf(uniforms: readonly number[] | undefined): number {
  return uniforms ? Math.max(1, Math.ceil((uniforms.length * 4) / BLOCK_BYTES)) : 0;
}
