/** @file What is read from the probability of each option of each choice: the argmax child, and entropies. */
import { type Architecture, architectureOf, argmaxOf } from '../space/architecture.ts';
import { type ChoiceWeights, disposeWeights, hostRows, type SpaceLayout } from '../space/layout.ts';
import type { Place } from '../space/search-space.ts';
import type { ArchitectureStrategy } from './strategy.ts';

/** The child of each choice's argmax over all its options, `none` included; ties go to the first. SNAS, section 4.2. */
export async function argmaxArchitecture(layout: SpaceLayout, probabilities: ChoiceWeights): Promise<Architecture> {
  return architectureOf(layout, argmaxOf(await hostRows(layout, probabilities)));
}

/** Mean entropy of a choice, in nats: ln 8 = 2.079 where eight options are equally likely. Of each choice by itself, whatever it stands in. */
export async function meanEntropy(layout: SpaceLayout, probabilities: ChoiceWeights): Promise<number> {
  let total = 0;
  const rows = await hostRows(layout, probabilities);
  for (const row of rows) for (const v of row) if (v > 0) total -= v * Math.log(v);
  return total / rows.length;
}

/**
 * The entropy in nats of the architecture that is computed: a choice counts as often as it is reached, sum_c P(c is reached) H(c), for choices that
 * are drawn independently. Where no choice stands in an option of another, the sum of all entropies.
 */
export function jointEntropy(layout: SpaceLayout, rows: readonly (readonly number[])[], places: readonly Place[]): number {
  const reached = reachProbabilities(layout, rows, places);
  return rows.reduce((sum, row, c) => sum + reached[c]! * row.reduce((h, v) => (v > 0 ? h - v * Math.log(v) : h), 0), 0);
}

/** The probability that each choice is reached at one place or more: that all the options on the way to it are taken. */
export function reachProbabilities(layout: SpaceLayout, rows: readonly (readonly number[])[], places: readonly Place[]): number[] {
  return layout.choices.map((_, c) => {
    const ways = places.filter(({ choice }) => choice === c).map(({ path }) => path);
    return probabilityOfAny(ways, rows);
  });
}

type Way = Place['path'];

/** P(all steps of one way or more are taken), choices independent: by what the first open choice takes. */
function probabilityOfAny(ways: readonly Way[], rows: readonly (readonly number[])[]): number {
  if (ways.length === 0) return 0;
  if (ways.some((way) => way.length === 0)) return 1;
  const { choice } = ways[0]![0]!;
  return rows[choice]!.reduce((sum, p, option) => {
    if (p === 0) return sum;
    const left = ways.flatMap((way) =>
      way.some((step) => step.choice === choice && step.option !== option) ? [] : [way.filter((step) => step.choice !== choice)],
    );
    return sum + p * probabilityOfAny(left, rows);
  }, 0);
}

/** Runs `body` with a strategy's probabilities and frees them. */
export async function withProbabilities<T>(strategy: ArchitectureStrategy, body: (p: ChoiceWeights) => Promise<T>): Promise<T> {
  const p = strategy.probabilities();
  try {
    return await body(p);
  } finally {
    disposeWeights(p);
  }
}
