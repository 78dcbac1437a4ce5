/** @file A child as JSON: the space that it was found in, the space's settings, and the option of each choice. */
import { OptionError } from '../../contract/errors.ts';
import { quote } from '../../contract/quote.ts';
import type { Architecture } from './architecture.ts';
import type { SpaceDefinition } from './search-space.ts';

/** All that makes a child again beside its weights: `JSON.stringify` writes it, and `recordedArchitecture` reads what `JSON.parse` gives. */
export interface ChildRecord {
  readonly space: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly choices: Architecture;
}

/** A child of a space as data. */
export function childRecord({ name, settings }: Pick<SpaceDefinition, 'name' | 'settings'>, choices: Architecture): ChildRecord {
  return { space: name, settings, choices };
}

/**
 * The architecture in a record. OptionError for one that was saved for another space or other settings, by their names; whether the space has such
 * choices is told by `makeChild` and `loadChild`.
 */
export function recordedArchitecture(
  { name, settings }: Pick<SpaceDefinition, 'name' | 'settings'>,
  { space, settings: saved, choices }: ChildRecord,
): Architecture {
  if (space !== name) throw new OptionError(`child: it was saved for the space ${quote(space)}, and this is ${quote(name)}`);
  const differing = [...new Set([...Object.keys(saved), ...Object.keys(settings)])].filter(
    (setting) => JSON.stringify(saved[setting]) !== JSON.stringify(settings[setting]),
  );
  if (differing.length > 0) {
    const show = (values: Readonly<Record<string, unknown>>): string =>
      differing.map((setting) => `${setting} ${JSON.stringify(values[setting]) ?? 'not set'}`).join(', ');
    throw new OptionError(`child: it was saved for the space ${name} with ${show(saved)}, and this one has ${show(settings)}`);
  }
  return choices;
}
