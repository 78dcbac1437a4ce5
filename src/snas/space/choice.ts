/** @file `choice`: a stochastic node that any network can hold, one option of several. */
import { OptionError } from '../../contract/errors.ts';
import { quote } from '../../contract/quote.ts';
import { withRecorder } from '../../core/recorder.ts';
import { type NotAsync, synchronous } from '../../core/synchronous.ts';
import { dropPath } from '../../core/composites.ts';
import type { Tensor } from '../../core/tensor.ts';
import { Identity } from '../../nn/layers.ts';
import { Layer, Module, withMadeModules } from '../../nn/module.ts';
import { type Architecture, NONE } from './architecture.ts';
import { type ChoiceSpec, type NoiseSource, noiseOfName } from './layout.ts';
import { onShapes } from './on-shapes.ts';
import { type ChoiceHolder, evaluateChoice } from './pass.ts';

/** The option that is zero and is never computed: `choice('block', { conv, none })`. */
export const none: unique symbol = Symbol('none');

/** An option: a layer, a function of a tensor without parameters, or `none`. All outputs of a choice have one shape. */
export type Option = Layer | ((x: Tensor) => Tensor) | typeof none;

export interface ChoiceSettings {
  /** Default: from the choice's name. */
  readonly noise?: NoiseSource;
  /** Options that drop path leaves alone. Default: those that are an `Identity`. */
  readonly neverDropped?: readonly string[];
}

/** What is collected while a network is built, and what is fixed in it. */
interface Building {
  readonly choices: Choice[];
  /** For a child: what each choice takes. */
  readonly fixed: Architecture | undefined;
  /** For a child, by construction order: choices of the whole network, which hold no memory, to ask for the shape of `none`. */
  readonly shapes: readonly Choice[] | undefined;
}

let building: Building | undefined;

/** Runs `body`, which builds a network, and collects its choices and all modules in order of construction. */
export function collectChoices<T>(
  body: () => NotAsync<T>,
  fixed?: Architecture,
  shapes?: readonly Choice[],
): { readonly network: T; readonly choices: readonly Choice[]; readonly modules: readonly Module[] } {
  const before = building;
  const choices: Choice[] = [];
  building = { choices, fixed, shapes };
  try {
    const { result, modules } = withMadeModules(() =>
      synchronous<T>('search space', 'the function that makes the network', body()),
    );
    return { network: result, choices, modules };
  } finally {
    building = before;
  }
}

/** Masks of the choices of a child, by `Choice`; undefined where nothing is dropped. */
export type ChildMask = (choice: Choice) => Tensor | undefined;

let childMask: ChildMask | undefined;

/** Runs a child's forward pass with paths dropped. */
export function withChildMasks<T>(mask: ChildMask, body: () => NotAsync<T>): T {
  const before = childMask;
  childMask = mask;
  try {
    return synchronous('forward', 'the network', body());
  } finally {
    childMask = before;
  }
}

/**
 * A stochastic node: x -> sum_k Z_k O_k(x) (Xie et al., SNAS, ICLR 2019, equation 10), Z its row of the architecture that the forward pass is
 * under. Choices of one name share their Z and have the same options; the options' weights stay their own. In a child it holds and computes
 * the one option that was chosen. State names: the option's name, then the option's own.
 */
export class Choice extends Layer implements ChoiceHolder {
  readonly name: string;
  readonly optionNames: readonly string[];
  readonly noise: NoiseSource;
  /** In a child: the number of the option that was chosen. */
  readonly chosen: number | undefined;
  readonly #options: readonly (Layer | ((x: Tensor) => Tensor) | undefined)[];
  readonly #neverDropped: ReadonlySet<number>;
  /** Tells the shape of an output where the chosen option is `none`. */
  readonly #shape: Choice | undefined;

  constructor(name: string, options: Readonly<Record<string, Option>>, settings: ChoiceSettings = {}) {
    super();
    if (typeof name !== 'string' || name === '')
      throw new OptionError('choice: a name is needed, which the architecture is told by');
    // A record by name, as JSON is read, has no place for these.
    if (['__proto__', 'constructor', 'prototype'].includes(name))
      throw new OptionError(`choice: the name ${name} means something in JavaScript; take another`);
    if (typeof options !== 'object' || options === null)
      throw new OptionError(`choice ${name}: options by name are needed, { k3: ..., none }`);
    const entries = Object.entries(options);
    if (entries.length < 2) throw new OptionError(`choice ${name}: ${entries.length} options; a choice needs two or more`);
    for (const [option, value] of entries) checkOption(name, option, value);
    if (entries.every(([, value]) => value === none)) throw new OptionError(`choice ${name}: none is its only option`);
    this.name = name;
    this.optionNames = entries.map(([option]) => option);
    this.noise = settings.noise ?? noiseOfName(name);
    const neverDropped = settings.neverDropped;
    const unknown = neverDropped?.find((option) => !this.optionNames.includes(option));
    if (unknown !== undefined)
      throw new OptionError(`choice ${name}: neverDropped names ${quote(unknown)}, which is no option of it`);
    this.#neverDropped = new Set(
      entries.flatMap(([option, value], i) =>
        (neverDropped ? neverDropped.includes(option) : value instanceof Identity) ? [i] : [],
      ),
    );
    this.chosen = building?.fixed && chosenOf(this, building.fixed);
    this.#shape = building?.shapes?.[building.choices.length];
    building?.choices.push(this);
    this.#options = entries.map(([, value]) => (value === none ? undefined : value));
    if (this.chosen !== undefined) this.#options = keepOne(this.#options, this.chosen);
  }

  get spec(): ChoiceSpec {
    return { name: this.name, options: this.optionNames, noise: this.noise };
  }

  override *children(): Iterable<readonly [string, Module]> {
    for (const [i, option] of this.#options.entries()) {
      if (option instanceof Module) yield [this.optionNames[i]!, option];
    }
  }

  /** The options' layers, by number; undefined for `none`, for a function, and in a child for what was not chosen. */
  get layers(): readonly (Layer | undefined)[] {
    return this.#options.map((option) => (option instanceof Layer ? option : undefined));
  }

  /** Whether drop path leaves an option alone. */
  isNeverDropped(option: number): boolean {
    return this.#neverDropped.has(option);
  }

  forward(x: Tensor): Tensor {
    if (shapesOnly) return applied(this.firstOption!, x);
    if (uncounted) return x.device.empty(withRecorder(undefined, () => shapeOf(this, x)));
    if (this.chosen === undefined) return evaluateChoice(this, x);
    const option = this.#options[this.chosen];
    if (!option) return x.device.zeros(this.#shapeOfNone(x));
    const y = applied(option, x);
    const mask = childMask?.(this);
    return mask ? dropPath(y, mask) : y;
  }

  /** Whether its output is zero: its option is `none`. */
  get vanished(): boolean {
    return this.chosen !== undefined && this.#options[this.chosen] === undefined;
  }

  #shapeOfNone(x: Tensor): readonly number[] {
    if (!this.#shape) throw new OptionError(`choice ${this.name}: none was chosen, and nothing tells the shape of its zeros`);
    // What is asked for its shape alone is no work of the child's.
    const whole = this.#shape;
    return withRecorder(undefined, () => shapeOf(whole, x));
  }

  /** An option as it is computed, by number; undefined for `none`. */
  optionAt(option: number): Layer | ((x: Tensor) => Tensor) | undefined {
    return this.#options[option];
  }

  /** The first option that is computed. @internal */
  get firstOption(): Layer | ((x: Tensor) => Tensor) | undefined {
    return this.#options.find((option) => option !== undefined);
  }
}

/** While only the shape of a network's output is asked for: a choice has that of each of its options. */
let shapesOnly = false;

function applied(option: Layer | ((x: Tensor) => Tensor), x: Tensor): Tensor {
  return typeof option === 'function' ? option(x) : option.forward(x);
}

/** The shape of what a choice makes of x, from its first option, with nothing run. */
function shapeOf(choice: Choice, x: Tensor): readonly number[] {
  const before = shapesOnly;
  shapesOnly = true;
  try {
    return onShapes(x.device, () => ({ shape: applied(choice.firstOption!, x.device.empty(x.shape)).shape })).shape;
  } finally {
    shapesOnly = before;
  }
}

/** While the cost of one option is counted: what choices within it do is their own. */
let uncounted = false;

/** Runs `body` with all choices making tensors of their shape and asking for nothing. */
export function withChoicesUncounted<T>(body: () => NotAsync<T>): T {
  const before = uncounted;
  uncounted = true;
  try {
    return synchronous('forward', 'the option', body());
  } finally {
    uncounted = before;
  }
}

/** A choice between options, by name: `choice('block1', { k3: conv3, k5: conv5, skip: new Identity(), none })`. */
export function choice(name: string, options: Readonly<Record<string, Option>>, settings?: ChoiceSettings): Choice {
  return new Choice(name, options, settings);
}

function checkOption(choiceName: string, option: string, value: unknown): void {
  if (/^\d+$/.test(option) || option === '') {
    throw new OptionError(
      `choice ${choiceName}: an option needs a name that is not ${quote(option)}: numbers are put in another order by JavaScript`,
    );
  }
  if (option.includes('.')) {
    throw new OptionError(
      `choice ${choiceName}: option ${quote(option)}: a name of state is split at dots; take a name without one`,
    );
  }
  if ((value === none) !== (option === NONE)) {
    throw new OptionError(`choice ${choiceName}: option ${option}: the name none and the value none belong together`);
  }
  if (value === none || typeof value === 'function' || value instanceof Layer) return;
  throw new OptionError(`choice ${choiceName}: option ${option} must be a layer, a function of a tensor, or none`);
}

function chosenOf({ name, optionNames }: Choice, fixed: Architecture): number {
  const option = Object.hasOwn(fixed, name) ? fixed[name]! : NONE;
  const index = optionNames.indexOf(option);
  if (index < 0) {
    throw new OptionError(
      `choice ${name}: the architecture takes ${quote(option)} of it, which is none of its options ${optionNames.join(', ')}`,
    );
  }
  return index;
}

/** Frees what was not chosen, but for tensors that the chosen option has too. */
function keepOne<T extends Layer | ((x: Tensor) => Tensor)>(
  options: readonly (T | undefined)[],
  chosen: number,
): readonly (T | undefined)[] {
  const kept = options[chosen];
  const held = new Set(kept instanceof Module ? [...kept.stateTensors()].map(({ tensor }) => tensor) : []);
  for (const [i, option] of options.entries()) {
    if (i === chosen || !(option instanceof Module)) continue;
    for (const { tensor } of option.stateTensors()) if (!held.has(tensor)) tensor.dispose();
  }
  return options.map((option, i) => (i === chosen ? option : undefined));
}
