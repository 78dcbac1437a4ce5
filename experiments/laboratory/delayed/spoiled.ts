/**
 * @file A wrong value of a later state: how much of it reaches the first state, when, and how long TD takes to repair it.
 *
 * Updates are linear in the values, so what a planted error does is the difference of two learners that see the same episodes, and noise cancels. On a
 * chain an error of 1 at a state `gap` steps after the first is C(m, gap) a^gap (1 - a)^(m - gap) at the first state after m episodes of TD(0), the
 * probability of `gap` among m trials: each episode passes a share a of it one state back and keeps 1 - a.
 */
import { foldIn, key, uniforms } from 'reparam';
import { pathOf, tdLambdaEpisode, treeSize } from './tabular.ts';

/** The closed form on a chain. */
export function spoiledShare(rate: number, episodes: number, gap: number): number {
  if (gap > episodes) return 0;
  let logWays = 0;
  for (let i = 1; i <= gap; i++) logWays += Math.log(episodes - gap + i) - Math.log(i);
  return Math.exp(logWays + gap * Math.log(rate) + (episodes - gap) * Math.log1p(-rate));
}

export interface Spoiling {
  /** Largest error of the first state, of an error of 1 that was planted, and after how many episodes it came. */
  readonly peak: number;
  readonly peakAt: number;
  /** Episodes after which the first state's error stays below a twentieth of the peak; the limit if it never did. */
  readonly repairedAt: number;
  /** The first state's error by episode, from 0. */
  readonly course: Float64Array;
}

export interface SpoilOptions {
  /** Decisions, and options at each: one makes a chain. */
  readonly depth: number;
  readonly actions: number;
  readonly rate: number;
  /** TD(lambda). */
  readonly lambda: number;
  /** Steps from the first state to the planted one, which is the first child of the first child and so on. */
  readonly gap: number;
  readonly episodes: number;
  readonly seed: number;
}

/** Plants an error of 1 and follows what it does to the first state, under uniform choices. */
export function spoil({ depth, actions, rate, lambda, gap, episodes, seed }: SpoilOptions): Spoiling {
  // The difference of two learners obeys the same updates with reward 0.
  const errors = new Float64Array(treeSize(actions, depth));
  errors[pathOf(Array<number>(gap).fill(0), actions).at(-1)!] = 1;
  const course = new Float64Array(episodes + 1);
  course[0] = errors[0]!;
  for (let m = 1; m <= episodes; m++) {
    const choices = Array.from(uniforms(foldIn(key(seed), m), depth), (u) => Math.floor(u * actions));
    tdLambdaEpisode(errors, pathOf(choices, actions), 0, rate, lambda);
    course[m] = errors[0]!;
  }
  let peakAt = 0;
  for (let m = 1; m <= episodes; m++) if (Math.abs(course[m]!) > Math.abs(course[peakAt]!)) peakAt = m;
  const peak = course[peakAt]!;
  let repairedAt = peakAt;
  if (peak !== 0) for (let m = peakAt; m <= episodes; m++) if (Math.abs(course[m]!) > Math.abs(peak) / 20) repairedAt = m + 1;
  return { peak, peakAt, repairedAt: Math.min(repairedAt, episodes), course };
}
