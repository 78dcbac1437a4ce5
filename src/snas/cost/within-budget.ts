/** @file The most probable architecture below a budget, by a greedy rule: a multiple-choice knapsack. */
import { smallestOf } from '../../contract/extremes.ts';
import { architectureOf, type Architecture, optionIndices } from '../space/architecture.ts';
import { CostTable } from './cost.ts';
import type { Resource } from '../space/resources.ts';

/** The most that the options of an architecture may cost together, by resource. */
export type CostLimits = Partial<Readonly<Record<Resource, number>>>;

/** Below this a probability is no reason for or against an option. */
const LEAST = 1e-30;

/**
 * An architecture whose options cost no more than the limits, near `start` and probable. `rows` are the probabilities of each choice's options.
 *
 * While a limit is broken, the one choice takes another option that gives up the least log-probability for what it takes off the excess (the sum over
 * resources of what is above the limit, as a fraction of the space's range); what a change saves beyond the limit does not count. An option in which
 * other choices stand may be taken with those at their cheapest. Then choices that were changed go back to more probable options as far as the
 * limits let them, the largest gain first. That is the usual greedy rule of the multiple-choice knapsack problem (Sinha and Zoltners, Operations
 * Research 27, 1979): not always the most probable, and no single change of a changed choice makes it more so. Undefined where nothing was found: of
 * one limit that cannot be met, and in rare cases of several.
 */
export function withinBudget(
  table: CostTable,
  rows: readonly (readonly number[])[],
  start: Architecture,
  limits: CostLimits,
): Architecture | undefined {
  const { layout } = table;
  const resources = (Object.keys(limits) as Resource[]).filter((resource) => limits[resource] !== undefined);
  const { largest, smallest } = table.extremes();
  // A resource that no option changes is either below its limit or never.
  const units = Object.fromEntries(resources.map((r) => [r, 1 / Math.max(1, largest[r] - smallest[r])])) as Partial<
    Record<Resource, number>
  >;
  const excess = (taken: readonly number[]): number => {
    const cost = table.of(architectureOf(layout, taken));
    return resources.reduce((sum, r) => sum + Math.max(0, cost[r] - limits[r]!) * units[r]!, 0);
  };
  const logP = (choice: number, option: number): number => Math.log(Math.max(LEAST, rows[choice]![option]!));
  const gain = (from: readonly number[], to: readonly number[]): number =>
    to.reduce(
      (sum, option, choice) => (option === from[choice] ? sum : sum + logP(choice, option) - logP(choice, from[choice]!)),
      0,
    );
  const moves = (taken: readonly number[], choices: readonly number[]): number[][] =>
    choices.flatMap((choice) =>
      layout.choices[choice]!.options.flatMap((_, option) => (option === taken[choice] ? [] : [taken.with(choice, option)])),
    );
  const cheapest = cheapestOptions(table, units);
  const all = layout.choices.map((_, choice) => choice);
  const first = optionIndices(layout, start);
  let taken: readonly number[] = first;
  for (let before = excess(taken); before > 0; before = excess(taken)) {
    const found = [...moves(taken, all), ...nestedMoves(table, taken, cheapest)]
      .map((to) => ({ to, gain: gain(taken, to), saved: before - excess(to) }))
      .filter(({ saved }) => saved > 0);
    // A change that is no loss comes before all others.
    const price = (move: (typeof found)[number]): number => (move.gain >= 0 ? -move.gain : -move.gain / move.saved);
    const [head, ...rest] = found;
    if (!head) return excess(cheapest) === 0 ? architectureOf(layout, cheapest) : undefined;
    taken = rest.reduce((a, b) => (price(b) < price(a) ? b : a), head).to;
  }
  for (;;) {
    const changed = all.filter((choice) => taken[choice] !== first[choice]);
    const [head, ...rest] = moves(taken, changed)
      .map((to) => ({ to, gain: gain(taken, to) }))
      .filter((move) => move.gain > 0 && excess(move.to) === 0);
    if (!head) return architectureOf(layout, taken);
    taken = rest.reduce((a, b) => (b.gain > a.gain ? b : a), head).to;
  }
}

/** Each choice's cheapest option, with what is cheapest within it. */
function cheapestOptions({ layout, places }: CostTable, weights: CostLimits): number[] {
  const values = new Map<number, readonly number[]>();
  const valuesOf = (choice: number): readonly number[] => {
    const known = values.get(choice);
    if (known) return known;
    const own = places.filter((place) => place.choice === choice).map(({ costs }) => CostTable.combined(costs, weights));
    const within = places.map((place) => ({ inner: place.choice, step: place.path.at(-1) }));
    const found = layout.choices[choice]!.options.map((_, option) => {
      const inner = new Set(within.filter(({ step }) => step?.choice === choice && step.option === option).map((w) => w.inner));
      return own.reduce((sum, costs) => sum + costs[option]!, 0) + [...inner].reduce((sum, c) => sum + smallestOf(valuesOf(c)), 0);
    });
    values.set(choice, found);
    return found;
  };
  return layout.choices.map((_, choice) => valuesOf(choice).indexOf(smallestOf(valuesOf(choice))));
}

/** Options in which other choices stand, taken with all of those at their cheapest. */
function nestedMoves({ layout, places }: CostTable, taken: readonly number[], cheapest: readonly number[]): number[][] {
  return layout.choices.flatMap(({ options }, choice) =>
    options.flatMap((_, option) => {
      const inner = new Set(
        places
          .filter(({ path }) => path.some((step) => step.choice === choice && step.option === option))
          .map((place) => place.choice),
      );
      return inner.size === 0 ? [] : [taken.map((k, c) => (c === choice ? option : inner.has(c) ? cheapest[c]! : k))];
    }),
  );
}
