/** @file The heap in WebAssembly memory: block sizes, no overlap, and freed neighbours joined. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LimitError } from '../../../../src/index.ts';
import { blockSize, Heap } from '../../../../src/backends/wasm/runtime/heap.ts';

const MEGABYTE = 2 ** 20;

/** The address of a block, or undefined where the heap refuses it by its limit. */
function allocated(heap: Heap, bytes: number): number | undefined {
  try {
    return heap.alloc(bytes);
  } catch (error) {
    if (error instanceof LimitError) return undefined;
    throw error;
  }
}

describe('the heap', () => {
  it('gives a block at most an eighth or 64 bytes more than was asked for', () => {
    for (let bytes = 1; bytes < 3 * MEGABYTE; bytes = Math.ceil(bytes * 1.07)) {
      const size = blockSize(bytes);
      expect(size % 64).toBe(0);
      expect(size).toBeGreaterThanOrEqual(bytes);
      expect(size - bytes).toBeLessThan(Math.max(64, bytes / 8));
      expect(blockSize(size)).toBe(size);
    }
  });

  it('gives out no byte twice, whatever is freed in whatever order', () => {
    const sizes = fc.constantFrom(0, 1, 64, 65, 1000, 5000, 70_000, 300_000);
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.record({ take: sizes }), fc.record({ free: fc.nat(50) })), { maxLength: 80 }), (actions) => {
        const heap = new Heap({ maximumBytes: 3 * MEGABYTE });
        const live: { at: number; bytes: number }[] = [];
        for (const action of actions) {
          if ('free' in action) {
            const [block] = live.splice(action.free % Math.max(1, live.length), 1);
            if (block) heap.free(block.at, block.bytes);
            continue;
          }
          const at = allocated(heap, action.take);
          if (at === undefined) continue;
          const end = at + blockSize(action.take);
          expect(at % 64).toBe(0);
          expect(end).toBeLessThanOrEqual(heap.memory.buffer.byteLength);
          for (const block of live) expect(end <= block.at || at >= block.at + blockSize(block.bytes)).toBe(true);
          live.push({ at, bytes: action.take });
        }
      }),
      { seed: 61, numRuns: 60 },
    );
  });

  it('joins free neighbours before it refuses', () => {
    const heap = new Heap({ maximumBytes: 2 * MEGABYTE });
    const small = Array.from({ length: 14 }, () => heap.alloc(MEGABYTE / 8));
    for (const at of small) heap.free(at, MEGABYTE / 8);
    expect(heap.alloc(MEGABYTE)).toBeGreaterThan(0);
    expect(heap.alloc(MEGABYTE / 2)).toBeGreaterThan(0);
    expect(() => heap.alloc(MEGABYTE)).toThrow(LimitError);
  });
});
