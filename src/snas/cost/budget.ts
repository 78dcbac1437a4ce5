/**
 * @file A budget: the whole child may cost no more than a number. The price of what it limits is adapted in every step (the Lagrange multiplier of
 * the constraint in equation 14 of Xie et al., SNAS, ICLR 2019, where eta is one that stands still), and the child that is named at the end keeps to it.
 */
import { OptionError } from '../../contract/errors.ts';
import { noGrad } from '../../core/grad-mode.ts';
import { stack } from '../../core/composites.ts';
import { add, assign, mul, relu, reshape, slice, sub } from '../../core/ops.ts';
import { scope } from '../../core/scope.ts';
import type { Tensor } from '../../core/tensor.ts';
import { type StateDict, stateNumbers } from '../../nn/module.ts';
import { type Architecture, architectureOf } from '../space/architecture.ts';
import type { ChoiceWeights } from '../space/layout.ts';
import type { SearchSpace } from '../space/search-space.ts';
import { type ChildCost, childCost } from './child-cost.ts';
import type { CostTable } from './cost.ts';
import { SpaceCost } from './space-cost.ts';
import { costTable } from './space-table.ts';
import { type CostLimits, withinBudget } from './within-budget.ts';

/** What a child has at most: trainable numbers, and multiply-adds of one example; of the whole network. */
export type BudgetLimits = Partial<ChildCost>;

type Limited = keyof ChildCost;
const NAMES: Readonly<Record<Limited, string>> = { parameters: 'parameters', flops: 'multiply-adds' };

/** How far a multiplier gets in a whole search in which the space's dearest child is expected and its cheapest asked for: nats for that difference. */
const REACH = 100;

/** What came of one limit. */
export interface BudgetReport {
  readonly resource: Limited;
  readonly limit: number;
  /** Of the child. */
  readonly reached: number;
  /** Of the child that the strategy named, before anything was changed. */
  readonly derived: number;
  /** Under the probabilities. */
  readonly expected: number;
  /** Nats for the difference between the space's dearest child and its cheapest. */
  readonly multiplier: number;
}

/** The child within the budget, and how it came to be. */
export interface WithinBudget {
  readonly architecture: Architecture;
  /** Choices that take another option than the strategy named, in the order of choices. */
  readonly changed: readonly { readonly choice: string; readonly from: string; readonly to: string }[];
}

/**
 * Limits on the parameters or multiply-adds of a search's child.
 *
 * The objective gets sum_r lambda_r C_r(Z), C_r the cost of the options as a fraction (0 for the cheapest architecture, 1 for the dearest), and after each
 * step lambda_r := max(0, lambda_r + rate (E[C_r] - limit_r)), the dual step; E[C_r] is exact, C_r at the probabilities. The multipliers are a
 * tensor that a captured step changes in place. A limit counts the whole child: what the options cost and the rest (stem, classifier), which is
 * counted once on the cheapest child.
 */
export class Budget {
  readonly limits: BudgetLimits;
  readonly table: CostTable;
  readonly #space: SearchSpace;
  readonly #rate: number;
  readonly #terms: readonly {
    readonly resource: Limited;
    readonly cost: SpaceCost;
    /** The limit as a fraction of the range. */
    readonly threshold: number;
    readonly unit: number;
    readonly smallest: number;
  }[];
  /** What is no option's, by resource. */
  readonly #fixed: Record<Limited, number> = { parameters: 0, flops: 0 };
  readonly #multipliers: Tensor;
  /** A child that keeps to all limits, whatever becomes of the probabilities. */
  readonly #fallback: Architecture;
  readonly #counted = new Map<string, ChildCost>();

  /** OptionError for limits that no child of the space keeps. `steps`: of the whole search, which decide how fast multipliers move. */
  constructor(space: SearchSpace, limits: BudgetLimits, steps: number) {
    const resources = (Object.keys(NAMES) as Limited[]).filter((resource) => limits[resource] !== undefined);
    for (const resource of resources) {
      const limit = limits[resource]!;
      if (!(Number.isSafeInteger(limit) && limit >= 1))
        throw new OptionError(`budget: ${NAMES[resource]} ${limit} must be an integer >= 1`);
    }
    if (resources.length === 0) throw new OptionError('budget: it limits nothing: give parameters or multiply-adds (flops)');
    this.#space = space;
    this.limits = limits;
    this.table = costTable(space);
    this.#rate = REACH / Math.max(1, steps);
    const { largest, smallest } = this.table.extremes();
    for (const resource of resources) {
      const cheapest = this.#find({ [resource]: smallest[resource] });
      const least = cheapest && this.#count(cheapest);
      if (!cheapest || !least)
        throw new OptionError(`budget: no child of the fewest ${NAMES[resource]} was found in space ${space.definition.name}`);
      if (least[resource] > limits[resource]!)
        throw new OptionError(
          `budget: the smallest child of space ${space.definition.name} has ${grouped(least[resource])} ${NAMES[resource]}, more than the ${grouped(limits[resource]!)} asked for: ` +
            'ask for more, or take a smaller space',
        );
      this.#fixed[resource] = least[resource] - this.table.of(cheapest)[resource];
    }
    const fallback = this.#tightened((optionLimits) => this.#find(optionLimits));
    if (!fallback)
      throw new OptionError(
        `budget: no child of space ${space.definition.name} was found with at most ${resources.map((r) => `${grouped(limits[r]!)} ${NAMES[r]}`).join(' and ')}: ask for more`,
      );
    this.#fallback = fallback;
    this.#terms = resources.flatMap((resource) => {
      const unit = largest[resource] - smallest[resource];
      // Where all cost the same there is nothing to press on.
      if (unit === 0) return [];
      const threshold = (limits[resource]! - this.#fixed[resource] - smallest[resource]) / unit;
      const cost = new SpaceCost(space.device, this.table, { [resource]: 1 / unit });
      return [{ resource, cost, threshold, unit, smallest: smallest[resource] }];
    });
    this.#multipliers = space.device.parameter(new Float64Array(Math.max(1, this.#terms.length)), [
      Math.max(1, this.#terms.length),
    ]);
  }

  /** What is added to the objective under Z, a scalar; undefined where nothing presses. */
  penalty(z: ChoiceWeights): Tensor | undefined {
    const terms = this.#terms.map(({ cost }, i) => mul(cost.of(z), this.#multiplier(i)));
    return terms.length > 0 ? terms.reduce((a, b) => add(a, b)) : undefined;
  }

  /** The dual step, in place. */
  update(probabilities: ChoiceWeights): void {
    if (this.#terms.length === 0) return;
    noGrad(() => {
      const broken = stack(this.#terms.map(({ cost, threshold }) => sub(cost.of(probabilities), threshold)));
      assign(this.#multipliers, relu(add(this.#multipliers, mul(broken, this.#rate))));
    });
  }

  /** The strategy's child where it keeps to the limits; else the most probable one that does, by the rule of `withinBudget`. */
  within(derived: Architecture, rows: readonly (readonly number[])[]): WithinBudget {
    const architecture = this.#keeps(this.#count(derived))
      ? derived
      : (this.#tightened((limits) => withinBudget(this.table, rows, derived, limits)) ?? this.#fallback);
    const { layout } = this.#space;
    const changed = layout.choices.flatMap(({ name }) => {
      const [from, to] = [derived[name] ?? 'none', architecture[name] ?? 'none'];
      return from === to ? [] : [{ choice: name, from, to }];
    });
    return { architecture, changed };
  }

  /** How each limit was kept. */
  async report(
    derived: Architecture,
    { architecture }: Pick<WithinBudget, 'architecture'>,
    probabilities: ChoiceWeights,
  ): Promise<BudgetReport[]> {
    const [before, after] = [this.#count(derived), this.#count(architecture)];
    const figures = new Map((await this.figures(probabilities)).map((figure) => [figure.resource, figure]));
    return (Object.keys(this.limits) as Limited[]).flatMap((resource) => {
      const limit = this.limits[resource];
      const { expected = after[resource], multiplier = 0 } = figures.get(resource) ?? {};
      return limit === undefined
        ? []
        : [{ resource, limit, reached: after[resource], derived: before[resource], expected, multiplier }];
    });
  }

  /** Expected cost of the whole child and multiplier now, of each resource that presses. */
  async figures(probabilities: ChoiceWeights): Promise<Pick<BudgetReport, 'resource' | 'expected' | 'multiplier'>[]> {
    const multipliers = await this.#multipliers.data();
    return Promise.all(
      this.#terms.map(async ({ resource, cost, unit, smallest }, i) => {
        const fraction = scope(() => noGrad(() => cost.of(probabilities)));
        const value = await fraction.item().finally(() => fraction.dispose());
        return { resource, expected: this.#fixed[resource] + smallest + unit * value, multiplier: multipliers[i]! };
      }),
    );
  }

  /** For a checkpoint. */
  async state(): Promise<StateDict> {
    return { multipliers: { shape: this.#multipliers.shape, data: await this.#multipliers.data() } };
  }

  loadState(state: StateDict): void {
    const entry = state['multipliers'];
    if (!entry) throw new OptionError('budget: multipliers are missing from the saved state');
    const numbers = stateNumbers('budget', 'multipliers', entry);
    if (numbers.length !== this.#multipliers.size)
      throw new OptionError(`budget: the saved state has ${numbers.length} multipliers, and this search ${this.#multipliers.size}`);
    scope(() => assign(this.#multipliers, this.#space.device.tensor(numbers, this.#multipliers.shape)));
  }

  dispose(): void {
    this.#multipliers.dispose();
    for (const { cost } of this.#terms) cost.dispose();
  }

  /** A scalar. */
  #multiplier(i: number): Tensor {
    return reshape(slice(this.#multipliers, [i], [i + 1]), []);
  }

  #keeps(cost: ChildCost): boolean {
    return (Object.keys(this.limits) as Limited[]).every((resource) => cost[resource] <= (this.limits[resource] ?? Infinity));
  }

  #count(architecture: Architecture): ChildCost {
    const name = JSON.stringify(architecture);
    const { definition, context, layout } = this.#space;
    const found = this.#counted.get(name) ?? childCost(definition, context, architecture, layout);
    this.#counted.set(name, found);
    return found;
  }

  /** An architecture whose options keep to limits, from equal probabilities. */
  #find(limits: CostLimits): Architecture | undefined {
    const { layout } = this.#space;
    const even = layout.choices.map(({ options }) => options.map(() => 1 / options.length));
    const first = architectureOf(
      layout,
      layout.choices.map(() => 0),
    );
    return withinBudget(this.table, even, first, limits);
  }

  /**
   * What `find` gives once the whole child is within the limits. In a space whose children are more than their options and a fixed rest, the
   * options' limits are lowered by what the count finds above them, a few times.
   */
  #tightened(find: (limits: CostLimits) => Architecture | undefined): Architecture | undefined {
    const resources = (Object.keys(this.limits) as Limited[]).filter((resource) => this.limits[resource] !== undefined);
    let limits: CostLimits = Object.fromEntries(resources.map((r) => [r, this.limits[r]! - this.#fixed[r]]));
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const found = find(limits);
      if (!found) return undefined;
      const cost = this.#count(found);
      if (this.#keeps(cost)) return found;
      limits = Object.fromEntries(resources.map((r) => [r, limits[r]! - Math.max(0, cost[r] - this.limits[r]!)]));
    }
    return undefined;
  }
}

const MOST_ATTEMPTS = 8;

/** '12,345'. */
function grouped(n: number): string {
  return n.toLocaleString('en-GB');
}
