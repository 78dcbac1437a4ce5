/** @file Long sums in registers as sums of short ones: a chain of additions loses a digit for every tenfold of its length. */
import { type FunctionWriter, type Local, lower } from './assembler.ts';
import { type Code, doWhile, f32x4, i32, v128 } from './instructions.ts';

/** Terms that are added in a row. */
export const BLOCK = 32;

/**
 * Runs `step`, which adds to `sums` and moves the address `at` on by `bytes`, until it is at `end`: at least once. Every `block` steps
 * the sums are added to others, which they are in the end. A block is at most OVERREAD bytes, so that its end is an address too.
 */
export function blockSums(
  f: FunctionWriter,
  sums: readonly Local[],
  at: Local,
  end: Code,
  bytes: number,
  step: Code,
  block: number = BLOCK,
): Code {
  const totals = f.localArray('v128', sums.length);
  const stop = f.i32();
  return [
    ...totals.flatMap((total) => total.set(v128.zero)),
    ...doWhile(
      [
        ...sums.flatMap((sum) => sum.set(v128.zero)),
        ...stop.set(i32.add(at.get, i32.const(block * bytes))),
        ...stop.set(lower(stop.get, end)),
        ...doWhile(step, i32.lessThanUnsigned(at.get, stop.get)),
        ...totals.flatMap((total, i) => total.set(f32x4.add(total.get, sums[i]!.get))),
      ],
      i32.lessThanUnsigned(at.get, end),
    ),
    ...sums.flatMap((sum, i) => sum.set(totals[i]!.get)),
  ];
}
