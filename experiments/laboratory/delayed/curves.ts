/** @file What table methods need on a chain and on a tree: value by episode, and episodes until the first state's value is right. */
import { foldIn, key, uniforms } from 'reparam';
import { type Interval, interval } from 'reparam/credit';
import { chainValue, exactValues, pathOf, tdLambdaEpisode, treeSize } from './tabular.ts';

/** The table methods by lambda. */
export const tableMethods = [
  { name: 'TD(0)', lambda: 0 },
  { name: 'TD(0.9)', lambda: 0.9 },
  { name: 'Monte Carlo', lambda: 1 },
] as const;

export interface ChainCurve {
  readonly depth: number;
  readonly method: string;
  readonly points: readonly { readonly episodes: number; readonly value: number }[];
}

/** The first state's value by episode on chains that end in reward 1, and the closed form of TD(0). */
export function chainCurves(depths: readonly number[], rate: number, episodes: number): ChainCurve[] {
  return depths.flatMap((depth) => {
    const learnt = tableMethods.map(({ name, lambda }) => {
      const values = new Float64Array(depth + 1);
      const path = pathOf(Array<number>(depth).fill(0), 1);
      const points = [{ episodes: 0, value: 0 }];
      for (let m = 1; m <= episodes; m++) {
        tdLambdaEpisode(values, path, 1, rate, lambda);
        points.push({ episodes: m, value: values[0]! });
      }
      return { depth, method: name, points };
    });
    const closed = learnt[0]!.points.map((p) => ({ episodes: p.episodes, value: chainValue(1, rate, p.episodes, depth) }));
    return [...learnt, { depth, method: 'closed form', points: closed }];
  });
}

export interface EpisodesByDepth {
  readonly depth: number;
  readonly method: string;
  /** Episodes until the first state's value is within 10 % of the truth, over seeds; the limit where that did not happen. */
  readonly episodes: Interval;
  /** Runs that met the limit. */
  readonly unfinished: number;
}

/** Episodes to 10 % error on a chain, by depth: what delay alone costs. */
export function chainEpisodes(depths: readonly number[], rate: number): EpisodesByDepth[] {
  return depths.flatMap((depth) =>
    tableMethods.map(({ name, lambda }) => {
      const values = new Float64Array(depth + 1);
      const path = pathOf(Array<number>(depth).fill(0), 1);
      let m = 0;
      while (Math.abs(values[0]! - 1) > 0.1) {
        tdLambdaEpisode(values, path, 1, rate, lambda);
        m++;
      }
      return { depth, method: name, episodes: interval([m]), unfinished: 0 };
    }),
  );
}

/**
 * The same on a tree of actions^depth sequences with rewards 1 + 0.3 (uniform noise of variance 1), chosen uniformly: delay and branching
 * together. Tables share nothing between prefixes, so each must be visited often enough.
 */
export function treeEpisodes(
  depths: readonly number[],
  actions: number,
  rate: number,
  seeds: number,
  limit: number,
): EpisodesByDepth[] {
  return depths.flatMap((depth) => {
    const leaves = uniforms(key(depth), actions ** depth).map((u) => 1 + 0.3 * Math.sqrt(12) * (u - 0.5));
    const leafOf = (choices: readonly number[]): number => choices.reduce((at, a) => at * actions + a, 0);
    const reward = (choices: readonly number[]): number => leaves[leafOf(choices)]!;
    const uniformPolicy = Array.from({ length: depth }, () => Array<number>(actions).fill(1 / actions));
    const truth = exactValues({ depth, actions, reward }, uniformPolicy)[0]!;
    return tableMethods.map(({ name, lambda }) => {
      let unfinished = 0;
      const needed = Array.from({ length: seeds }, (_, seed) => {
        const values = new Float64Array(treeSize(actions, depth));
        for (let m = 1; m <= limit; m++) {
          const choices = Array.from(uniforms(foldIn(key(seed + 1), m), depth), (u) => Math.floor(u * actions));
          tdLambdaEpisode(values, pathOf(choices, actions), reward(choices), rate, lambda);
          if (Math.abs(values[0]! - truth) <= 0.1 * truth) return m;
        }
        unfinished++;
        return limit;
      });
      return { depth, method: name, episodes: interval(needed), unfinished };
    });
  });
}
