/** @file The plan by which the intermediates of a captured step share memory. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Lifetime, planSlots } from '../../src/contract/memory-plan.ts';

const lifetimes = fc.array(
  fc.record({ first: fc.nat(30), length: fc.nat(10), bytes: fc.integer({ min: 1, max: 20 }) }).map(({ first, length, bytes }) => ({
    first,
    last: first + length,
    bytes: bytes * 256,
  })),
  { maxLength: 40 },
);

/** Bytes alive at the worst moment: no plan can do with less. */
function peak(list: readonly Lifetime[]): number {
  let most = 0;
  for (let t = 0; t <= 40; t++) {
    most = Math.max(
      most,
      list.reduce((sum, { first, last, bytes }) => sum + (first <= t && t <= last ? bytes : 0), 0),
    );
  }
  return most;
}

describe('the memory plan', () => {
  it('never gives one slot to two lifetimes that meet, not even in one command, and every slot holds the largest of its own', () => {
    fc.assert(
      fc.property(lifetimes, (list) => {
        const { slots, bytes } = planSlots(list);
        list.forEach((a, i) => {
          expect(slots[i]).toBeGreaterThanOrEqual(0);
          const meeting = list.filter((b, j) => i < j && slots[i] === slots[j] && b.first <= a.last && a.first <= b.last);
          expect(meeting).toEqual([]);
        });
        for (const [slot, size] of bytes.entries()) {
          expect(size).toBe(Math.max(...list.filter((_, i) => slots[i] === slot).map((l) => l.bytes)));
        }
      }),
      { seed: 41, numRuns: 300 },
    );
  });

  it('takes at least what is alive at the worst moment, and at most what everything takes together', () => {
    fc.assert(
      fc.property(lifetimes, (list) => {
        const total = planSlots(list).bytes.reduce((a, b) => a + b, 0);
        expect(total).toBeGreaterThanOrEqual(peak(list));
        expect(total).toBeLessThanOrEqual(list.reduce((sum, { bytes }) => sum + bytes, 0));
      }),
      { seed: 42, numRuns: 300 },
    );
  });

  it('needs two slots for a chain of equal intermediates, however long, and one for each where all are needed at the end', () => {
    const chain = Array.from({ length: 50 }, (_, i) => ({ first: i, last: i + 1, bytes: 1024 }));
    expect(planSlots(chain).bytes).toEqual([1024, 1024]);
    const tape = Array.from({ length: 50 }, (_, i) => ({ first: i, last: 100, bytes: 1024 }));
    expect(planSlots(tape).bytes).toHaveLength(50);
  });
});
