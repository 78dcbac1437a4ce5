/** @file An architecture: which option each choice takes, by name, and its forms by number. */
import { largestOf } from '../../contract/extremes.ts';
import { OptionError } from '../../contract/errors.ts';
import { quote } from '../../contract/quote.ts';
import type { SpaceLayout } from './layout.ts';

/** The option that adds nothing: it is never computed, and its output is zero. */
export const NONE = 'none';

/** One option's name for each choice's name. A choice that has `none` may be left out, and then takes it. */
export type Architecture = Readonly<Record<string, string>>;

/** The number of each choice's option, in the order of choices. OptionError for a choice or an option that the space does not have, or one that is missing. */
export function optionIndices(layout: SpaceLayout, architecture: Architecture): number[] {
  for (const name of Object.keys(architecture)) layout.indexOf(name);
  return layout.choices.map(({ name, options }) => {
    const option = Object.hasOwn(architecture, name) ? architecture[name]! : NONE;
    const index = options.indexOf(option);
    if (index >= 0) return index;
    if (!Object.hasOwn(architecture, name)) {
      throw new OptionError(`architecture: choice ${name} is missing; its options are ${options.join(', ')}`);
    }
    throw new OptionError(`architecture: choice ${name} has no option ${quote(option)}; its options are ${options.join(', ')}`);
  });
}

/** The architecture of one option a choice, by number. */
export function architectureOf(layout: SpaceLayout, indices: readonly number[]): Architecture {
  if (indices.length !== layout.choices.length) {
    throw new OptionError(`architecture: ${indices.length} options for ${layout.choices.length} choices`);
  }
  return Object.fromEntries(
    layout.choices.map(({ name, options }, c) => {
      const option = options[indices[c]!];
      if (option === undefined) {
        throw new OptionError(`architecture: ${indices[c]} is not the number of an option of ${name} (0 to ${options.length - 1})`);
      }
      return [name, option];
    }),
  );
}

/** The number of the largest of each row; ties go to the first. */
export function argmaxOf(rows: readonly (readonly number[])[]): number[] {
  return rows.map((row) => row.indexOf(largestOf(row)));
}
