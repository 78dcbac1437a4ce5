/** @file Threefry against the published known answers. */
import { describe, expect, it } from 'vitest';
import { threefry } from '../../src/contract/threefry.ts';

describe('Threefry-2x32-20 gives the known answers of Random123 (kat_vectors)', () => {
  it.each([
    { counter: [0, 0], k: [0, 0], answer: [0x6b200159, 0x99ba4efe] },
    { counter: [0xffffffff, 0xffffffff], k: [0xffffffff, 0xffffffff], answer: [0x1cb996fc, 0xbb002be7] },
    { counter: [0x243f6a88, 0x85a308d3], k: [0x13198a2e, 0x03707344], answer: [0xc4923a9c, 0x483df7a0] },
  ] as const)('counter $counter, key $k', ({ counter, k, answer }) => {
    expect(threefry(k, counter[0], counter[1])).toEqual(answer);
  });
});
