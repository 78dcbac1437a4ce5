/** @file The cache of plans. */
import { expect, it } from 'vitest';
import { Heap } from '../../../../src/backends/wasm/runtime/heap.ts';
import { type Plan, PlanCache, type PlanWords } from '../../../../src/backends/wasm/runtime/plan.ts';

/** Plans of one word that holds `mark`. */
function marked(heap: Heap, mark: number, made: number[]): () => readonly PlanWords[] {
  return () => {
    made.push(mark);
    const address = heap.alloc(4);
    new Int32Array(heap.memory.buffer)[address / 4] = mark;
    return [{ address, bytes: 4, scratchBytes: 0, run: () => undefined }];
  };
}

function read(heap: Heap, plans: readonly Plan[]): number {
  return new Int32Array(heap.memory.buffer)[plans[0]!.address / 4]!;
}

it('plans are made once a key while the cache holds them', () => {
  const heap = new Heap();
  const cache = new PlanCache(heap);
  const made: number[] = [];
  const first = cache.get('a', marked(heap, 1, made));
  const second = cache.get('a', marked(heap, 1, made));
  expect([read(heap, first), read(heap, second), ...made]).toEqual([1, 1, 1]);
});

it('words of plans that the cache has dropped stay while a captured step holds them, and no longer', () => {
  const heap = new Heap();
  const cache = new PlanCache(heap, 2);
  const made: number[] = [];
  const take = (i: number): readonly Plan[] => cache.get(`key ${i}`, marked(heap, 10 + i, made));
  const kept = Array.from({ length: 5 }, (_, i) => {
    const plans = take(i);
    plans[0]!.hold();
    return plans;
  });
  expect(made).toEqual([10, 11, 12, 13, 14]);
  for (const [i, plans] of kept.entries()) expect(read(heap, plans)).toBe(10 + i);
  expect(heap.freeBlocks).toBe(0);
  for (const plans of kept) plans[0]!.release();
  // The cache holds the last two.
  expect(heap.freeBlocks).toBe(3);
  expect([read(heap, take(3)), read(heap, take(4)), made.length]).toEqual([13, 14, 5]);
  take(0);
  expect(made).toEqual([10, 11, 12, 13, 14, 10]);
});

it('a call of a plan begins where the plan does in each operand', () => {
  const heap = new Heap();
  const words = { address: 64, bytes: 4, scratchBytes: 16, run: () => undefined, offsets: [8, 0, 12] };
  const [plan] = new PlanCache(heap).get('a', () => [words]);
  expect(plan!.call(1000, 2000, 3000)).toMatchObject({ parameters: [64, 1008, 2000, 3012], scratch: 16 });
});
