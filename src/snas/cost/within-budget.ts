/** @file The most probable architecture below a budget, by a greedy rule: a multiple-choice knapsack. */
import { architectureOf, type Architecture, optionIndices } from '../space/architecture.ts';
import type { CostTable } from './cost.ts';
import type { Resource } from '../space/resources.ts';

/** The most that the options of an architecture may cost together, by resource. */
export type CostLimits = Partial<Readonly<Record<Resource, number>>>;

/** Below this a probability is no reason for or against an option. */
const LEAST = 1e-30;

/**
 * An architecture whose options cost no more than the limits, near `start` and probable. `rows` are the probabilities of each choice's options.
 *
 * While a limit is broken, the one choice takes another option that gives up the least log-probability for what it takes off the excess (the sum over
 * resources of what is above the limit, as a fraction of the space's range); what a change saves beyond the limit does not count. Then choices that
 * were changed go back to more probable options as far as the limits let them, the largest gain first. That is the usual greedy rule of the
 * multiple-choice knapsack problem (Sinha and Zoltners, Operations Research 27, 1979): not always the most probable, and no single change of
 * a changed choice makes it more so. Undefined where no change lowers the excess any more: of one limit that cannot be met, and in rare cases of several.
 */
export function withinBudget(
  table: CostTable,
  rows: readonly (readonly number[])[],
  start: Architecture,
  limits: CostLimits,
): Architecture | undefined {
  const { layout } = table;
  const { largest, smallest } = table.extremes();
  const resources = (Object.keys(limits) as Resource[]).filter((resource) => limits[resource] !== undefined);
  const excess = (taken: readonly number[]): number => {
    const cost = table.of(architectureOf(layout, taken));
    // A resource that no option changes is either below its limit or never.
    return resources.reduce((sum, r) => sum + Math.max(0, cost[r] - limits[r]!) / Math.max(1, largest[r] - smallest[r]), 0);
  };
  const logP = (choice: number, option: number): number => Math.log(Math.max(LEAST, rows[choice]![option]!));
  const taken = optionIndices(layout, start);
  const first = [...taken];
  const others = (choices: readonly number[]): { readonly choice: number; readonly option: number; readonly gain: number }[] =>
    choices.flatMap((choice) =>
      layout.choices[choice]!.options.flatMap((_, option) =>
        option === taken[choice] ? [] : [{ choice, option, gain: logP(choice, option) - logP(choice, taken[choice]!) }],
      ),
    );
  const after = (choice: number, option: number): number => excess(taken.map((k, c) => (c === choice ? option : k)));
  const all = layout.choices.map((_, choice) => choice);
  for (let before = excess(taken); before > 0; before = excess(taken)) {
    const moves = others(all)
      .map((move) => ({ ...move, saved: before - after(move.choice, move.option) }))
      .filter(({ saved }) => saved > 0);
    // A change that is no loss comes before all others.
    const price = ({ gain, saved }: (typeof moves)[number]): number => (gain >= 0 ? -gain : -gain / saved);
    const [head, ...rest] = moves;
    if (!head) return undefined;
    const best = rest.reduce((a, b) => (price(b) < price(a) ? b : a), head);
    taken[best.choice] = best.option;
  }
  for (;;) {
    const changed = all.filter((choice) => taken[choice] !== first[choice]);
    const [head, ...rest] = others(changed).filter(({ choice, option, gain }) => gain > 0 && after(choice, option) === 0);
    if (!head) return architectureOf(layout, taken);
    const best = rest.reduce((a, b) => (b.gain > a.gain ? b : a), head);
    taken[best.choice] = best.option;
  }
}
