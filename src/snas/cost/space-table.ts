/** @file The cost table of a space: its own, where it has one, and else counted from what its options ask for. */
import type { Device } from '../../core/tensor.ts';
import type { Module } from '../../nn/module.ts';
import { withChoicesUncounted } from '../space/choice.ts';
import type { Place, SearchSpace } from '../space/search-space.ts';
import { type PlaceCosts, type Resource, RESOURCES } from '../space/resources.ts';
import { CostTable, type ResourceWeights } from './cost.ts';
import { countCost } from './counted.ts';
import { SpaceCost } from './space-cost.ts';

/** What every option costs at every place of a space, for one example. */
export function costTable(space: SearchSpace): CostTable {
  const { definition, layout, context } = space;
  return inEvaluation(space.network, () => {
    const places = space.places([1, ...context.item]);
    return new CostTable(layout, definition.costs?.(context, places) ?? countedCosts(space, places));
  });
}

/** Runs `body` with all modules in evaluation: in training a batch norm refuses a single number a channel. */
function inEvaluation<T>(network: Module, body: () => T): T {
  const training = [...network.modules()].map((module) => [module, module.training] as const);
  network.eval();
  try {
    return body();
  } finally {
    for (const [module, mode] of training) module.training = mode;
  }
}

/** The same, counted: nothing is computed. An option's own operations count, not those of choices within it, which are places themselves. */
function countedCosts({ layout, device }: SearchSpace, places: readonly Place[]): PlaceCosts[] {
  const counted = new Set<string>();
  return places.map(({ choice, path, spot, input, holder }) => {
    const first = !counted.has(spot);
    counted.add(spot);
    const costs = layout.choices[choice]!.options.map((_, k) => {
      const cost = optionCost(device, holder.optionAt(k), input);
      // Weights that are used twice are there once.
      return first ? cost : { ...cost, parameters: 0 };
    });
    const row = (resource: Resource): number[] => costs.map((cost) => cost[resource]);
    return { choice, path, costs: { parameters: row('parameters'), flops: row('flops'), memory: row('memory') } };
  });
}

function optionCost(
  device: Device,
  option: ReturnType<Place['holder']['optionAt']>,
  input: readonly number[],
): Readonly<Record<Resource, number>> {
  if (!option) return { parameters: 0, flops: 0, memory: 0 };
  return withChoicesUncounted(() => countCost(option, [input], { device }).cost);
}

/** The cost of a space as a fraction: 0 for its cheapest architecture, 1 for its dearest, `shares` saying how much each resource counts. */
export function spaceCost(
  space: SearchSpace,
  shares: ResourceWeights = Object.fromEntries(RESOURCES.map((r) => [r, 1])),
): SpaceCost {
  const table = costTable(space);
  return new SpaceCost(space.device, table, table.relativeWeights(shares));
}
