/**
 * @file Resource cost of an architecture, C(Z) = sum over places of Z . C(O), in parameters, multiply-adds and memory access (Xie et al., SNAS,
 * ICLR 2019, equation 16).
 *
 * All three are needed to tell options apart: only memory access separates a skip from none, only multiply-adds a pool from a skip, only parameters
 * a convolution from a pool. C(Z) is linear in the Z of each choice. A choice that stands in an option of another is paid only where that
 * option is taken: its cost is weighed by the Z of all options on the way to it.
 */
import { largestOf, smallestOf } from '../../contract/extremes.ts';
import { OptionError } from '../../contract/errors.ts';
import { optionIndices, type Architecture } from '../space/architecture.ts';
import type { SpaceLayout } from '../space/layout.ts';
import { type Cost, type PlaceCosts, type Resource, RESOURCES } from '../space/resources.ts';

/** Weights of the three resources in one scalar cost. */
export type ResourceWeights = Partial<Cost>;

/** The costs of all places of a network. What no choice is about (stem, classifier) is the same for every Z and is not in it. */
export class CostTable {
  readonly layout: SpaceLayout;
  readonly places: readonly PlaceCosts[];

  constructor(layout: SpaceLayout, places: readonly PlaceCosts[]) {
    this.layout = layout;
    this.places = places;
  }

  /** What each option costs at all places of its choice that stand in no option of another, by choice. */
  byChoice(): Readonly<Record<Resource, readonly number[]>>[] {
    const sums = this.layout.choices.map(({ options }) => {
      const zeros = (): number[] => options.map(() => 0);
      return { parameters: zeros(), flops: zeros(), memory: zeros() };
    });
    for (const { choice, path, costs } of this.places) {
      if (path.length > 0) continue;
      for (const resource of RESOURCES) costs[resource].forEach((v, k) => (sums[choice]![resource][k]! += v));
    }
    return sums;
  }

  /** The cost of an architecture's options, C(Z) at the one-hot Z. OptionError for one of another space. */
  of(architecture: Architecture): Cost {
    const taken = optionIndices(this.layout, architecture);
    const sum = { parameters: 0, flops: 0, memory: 0 };
    for (const { choice, path, costs } of this.places) {
      if (!path.every((step) => taken[step.choice] === step.option)) continue;
      for (const resource of RESOURCES) sum[resource] += costs[resource][taken[choice]!]!;
    }
    return sum;
  }

  /** The largest and the smallest cost that any architecture has, resource by resource. */
  extremes(): { readonly largest: Cost; readonly smallest: Cost } {
    const each = (pick: (values: number[]) => number): Cost => {
      const of = (resource: Resource): number => this.#extreme(resource, pick);
      return { parameters: of('parameters'), flops: of('flops'), memory: of('memory') };
    };
    return { largest: each((values) => largestOf(values)), smallest: each((values) => smallestOf(values)) };
  }

  /**
   * Choices that stand in one another form trees. Where a choice of one name stands in two trees its best option is found in each by itself: then
   * the bound may not be reached.
   */
  #extreme(resource: Resource, pick: (values: number[]) => number): number {
    const rest = (places: readonly PlaceCosts[], depth: number): number => {
      const tops = [...new Set(places.map(({ choice, path }) => (path[depth] ? path[depth].choice : choice)))];
      return tops.reduce((sum, top) => {
        const mine = places.filter(({ choice, path }) => (path[depth] ? path[depth].choice : choice) === top);
        const values = this.layout.choices[top]!.options.map((_, k) => {
          const own = mine.reduce((v, { path, costs }) => (path[depth] ? v : v + costs[resource][k]!), 0);
          const within = mine.filter(({ path }) => path[depth]?.option === k);
          return own + (within.length > 0 ? rest(within, depth + 1) : 0);
        });
        return sum + pick(values);
      }, 0);
    };
    return rest(this.places, 0);
  }

  /**
   * Weights that make the cost a fraction: 0 for the cheapest architecture, 1 for the dearest, `shares` saying how much each resource
   * counts. Then eta is a price in nats for the whole network, whatever its size. A resource in which all architectures cost the same has no weight.
   * OptionError for shares that are negative or all 0.
   */
  relativeWeights(shares: ResourceWeights): ResourceWeights {
    const { largest, smallest } = this.extremes();
    const total = RESOURCES.reduce((sum, r) => sum + (shares[r] ?? 0), 0);
    if (!(total > 0) || RESOURCES.some((r) => (shares[r] ?? 0) < 0)) {
      throw new OptionError(`relativeWeights: shares ${JSON.stringify(shares)} must be >= 0 and not all 0`);
    }
    const differing = RESOURCES.filter((r) => shares[r] && largest[r] > smallest[r]);
    return Object.fromEntries(differing.map((r) => [r, shares[r]! / total / (largest[r] - smallest[r])]));
  }

  /** One number for each option, resources weighted: `costs` of one place, or sums over several. */
  static combined(costs: Readonly<Record<Resource, readonly number[]>>, weights: ResourceWeights): number[] {
    return costs.parameters.map((_, k) => RESOURCES.reduce((sum, r) => sum + (weights[r] ?? 0) * costs[r][k]!, 0));
  }
}
