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

/**
 * Keeps `testPart` of each class for the test set, rounded, but at least one item and never all. `groups` holds the positions of each class's
 * items: the draw depends on the seed, the class's number and its items' order alone. DataFileError for a class of one item.
 */
export function stratifiedSplit(
  name: string,
  groups: readonly (readonly number[])[],
  { testPart = DEFAULT_TEST_PART, splitSeed = 0 }: Pick<Reading, 'testPart' | 'splitSeed'>,
  called: (group: number) => string,
): Split {
  const train: number[] = [];
  const test: number[] = [];
  groups.forEach((positions, group) => {
    if (positions.length === 0) return;
    if (positions.length === 1)
      throw new DataFileError(
        `${name}: ${called(group)} has one item, which cannot be in the training and in the test set: add more`,
      );
    const kept = Math.min(positions.length - 1, Math.max(1, Math.round(testPart * positions.length)));
    permutation(foldIn(key(splitSeed), group), positions.length).forEach((place, i) => {
      (i < kept ? test : train).push(positions[place]!);
    });
  });
  const ascending = (a: number, b: number): number => a - b;
  return { train: train.sort(ascending), test: test.sort(ascending) };
}

/** For people: how the test set came about. */
export function splitSentence({ testPart = DEFAULT_TEST_PART, splitSeed = 0 }: Reading): string {
  return `no test set there: ${testPart} of each class was drawn for it by split seed ${splitSeed}`;
}
