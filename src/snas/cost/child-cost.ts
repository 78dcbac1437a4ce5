/** @file What a whole child costs, stem and classifier included: counted on the network itself, which is made without memory. */
import { scope } from '../../core/scope.ts';
import type { Architecture } from '../space/architecture.ts';
import { makeChild, type NetworkContext, type SpaceDefinition } from '../space/search-space.ts';
import type { SpaceLayout } from '../space/layout.ts';
import { countCost } from './counted.ts';

export interface ChildCost {
  /** Trainable numbers, `child.parameterCount()`. */
  readonly parameters: number;
  /** Multiply-adds of one example, as `countCost` counts them. */
  readonly flops: number;
}

/** The cost of a child, in evaluation. Nothing runs and no memory is used for its weights. OptionError for an architecture of another space. */
export function childCost(
  definition: SpaceDefinition,
  context: NetworkContext,
  architecture: Architecture,
  layout?: SpaceLayout,
): ChildCost {
  return context.device.dryRun(
    () =>
      scope(() => {
        const child = makeChild(definition, context, architecture, layout);
        child.eval();
        const { flops } = countCost(child, [[1, ...context.item]], { device: context.device }).cost;
        const parameters = child.parameterCount();
        child.dispose();
        return { parameters, flops };
      }),
    { hollow: true },
  );
}
