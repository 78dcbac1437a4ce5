/**
 * @file A setting of a run is one row of a table: its flag, how its value is written and stored, its help, its default and its place in
 * config.json. The options, the types and the schema of the file follow from the rows.
 */
import { type Command, Option } from 'commander';
import * as v from 'valibot';
import { type ValueName, type Values, values } from './values.ts';

export interface Setting {
  /** As commander takes it: '--batch-size <n>'. Absent: the run finds the value out, and no flag says it. */
  readonly flag?: string;
  readonly value: ValueName;
  readonly help?: string | (() => string);
  /** Help of the flag that says no: of '--flip', '--no-flip'. */
  readonly negated?: string;
  /** Absent: what the preset says at the same place, or nothing. */
  readonly default?: string | number;
  readonly required?: true;
  /** Place in config.json, 'search.weights.lr'. A name that ends in ? may be missing there. Absent: the value is not kept. */
  readonly at?: string;
}

/** What commander hands over for a table. */
export type FlagsOf<Rows extends readonly Setting[]> = {
  readonly [Row in Rows[number] as Row extends AlwaysThere ? FlagName<Row> : never]: Values[Row['value']]['given'];
} & {
  readonly [Row in Rows[number] as Row extends AlwaysThere ? never : FlagName<Row>]?: Values[Row['value']]['given'];
};
type AlwaysThere = { readonly default: string | number } | { readonly required: true };
type FlagName<Row> = Row extends { readonly flag: `--${infer Words}` }
  ? Words extends `${infer Name} ${string}`
    ? CamelCase<Name>
    : CamelCase<Words>
  : never;
type CamelCase<Words extends string> = Words extends `${infer Word}-${infer Rest}`
  ? `${Word}${Capitalize<CamelCase<Rest>>}`
  : Words;

/** What config.json holds for a table. */
export type StoredOf<Rows extends readonly Setting[]> = Joined<Rows[number] extends infer Row ? PlaceOf<Row> : never>;
type PlaceOf<Row> = Row extends { readonly at: infer At extends string; readonly value: infer Name extends ValueName }
  ? Nested<At, Values[Name]['stored']>
  : never;
type Nested<At extends string, T> = At extends `${infer Name}.${infer Rest}` ? Entry<Name, Nested<Rest, T>> : Entry<At, T>;
type Entry<Name extends string, T> = Name extends `${infer Known}?` ? { readonly [K in Known]?: T } : { readonly [K in Name]: T };
/** The union of entries as one object with all of them. */
type Joined<Union> = (Union extends unknown ? (entry: Union) => void : never) extends (entry: infer All) => void ? All : never;

/** Adds the flags to a command. */
export function addOptions(command: Command, rows: readonly Setting[]): Command {
  for (const { flag, value, help, negated, default: preset, required } of rows) {
    if (flag === undefined) continue;
    const { choices, parse } = values[value];
    const option = new Option(flag, typeof help === 'function' ? help() : help).makeOptionMandatory(required ?? false);
    if (choices) option.choices(choices);
    if (parse) option.argParser<unknown>(parse);
    if (preset !== undefined) option.default(preset);
    command.addOption(option);
    if (negated !== undefined) command.addOption(new Option(flag.replace('--', '--no-'), negated));
  }
  return command;
}

/** The flags that were given at their places, over the values of a preset. The preset's order of names stays. */
export function settle<Preset extends object>(rows: readonly Setting[], flags: object, preset: Preset): Preset {
  const settled = structuredClone(preset);
  for (const { flag, at } of rows) {
    if (flag === undefined || at === undefined) continue;
    const value: unknown = Reflect.get(flags, new Option(flag).attributeName());
    if (value === undefined) continue;
    const names = at.replaceAll('?', '').split('.');
    const last = names.pop()!;
    const place = names.reduce<object>((object, name) => {
      if (Reflect.get(object, name) === undefined) Reflect.set(object, name, {});
      return Reflect.get(object, name) as object;
    }, settled);
    Reflect.set(place, last, value);
  }
  return settled;
}

/** What a file must be that holds the settings of a table. */
export function schemaOf<const Rows extends readonly Setting[]>(rows: Rows): v.GenericSchema<unknown, StoredOf<Rows>> {
  const places = rows.flatMap(({ at, value }) =>
    at === undefined ? [] : [{ names: at.split('.'), schema: values[value].schema }],
  );
  return objectSchema(places) as v.GenericSchema<unknown, StoredOf<Rows>>;
}

interface Place {
  readonly names: readonly string[];
  readonly schema: v.GenericSchema;
}

function objectSchema(places: readonly Place[]): v.GenericSchema {
  const firstNames = [...new Set(places.map(({ names }) => names[0]!))];
  const entries = firstNames.map((name): [string, v.GenericSchema] => {
    const here = places.filter(({ names }) => names[0] === name);
    const [first] = here;
    const schema = first!.names.length === 1 ? first!.schema : objectSchema(here.map((p) => ({ ...p, names: p.names.slice(1) })));
    return name.endsWith('?') ? [name.slice(0, -1), v.exactOptional(schema)] : [name, schema];
  });
  return v.object(Object.fromEntries(entries));
}
