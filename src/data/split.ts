/** @file A seeded division of each class into training and test items, for data that come without a test set. */
import { foldIn, key, permutation } from '../core/random.ts';
import { DataFileError } from '../contract/errors.ts';
import type { Reading } from './reading.ts';

export const DEFAULT_TEST_PART = 0.2;

/** Positions of the training and of the test items, each ascending. */
export interface Split {
  readonly train: readonly number[];
  readonly test: readonly number[];
}

/** The items of one class. */
export interface Group {
  /** For people. */
  readonly called: string;
  /** What the class is told from others by, below 2^32. */
  readonly number: number;
  readonly positions: readonly number[];
}

/**
 * Keeps `testPart` of each class for the test set, rounded, but at least one item and never all. A class's draw depends on the seed, its own number
 * and the order of its items, and on no other class. DataFileError for a class of one item.
 */
export function stratifiedSplit(
  name: string,
  groups: readonly Group[],
  { testPart = DEFAULT_TEST_PART, splitSeed = 0 }: Pick<Reading, 'testPart' | 'splitSeed'>,
): Split {
  const train: number[] = [];
  const test: number[] = [];
  for (const { called, number, positions } of groups) {
    if (positions.length === 0) continue;
    if (positions.length === 1)
      throw new DataFileError(`${name}: ${called} has one item, which cannot be in the training and in the test set: add more`);
    const kept = Math.min(positions.length - 1, Math.max(1, Math.round(testPart * positions.length)));
    permutation(foldIn(key(splitSeed), number), positions.length).forEach((place, i) => {
      (i < kept ? test : train).push(positions[place]!);
    });
  }
  const ascending = (a: number, b: number): number => a - b;
  return { train: train.sort(ascending), test: test.sort(ascending) };
}

/** For people: how the test set came about. */
export function splitSentence({ testPart = DEFAULT_TEST_PART, splitSeed = 0 }: Reading): string {
  return `no test set there: ${testPart} of each class was drawn for it by split seed ${splitSeed}`;
}
