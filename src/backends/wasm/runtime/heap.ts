/** @file An allocator over one growing WebAssembly memory, with free lists by size class. */
import { LimitError } from '../../../contract/errors.ts';
import { MOST_PAGES } from './assembler.ts';

const PAGE = 65_536;
/** Addresses below are never given out, so that 0 is no block. */
const FIRST = 1024;
/** Kernels may read (never write) this far past the end of a block, and count addresses this far past it. */
export const OVERREAD = 1024;
const MINIMUM_GROWTH = 4 * 2 ** 20;
/** Addresses are unsigned 32-bit integers. The last OVERREAD bytes are never given out, so that no end of a block wraps. */
const ADDRESSABLE = 2 ** 32;
/** Offsets within a block are signed, and loops count past its end by less than this. */
const LARGEST_BLOCK = 2 ** 31 - PAGE;

/** Bytes that a block for `bytes` takes: a multiple of 64, and at most an eighth more for large ones, so that sizes share lists. */
export function blockSize(bytes: number): number {
  let step = 64;
  while (step * 16 < bytes) step *= 2;
  return Math.max(64, Math.ceil(bytes / step) * step);
}

export interface HeapOptions {
  /** The memory never grows beyond this; default and at most 4 GiB. */
  readonly maximumBytes?: number;
  /** Memory that threads share. Default false. */
  readonly shared?: boolean;
  /** For tests: memory that is there already, and the address of the first block in it. */
  readonly memory?: WebAssembly.Memory;
  readonly first?: number;
}

export class Heap {
  readonly memory: WebAssembly.Memory;
  readonly shared: boolean;
  readonly #maximum: number;
  /** Everything from here to the end of the memory has never been given out. */
  #top: number;
  #free = new Map<number, number[]>();
  #freeBlocks = 0;
  #freeBytes = 0;
  #scratch = 0;
  #scratchBytes = 0;

  constructor(options: HeapOptions = {}) {
    this.#maximum = Math.floor(Math.min(options.maximumBytes ?? ADDRESSABLE, ADDRESSABLE) / PAGE) * PAGE;
    this.shared = options.shared ?? false;
    this.#top = options.first ?? FIRST;
    try {
      this.memory =
        options.memory ??
        new WebAssembly.Memory(options.shared ? { initial: 1, maximum: MOST_PAGES, shared: true } : { initial: 1 });
    } catch (cause) {
      throw new LimitError(
        'cpu: this process cannot reserve address space for another float32 device; destroy one, or use simd: false',
        { cause },
      );
    }
  }

  /** Blocks kept for reuse. */
  get freeBlocks(): number {
    return this.#freeBlocks;
  }

  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** The end of all blocks that were ever given out. */
  get top(): number {
    return this.#top;
  }

  /** Address of a block of `blockSize(bytes)` bytes, aligned to 64; its content is undefined. */
  alloc(bytes: number): number {
    if (bytes > LARGEST_BLOCK) {
      throw new LimitError(`cpu: a tensor of ${bytes} bytes, where float32 kernels take ${LARGEST_BLOCK}; use a smaller batch`);
    }
    const size = blockSize(bytes);
    const reused = this.#take(size);
    if (reused !== undefined) return reused;
    if (!this.#fits(size)) {
      // Growing is for good: with much free in other sizes, cut or join blocks instead.
      const cut = this.#freeBytes > this.#top / 2 ? this.#fromOtherSizes(size) : undefined;
      if (cut !== undefined) return cut;
      if (!this.#fits(size) && !this.#grow(size)) {
        const last = this.#fromOtherSizes(size);
        if (last !== undefined) return last;
        if (!this.#fits(size)) this.#refuse(size);
      }
    }
    const at = this.#top;
    this.#top += size;
    return at;
  }

  /** Gives a block back; `bytes` as it was asked for. */
  free(at: number, bytes: number): void {
    this.#put(at, blockSize(bytes));
  }

  /** At least this many bytes that are good until the next call of `scratch`. */
  scratch(bytes: number): number {
    if (bytes > this.#scratchBytes) {
      if (this.#scratchBytes > 0) this.free(this.#scratch, this.#scratchBytes);
      this.#scratchBytes = 0;
      this.#scratch = this.alloc(bytes);
      this.#scratchBytes = bytes;
    }
    return this.#scratch;
  }

  #put(at: number, size: number): void {
    const list = this.#free.get(size);
    if (list) list.push(at);
    else this.#free.set(size, [at]);
    this.#freeBlocks++;
    this.#freeBytes += size;
  }

  #take(size: number): number | undefined {
    const at = this.#free.get(size)?.pop();
    if (at !== undefined) {
      this.#freeBlocks--;
      this.#freeBytes -= size;
    }
    return at;
  }

  /** Cuts a block out of the smallest free one that is large enough. */
  #split(size: number): number | undefined {
    let best = Infinity;
    for (const [candidate, list] of this.#free) if (candidate >= size && candidate < best && list.length > 0) best = candidate;
    if (best === Infinity) return undefined;
    const at = this.#take(best)!;
    if (best > size) this.#put(at + size, best - size);
    return at;
  }

  #fits(size: number): boolean {
    return this.#top + size + OVERREAD <= this.memory.buffer.byteLength;
  }

  #fromOtherSizes(size: number): number | undefined {
    const cut = this.#split(size);
    if (cut !== undefined) return cut;
    this.#joinNeighbours();
    return this.#split(size);
  }

  #joinNeighbours(): void {
    const blocks = [...this.#free].flatMap(([size, list]) => list.map((at) => ({ at, size }))).sort((a, b) => a.at - b.at);
    this.#free = new Map();
    this.#freeBlocks = 0;
    this.#freeBytes = 0;
    let run: { at: number; size: number } | undefined;
    for (const block of blocks) {
      if (run && run.at + run.size === block.at) {
        run.size += block.size;
      } else {
        if (run) this.#put(run.at, run.size);
        run = { ...block };
      }
    }
    if (!run) return;
    if (run.at + run.size === this.#top) this.#top = run.at;
    else this.#put(run.at, run.size);
  }

  #grow(size: number): boolean {
    const length = this.memory.buffer.byteLength;
    const needed = this.#top + size + OVERREAD - length;
    const generous = Math.max(needed, MINIMUM_GROWTH, length / 4);
    const allowed = this.#maximum - length;
    return needed <= allowed && (this.#growBy(Math.min(generous, allowed)) || this.#growBy(needed));
  }

  #refuse(size: number): never {
    throw new LimitError(
      `cpu: no memory for a block of ${size} bytes: ${this.#top - this.#freeBytes} bytes are in use, ${this.#freeBytes} are free in pieces, ` +
        `and the limit is ${this.#maximum} bytes (or what the system gives); use a smaller batch`,
    );
  }

  #growBy(bytes: number): boolean {
    try {
      this.memory.grow(Math.ceil(bytes / PAGE));
      return true;
    } catch {
      return false;
    }
  }
}
