/**
 * @file What each key that is derived from a seed is for. `foldIn(key(seed), purpose)` gives independent numbers for each purpose of one table, so
 * a new use takes a new number and changes none of the old draws.
 */

/** Keys of a search, from the key of its seed. */
export const SEARCH_KEYS = { weights: 0, architecture: 1, data: 2, noise: 3, evaluation: 4, dropPath: 5, calibration: 6 } as const;

/** Keys of a child's training from scratch, from the key of its seed. */
export const TRAINING_KEYS = { data: 0, dropPath: 1 } as const;

/** Keys of what surrounds a search or a training, from the key of the same seed; apart from those of both. */
export const RUN_KEYS = {
  /** Which images are trained on, and which are for validation. */
  split: 100,
  /** The start of a strategy other than the search's default. */
  strategy: 101,
  /** A genotype drawn at random. */
  randomGenotype: 200,
  /** The weights that a child starts its training from. */
  childWeights: 201,
  /** The architectures under which credits are recorded. */
  credits: 0xc4ed17,
} as const;
