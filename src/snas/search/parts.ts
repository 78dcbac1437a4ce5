/** @file The parts of a search, from its options, and what is refused of them before anything is made. */
import { OptionError } from '../../contract/errors.ts';
import { showShape, type Shape, showValue } from '../../contract/shape.ts';
import { Budget, type BudgetLimits } from '../cost/budget.ts';
import { classification, type Task } from '../child/task.ts';
import type { SearchSpace } from '../space/search-space.ts';
import { darts } from '../spaces/darts/index.ts';
import type { ArchitectureStrategy } from '../strategies/strategy.ts';
import type { SearchConfig, SearchOptions } from './config.ts';

/** The space of the options, or DARTS cells of the config's sizes. OptionError where it is no space. */
export function spaceOf({ network }: SearchConfig, { space }: SearchOptions): NonNullable<SearchOptions['space']> {
  const given: unknown = space;
  if (given === undefined) {
    if (!network) throw new OptionError('search: give the space in the options, or the sizes of DARTS cells as config.network');
    return darts(network);
  }
  const made = typeof given === 'object' && given !== null && 'network' in given ? given.network : given;
  if (typeof made === 'function') return space!;
  throw new OptionError(
    `search: space ${showValue(given)} is neither a function that makes a network nor a space; one that ships is shippedSpace(name, settings)`,
  );
}

/** The budget of a strategy that learns. */
export function budgetOf(space: SearchSpace, strategy: ArchitectureStrategy, limits: BudgetLimits, steps: number): Budget {
  if (strategy.parameters().length === 0)
    throw new OptionError(`budget: ${strategy.name} learns no architecture, so a price moves nothing; take a strategy that does`);
  return new Budget(space, limits, steps);
}

/** The strategy of the options, or `snas`. OptionError for one of another space. */
export function strategyOf(
  { strategy }: SearchOptions,
  space: SearchSpace,
  snas: () => ArchitectureStrategy,
): ArchitectureStrategy {
  const made = typeof strategy === 'function' ? strategy(space) : (strategy ?? snas());
  const names = (layout: SearchSpace['layout']): string =>
    layout.choices.map(({ name, options }) => [name, ...options].join(' ')).join('\n');
  if (names(made.layout) === names(space.layout)) return made;
  throw new OptionError(`search: strategy ${made.name} was made for other choices than those of space ${space.definition.name}`);
}

/** OptionError for outputs that classes cannot be told by: fewer than there are classes, or none for each example. Nothing is run. */
export function checkOutputs(space: SearchSpace, inputs: Shape, task: Task): void {
  if (task !== classification) return;
  const { classes } = space.context;
  const shape = space.outputShape(inputs);
  if (shape.length === 2 && shape[0] === inputs[0] && shape[1]! >= classes) return;
  throw new OptionError(
    `search: the network makes ${showShape(shape)} of inputs ${showShape(inputs)}; for ${classes} classes it must make [${inputs[0]}, ${classes}]`,
  );
}

/** OptionError where the number of steps of a saved state is none that a search of `most` has. */
export function checkSteps(name: string, n: number | undefined, most: number): void {
  if (n === undefined || !(Number.isInteger(n) && n >= 0 && n <= most))
    throw new OptionError(`search: ${name} of the saved state is ${n ?? 'missing'}; it must be an integer from 0 to ${most}`);
}
