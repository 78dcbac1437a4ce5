/** @file What a seed is used for in a run, apart from the uses that a search and a training have for it themselves. */
import { foldIn, type Key, key } from '../core/random.ts';

/** The numbers are part of every published result: with others, the same seed would mean other images, weights and draws. */
const PURPOSES = {
  /** Which images are trained on and which validate. */
  split: 100,
  /** A strategy's initial parameters and its draws. */
  strategy: 101,
  /** A cell with one operation an edge, uniformly. */
  randomCell: 200,
  /** Initial weights of a child that is trained from scratch. */
  childWeights: 201,
  /** Z under which a search records credits, so that recording changes nothing. */
  credits: 0xc4ed17,
} as const;

/** The seed's key for one purpose. */
export function keyFor(seed: number, purpose: keyof typeof PURPOSES): Key {
  return foldIn(key(seed), PURPOSES[purpose]);
}
