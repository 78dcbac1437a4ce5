/** @file How the value of a setting is written on the command line, and what config.json must hold for it. */
import { InvalidArgumentError } from 'commander';
import * as v from 'valibot';
import { STRATEGY_NAMES, type StrategyName } from '../../baselines/index.ts';
import { DEVICE_CHOICES, type DeviceChoice } from '../../command/device.ts';
import { count, images, natural, notNegative, positive, price, probability, seed, stride } from '../../command/option-values.ts';
import { COLOURS, FITS, LABELS, LAYOUTS } from '../../data/reading.ts';
import type { PresetName } from '../../snas/child/presets.ts';
import { PRESETS } from '../../snas/search/presets.ts';

export const COST_CHOICES = ['weighted', 'params', 'flops', 'memory', 'latency'] as const;
/** Which of a data set's images are looked at. */
export const PARTS = ['test', 'train', 'all'] as const;
/** As it stands in config.json; `params` and `parameters` are one. */
export type CostChoice = 'weighted' | 'parameters' | 'flops' | 'memory' | 'latency';

/** What commander hands over for a value, and what the file holds. */
interface ValueTypes<Given, Stored = Given> {
  readonly given: Given;
  readonly stored: Stored;
}

/** The kinds of value, by the name that a row of a table gives. */
export interface Values {
  readonly text: ValueTypes<string>;
  readonly texts: ValueTypes<readonly string[]>;
  readonly yes: ValueTypes<boolean>;
  readonly count: ValueTypes<number>;
  readonly counts: ValueTypes<readonly number[]>;
  readonly natural: ValueTypes<number>;
  readonly seed: ValueTypes<number>;
  readonly positive: ValueTypes<number>;
  readonly notNegative: ValueTypes<number>;
  readonly probability: ValueTypes<number>;
  readonly stride: ValueTypes<1 | 2>;
  readonly images: ValueTypes<number>;
  readonly price: ValueTypes<number>;
  readonly every: ValueTypes<number>;
  readonly preset: ValueTypes<PresetName, string>;
  readonly device: ValueTypes<DeviceChoice, string>;
  readonly strategy: ValueTypes<StrategyName, string>;
  readonly cost: ValueTypes<CostChoice, string>;
  readonly format: ValueTypes<number>;
  readonly versions: ValueTypes<Readonly<Record<string, string>>>;
  readonly fit: ValueTypes<'crop' | 'stretch'>;
  readonly colour: ValueTypes<'rgb' | 'grey'>;
  readonly layout: ValueTypes<'nchw' | 'nhwc'>;
  readonly labels: ValueTypes<'fine' | 'coarse'>;
  readonly part: ValueTypes<'test' | 'train' | 'all'>;
  readonly betas: ValueTypes<readonly [number, number]>;
  readonly numbers: ValueTypes<readonly number[]>;
}

export type ValueName = keyof Values;

interface Value<Types extends ValueTypes<unknown, unknown>> {
  /** The parser of a flag's text; it refuses what breaks its rule. Absent: the text itself, or one of the choices. */
  readonly parse?: (text: string) => Types['given'];
  readonly choices?: readonly string[];
  /** What the file must hold. Files are judged less strictly than flags: whoever edits one knows why. */
  readonly schema: v.GenericSchema<Types['stored']>;
}

const atLeastOne = v.pipe(v.number(), v.integer(), v.minValue(1));
const fraction = v.pipe(v.number(), v.minValue(0), v.maxValue(1));

export const values: { readonly [Name in ValueName]: Value<Values[Name]> } = {
  text: { schema: v.string() },
  texts: { schema: v.array(v.string()) },
  yes: { schema: v.boolean() },
  count: { parse: count, schema: atLeastOne },
  counts: { schema: v.array(atLeastOne) },
  natural: { parse: natural, schema: v.number() },
  seed: { parse: seed, schema: v.pipe(v.number(), v.integer(), v.minValue(0)) },
  positive: { parse: positive, schema: v.number() },
  notNegative: { parse: notNegative, schema: v.number() },
  probability: { parse: probability, schema: fraction },
  stride: { parse: stride, schema: v.picklist([1, 2]) },
  // A part of the training set is stored as the number of images that it came to.
  images: { parse: images, schema: atLeastOne },
  price: { parse: price, schema: v.number() },
  every: { parse: (text) => count(text.replace(/^every=/, '')), schema: atLeastOne },
  preset: { choices: Object.keys(PRESETS), schema: v.string() },
  device: { choices: DEVICE_CHOICES, schema: v.string() },
  strategy: { choices: STRATEGY_NAMES, schema: v.string() },
  cost: { parse: costChoice, schema: v.string() },
  format: { schema: v.number() },
  versions: { schema: v.record(v.string(), v.string()) },
  fit: { choices: FITS, schema: v.picklist(FITS) },
  colour: { choices: COLOURS, schema: v.picklist(COLOURS) },
  layout: { choices: LAYOUTS, schema: v.picklist(LAYOUTS) },
  labels: { choices: LABELS, schema: v.picklist(LABELS) },
  part: { choices: PARTS, schema: v.picklist(PARTS) },
  betas: { schema: v.tuple([fraction, fraction]) },
  numbers: { schema: v.array(v.pipe(v.number(), v.finite())) },
};

function costChoice(text: string): CostChoice {
  const name = text === 'params' ? 'parameters' : text;
  const known = ['parameters', ...COST_CHOICES.filter((c) => c !== 'params')] as const satisfies readonly CostChoice[];
  const found = known.find((c) => c === name);
  if (!found) throw new InvalidArgumentError(`It must be one of ${COST_CHOICES.join(', ')}.`);
  return found;
}
