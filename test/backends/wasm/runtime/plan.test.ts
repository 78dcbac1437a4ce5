/** @file The cache of plans. */
import { expect, it } from 'vitest';
import { Heap } from '../../../../src/backends/wasm/runtime/heap.ts';
import { type Plan, PlanCache } from '../../../../src/backends/wasm/runtime/plan.ts';

/** Plans of one word that holds `mark`. */
function marked(heap: Heap, mark: number, made: number[]): () => readonly Plan[] {
  return () => {
    made.push(mark);
    const address = heap.alloc(4);
    new Int32Array(heap.memory.buffer)[address / 4] = mark;
    return [{ address, bytes: 4, scratchBytes: 0, run: () => undefined }];
  };
}

function read(heap: Heap, plans: () => readonly Plan[]): number {
  return new Int32Array(heap.memory.buffer)[plans()[0]!.address / 4]!;
}

it('plans are made once a key while the cache holds them', () => {
  const heap = new Heap();
  const cache = new PlanCache(heap);
  const made: number[] = [];
  const first = cache.get('a', marked(heap, 1, made));
  const second = cache.get('a', marked(heap, 1, made));
  expect([read(heap, first), read(heap, second), ...made]).toEqual([1, 1, 1]);
});

it('a captured kernel whose plans the cache has dropped gets them again, and never reads the words of others', () => {
  const heap = new Heap();
  const cache = new PlanCache(heap, 2);
  const made: number[] = [];
  const kept = Array.from({ length: 5 }, (_, i) => cache.get(`key ${i}`, marked(heap, 10 + i, made)));
  expect(made).toEqual([10, 11, 12, 13, 14]);
  for (let round = 0; round < 3; round++) {
    for (const [i, plans] of kept.entries()) expect(read(heap, plans)).toBe(10 + i);
  }
  // Two are held, so a round over five makes all of them again; one that is held is not made again.
  const count = made.length;
  expect(read(heap, kept[4]!)).toBe(14);
  expect(made.length).toBe(count);
  // Memory is steady: at most two plans' words live.
  expect(heap.freeBlocks).toBeGreaterThan(0);
});
