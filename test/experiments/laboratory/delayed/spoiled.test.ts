/** @file A planted error of a later value: the closed form, and learners that start apart. */
import { expect, it } from 'vitest';
import { spoil, spoiledShare } from '../../../../experiments/laboratory/delayed/spoiled.ts';
import { pathOf, tdLambdaEpisode, treeSize } from '../../../../experiments/laboratory/delayed/tabular.ts';
import { foldIn, key, uniforms } from '../../../../src/index.ts';

it('TD(0) on a chain spoils the first state by the binomial closed form, to 1e-13; Monte Carlo does not spoil it', () => {
  for (const gap of [1, 3, 8]) {
    const options = { depth: gap + 2, actions: 1, rate: 0.2, gap, episodes: 120, seed: 1 };
    const { course, peakAt } = spoil({ ...options, lambda: 0 });
    course.forEach((v, m) => expect(Math.abs(v - spoiledShare(0.2, m, gap))).toBeLessThan(1e-13));
    // The mode of C(m, gap) a^gap (1 - a)^(m - gap) in m is gap / a, or one less.
    expect([gap / 0.2 - 1, gap / 0.2]).toContain(peakAt);
    expect(spoil({ ...options, lambda: 1 }).peak).toBe(0);
  }
});

it('what an error does is the difference of two learners on the same episodes with rewards, to 1e-12, on a tree, TD(0.7)', () => {
  const [depth, actions, rate, lambda, gap, episodes, seed] = [3, 2, 0.1, 0.7, 2, 60, 5];
  const [right, wrong] = [new Float64Array(treeSize(actions, depth)), new Float64Array(treeSize(actions, depth))];
  right.forEach((_, s) => (right[s] = wrong[s] = Math.sin(s)));
  wrong[pathOf([0, 0], actions).at(-1)!]! += 1;
  const { course } = spoil({ depth, actions, rate, lambda, gap, episodes, seed });
  for (let m = 1; m <= episodes; m++) {
    const choices = Array.from(uniforms(foldIn(key(seed), m), depth), (u) => Math.floor(u * actions));
    for (const v of [right, wrong]) tdLambdaEpisode(v, pathOf(choices, actions), Math.cos(m), rate, lambda);
    expect(Math.abs(wrong[0]! - right[0]! - course[m]!)).toBeLessThan(1e-12);
  }
});
