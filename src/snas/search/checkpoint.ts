/** @file The state of a search on the host: with the config, the seed and the data it continues the run exactly. */
import { OptionError } from '../../contract/errors.ts';
import { assign } from '../../core/ops.ts';
import { scope } from '../../core/scope.ts';
import type { Layer, StateDict } from '../../nn/module.ts';
import type { Optimizer } from '../../optim/optimizer.ts';
import type { Budget } from '../cost/budget.ts';
import type { BlackBoxCost } from '../cost/black-box.ts';
import type { ArchitectureStrategy } from '../strategies/strategy.ts';

/** All that a step changes. */
export interface SearchParts {
  readonly supernet: Layer;
  readonly strategy: ArchitectureStrategy;
  readonly weightOptimizer: Optimizer;
  readonly architectureOptimizer: Optimizer | undefined;
  readonly blackBox: BlackBoxCost | undefined;
  readonly budget: Budget | undefined;
}

/** A copy of the state after `step` steps, by dotted name. */
export async function searchState(step: number, parts: SearchParts): Promise<StateDict> {
  const out: StateDict = { step: { shape: [1], data: Float64Array.of(step) } };
  const put = (prefix: string, part: StateDict): void => {
    for (const [name, entry] of Object.entries(part)) out[`${prefix}.${name}`] = entry;
  };
  put('supernet', await parts.supernet.stateDict());
  for (const [name, t] of parts.strategy.stateDict()) out[`architecture.${name}`] = { shape: t.shape, data: await t.data() };
  put('weight_optimizer', await parts.weightOptimizer.stateDict());
  if (parts.architectureOptimizer) put('architecture_optimizer', await parts.architectureOptimizer.stateDict());
  if (parts.budget) put('budget', await parts.budget.state());
  if (parts.blackBox) put('black_box', parts.blackBox.state());
  return out;
}

/** Copies a state in and returns the steps that were done. OptionError if something is missing. */
export function loadSearchState(state: StateDict, parts: SearchParts): number {
  const part = (prefix: string): StateDict =>
    Object.fromEntries(
      Object.entries(state)
        .filter(([name]) => name.startsWith(`${prefix}.`))
        .map(([name, entry]) => [name.slice(prefix.length + 1), entry]),
    );
  parts.supernet.loadStateDict(part('supernet'));
  const architecture = part('architecture');
  for (const [name, t] of parts.strategy.stateDict()) {
    const entry = architecture[name];
    if (!entry) throw new OptionError(`search: architecture.${name} is missing from the saved state`);
    scope(() => assign(t, t.device.tensor(entry.data, entry.shape)));
  }
  parts.weightOptimizer.loadStateDict(part('weight_optimizer'));
  parts.architectureOptimizer?.loadStateDict(part('architecture_optimizer'));
  parts.budget?.loadState(part('budget'));
  parts.blackBox?.loadState(part('black_box'));
  const step = state['step']?.data[0];
  if (step === undefined) throw new OptionError('search: step is missing from the saved state');
  return step;
}

/** The name of the first entry of a state that holds a NaN or an infinity; undefined if all are finite. */
export function nonFiniteEntry(state: StateDict): string | undefined {
  return Object.entries(state).find(([, { data }]) => !data.every((x: number) => Number.isFinite(x)))?.[0];
}
