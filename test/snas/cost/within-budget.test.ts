/** @file The greedy rule for the most probable architecture below a budget: always below, never made better by one change, and the optimum where that is known. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Architecture, CostTable, noiseOfName, type PlaceCosts, SpaceLayout, withinBudget } from '../../../src/snas/index.ts';

/** A space of choices without networks: each option's parameters, and the option of another choice that a choice stands in. */
interface Plan {
  readonly costs: readonly (readonly number[])[];
  readonly rows: readonly (readonly number[])[];
  /** The last choice stands in this option of the first, where it is given. */
  readonly nested: number | undefined;
}

function tableOf({ costs, nested }: Plan): CostTable {
  const layout = new SpaceLayout(
    costs.map((row, c) => ({ name: `c${c}`, options: row.map((_, k) => `o${k}`), noise: noiseOfName(`c${c}`) })),
  );
  const places = costs.map((row, choice): PlaceCosts => {
    const inner = nested !== undefined && choice === costs.length - 1 && choice > 0;
    const zeros = row.map(() => 0);
    return {
      choice,
      path: inner ? [{ choice: 0, option: nested }] : [],
      costs: { parameters: row, flops: row.map((v) => v * v), memory: zeros },
    };
  });
  return new CostTable(layout, places);
}

function named(taken: readonly number[]): Architecture {
  return Object.fromEntries(taken.map((k, c) => [`c${c}`, `o${k}`]));
}

const numbers = (a: Architecture): number[] => Object.values(a).map((option) => Number(option.slice(1)));
const logP = (rows: Plan['rows'], taken: readonly number[]): number => taken.reduce((sum, k, c) => sum + Math.log(rows[c]![k]!), 0);

function* every(sizes: readonly number[]): Generator<number[]> {
  if (sizes.length === 0) return yield [];
  for (const rest of every(sizes.slice(1))) for (let k = 0; k < sizes[0]!; k++) yield [k, ...rest];
}

const plans: fc.Arbitrary<Plan> = fc
  .array(
    fc.integer({ min: 2, max: 4 }).chain((n) =>
      fc.record({
        cost: fc.array(fc.integer({ min: 0, max: 50 }), { minLength: n, maxLength: n }),
        weight: fc.array(fc.integer({ min: 1, max: 20 }), { minLength: n, maxLength: n }),
      }),
    ),
    { minLength: 1, maxLength: 4 },
  )
  .chain((choices) =>
    fc.record({ choices: fc.constant(choices), nested: fc.option(fc.nat(choices[0]!.cost.length - 1), { nil: undefined }) }),
  )
  .map(({ choices, nested }) => ({
    costs: choices.map(({ cost }) => cost),
    rows: choices.map(({ weight }) => weight.map((w) => w / weight.reduce((a, b) => a + b, 0))),
    nested,
  }));

describe('withinBudget', () => {
  it('keeps what is within the limit, finds what is wherever there is something, and is never made more probable by one change of a changed choice', () => {
    fc.assert(
      fc.property(plans, fc.double({ min: 0, max: 1, noNaN: true }), (plan, part) => {
        const table = tableOf(plan);
        const { largest, smallest } = table.extremes();
        const limit = smallest.parameters + part * (largest.parameters - smallest.parameters);
        const start = plan.rows.map((row) => row.indexOf(Math.max(...row)));
        const found = withinBudget(table, plan.rows, named(start), { parameters: limit });
        expect(found).toBeDefined();
        const taken = numbers(found!);
        const cost = (k: readonly number[]): number => table.of(named(k)).parameters;
        expect(cost(taken)).toBeLessThanOrEqual(limit);
        expect(cost(start) > limit || taken.every((k, c) => k === start[c])).toBe(true);
        // Whatever is more probable than what a changed choice took breaks the limit.
        const better = plan.rows.flatMap((row, c) =>
          row.flatMap((p, k) => (taken[c] !== start[c] && p > row[taken[c]!]! ? [taken.with(c, k)] : [])),
        );
        for (const other of better) expect(cost(other)).toBeGreaterThan(limit);
      }),
      { numRuns: 400 },
    );
  });

  it('finds nothing below what the cheapest architecture costs', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const table = tableOf(plan);
        const limit = table.extremes().smallest.parameters - 1;
        expect(withinBudget(table, plan.rows, named(plan.costs.map(() => 0)), { parameters: limit })).toBeUndefined();
      }),
    );
  });

  it('is the most probable of all architectures below the limit in most small spaces, and within a few nats of it in all', () => {
    let optimal = 0;
    let all = 0;
    let worst = 0;
    fc.assert(
      fc.property(plans, fc.double({ min: 0, max: 1, noNaN: true }), (plan, part) => {
        const table = tableOf(plan);
        const { largest, smallest } = table.extremes();
        const limit = smallest.parameters + part * (largest.parameters - smallest.parameters);
        const start = plan.rows.map((row) => row.indexOf(Math.max(...row)));
        const taken = numbers(withinBudget(table, plan.rows, named(start), { parameters: limit })!);
        let best = -Infinity;
        for (const k of every(plan.costs.map((row) => row.length))) {
          if (table.of(named(k)).parameters <= limit) best = Math.max(best, logP(plan.rows, k));
        }
        const lost = best - logP(plan.rows, taken);
        expect(lost).toBeGreaterThan(-1e-9);
        all++;
        if (lost < 1e-9) optimal++;
        worst = Math.max(worst, lost);
      }),
      { numRuns: 400, seed: 7 },
    );
    expect(optimal / all).toBeGreaterThan(0.8);
    expect(worst).toBeLessThan(6);
  });

  it('keeps two limits at once, and pays for a nested choice only where it is reached', () => {
    // Options of 10 and 1; the second choice stands in the first option of the first.
    const plan = {
      costs: [
        [10, 1],
        [20, 2],
      ],
      rows: [
        [0.9, 0.1],
        [0.8, 0.2],
      ],
      nested: 0,
    } as const;
    const table = tableOf(plan);
    // 10 + 20 is too much. The inner 2 loses ln 4, the outer 1 loses ln 9 and saves more than is asked: 18 of 29 for ln 4 is the better price.
    expect(withinBudget(table, plan.rows, { c0: 'o0', c1: 'o0' }, { parameters: 12 })).toEqual({ c0: 'o0', c1: 'o1' });
    // Below 12 the outer must go, and with it the inner costs nothing: it goes back to what is most probable.
    expect(withinBudget(table, plan.rows, { c0: 'o0', c1: 'o0' }, { parameters: 11 })).toEqual({ c0: 'o1', c1: 'o0' });
    // Multiply-adds 100 + 400 against 100 + 4.
    expect(withinBudget(table, plan.rows, { c0: 'o0', c1: 'o0' }, { parameters: 30, flops: 104 })).toEqual({ c0: 'o0', c1: 'o1' });
  });
});
