/** @file Commands of a captured step that can be done side by side. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Access, wavesOf } from '../../../src/backends/shared/waves.ts';

const memories = fc.array(fc.nat(5), { maxLength: 3 });
const commands = fc.array(fc.record({ reads: memories, writes: memories }), { maxLength: 40 });

/** What every read of every command sees: the number of the command that wrote it last; in the order given. */
function seen(list: readonly Access<number>[], order: readonly number[]): Map<number, (number | undefined)[]> {
  const last = new Map<number, number>();
  const result = new Map<number, (number | undefined)[]>();
  for (const i of order) {
    const { reads, writes } = list[i]!;
    // What a command changes it has read.
    result.set(
      i,
      [...reads, ...writes].map((memory) => last.get(memory)),
    );
    for (const memory of writes) last.set(memory, i);
  }
  return result;
}

it('in any order within the waves every command sees what it sees in the order of the program', () => {
  fc.assert(
    fc.property(commands, fc.boolean(), (list, backwards) => {
      const waves = wavesOf(list);
      const order = list.map((_, i) => i).sort((a, b) => waves[a]! - waves[b]! || (backwards ? b - a : a - b));
      const expected = seen(
        list,
        list.map((_, i) => i),
      );
      const got = seen(list, order);
      for (const i of order) expect(got.get(i)).toEqual(expected.get(i));
    }),
    { seed: 5, numRuns: 500 },
  );
});

it('commands that have nothing to do with each other are of one wave, a chain has one for each', () => {
  const independent = [0, 1, 2].map((i) => ({ reads: [9], writes: [i] }));
  expect(wavesOf(independent)).toEqual([0, 0, 0]);
  expect(wavesOf([0, 1, 2].map((i) => ({ reads: [i], writes: [i + 1] })))).toEqual([0, 1, 2]);
  // Whoever writes waits for those that read.
  expect(wavesOf([...independent, { reads: [], writes: [9] }])).toEqual([0, 0, 0, 1]);
});
