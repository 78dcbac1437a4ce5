/** @file A search space: a network with its choices in order, what it computes under an architecture, and the children it has. */
/// <reference lib="esnext.disposable" preserve="true" />
import { OptionError } from '../../contract/errors.ts';
import type { Shape } from '../../contract/shape.ts';
import { assign } from '../../core/ops.ts';
import type { Key } from '../../core/random.ts';
import { scope } from '../../core/scope.ts';
import type { Device, Tensor } from '../../core/tensor.ts';
import type { Layer, Module, StateDict } from '../../nn/module.ts';
import { type Architecture, optionIndices } from './architecture.ts';
import { Choice, collectChoices } from './choice.ts';
import { type ChoiceSpec, type ChoiceWeights, SpaceLayout } from './layout.ts';
import type { PlaceCosts } from './resources.ts';
import { onShapes } from './on-shapes.ts';
import { type ChoiceHolder, type PassOptions, type PathStep, type PlaceTrace, underArchitecture } from './pass.ts';

/** What a network is made for. */
export interface NetworkContext {
  readonly device: Device;
  /** All initial weights follow from it: fold a number of your own into it for each layer. */
  readonly key: Key;
  /** Of the images [n, channels, height, width] that it takes; a vector of d numbers is d channels, 1 by 1. */
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** The shape of one input: [channels, height, width], or [d] for vectors. */
  readonly item: Shape;
  /** Of its outputs [n, classes]: classes, or numbers to be regressed. */
  readonly classes: number;
}

/** A function that makes a network with choices. Called with the same context it must make the same network. */
export type NetworkFactory = (context: NetworkContext) => Layer;

/** What a space is, apart from the device and the data: all but `network` is optional knowledge that some strategies, costs and files ask for. */
export interface SpaceDefinition {
  readonly name: string;
  /** What makes it again, as JSON. */
  readonly settings: Readonly<Record<string, unknown>>;
  network(context: NetworkContext): Layer;
  /** The choices in their order, where it is not that of construction or some are in no network of these settings. */
  choices?(): readonly ChoiceSpec[];
  /** A child of its own making, where it is more than the network with one option a choice. */
  child?(context: NetworkContext, architecture: Architecture): Layer;
  /** The architecture that keeps only the strongest options by a rule of the space (DARTS's top-2); `weights` by choice, in order. */
  strongest?(weights: readonly (readonly number[])[]): Architecture;
  /** Published knowledge of what the options of each of the network's places cost, in order of evaluation; else, and where it is undefined, costs are counted. */
  costs?(context: NetworkContext, places: readonly Place[]): readonly PlaceCosts[] | undefined;
  /** An architecture as people of the space write it, and read. */
  readonly literal?: {
    print(architecture: Architecture): string;
    parse(text: string): Architecture;
  };
  /** Pictures of an architecture, by file name. */
  draw?(architecture: Architecture): Readonly<Record<string, string>>;
}

/** One evaluation of a choice in the network, as a pass that ran nothing has seen it. */
export interface Place {
  readonly choice: number;
  /** What holds the choice there. */
  readonly holder: ChoiceHolder;
  /** The spot of the network that holds the choice, by dotted name, with the count of its use where it is used several times. */
  readonly name: string;
  /** The spot alone: places of one spot have the same weights. */
  readonly spot: string;
  /** Options of outer choices that it stands in. */
  readonly path: readonly PathStep[];
  readonly input: Shape;
  readonly output: Shape;
}

/** A network with its choices, on a device. */
export class SearchSpace {
  readonly definition: SpaceDefinition;
  readonly context: NetworkContext;
  readonly network: Layer;
  readonly layout: SpaceLayout;
  /** Choices of the network by construction order, one for each spot. */
  readonly holders: readonly Choice[];

  /**
   * OptionError for a network without choices, two choices of one name with other options, and a layer with weights that the function makes
   * and the network does not hold.
   */
  constructor(definition: SpaceDefinition | NetworkFactory, context: NetworkContext) {
    this.definition = typeof definition === 'function' ? { name: 'own', settings: {}, network: definition } : definition;
    this.context = context;
    const { network, choices, modules } = collectChoices(() => this.definition.network(context));
    this.network = network;
    this.holders = choices;
    checkMadeHere(network, choices);
    checkOneOwner(network, choices);
    checkStateNames(network);
    this.layout = new SpaceLayout(distinct([...(this.definition.choices?.() ?? []), ...choices.map(({ spec }) => spec)]));
    checkHeld(network, modules);
  }

  get device(): Device {
    return this.context.device;
  }

  /**
   * The network's output for inputs x under Z. ShapeError for a Z of another space's shape, OptionShapeError where the options of a choice
   * differ in their output's shape.
   */
  forward(x: Tensor, z: ChoiceWeights, options: PassOptions = {}): Tensor {
    return underArchitecture(this.layout, z, () => this.network.forward(x), options);
  }

  /**
   * All places of the network for inputs of a shape [n, ...], in order of evaluation, seen in a pass in which nothing is run and no memory is
   * asked for. Errors are those of `forward`; OptionError for a choice that the pass does not come to. `watch` is the pass's `around`.
   */
  places(inputs: Shape, watch?: PassOptions['around']): Place[] {
    const trace: PlaceTrace[] = [];
    onShapes(this.device, () => {
      this.#onShapes(inputs, { trace, around: watch });
    });
    this.#checkReached(trace);
    const names = new Map<object, string>();
    for (const [name, module] of this.network.namedModules()) names.set(module, name);
    const uses = new Map<string, number>();
    // A choice that stands in an option is done before the one around it.
    return trace
      .toSorted((a, b) => a.place - b.place)
      .map(({ choice, holder, path, input, output }) => {
        const spot = names.get(holder) ?? this.layout.choices[choice]!.name;
        const use = uses.get(spot) ?? 0;
        uses.set(spot, use + 1);
        return {
          choice,
          holder,
          spot,
          name: use === 0 ? spot : `${spot} (${use + 1})`,
          path,
          input: input.shape,
          output: output.shape,
        };
      });
  }

  /** The shape of the network's output for inputs of a shape [n, ...]. Errors are those of `forward`; nothing is run. */
  outputShape(inputs: Shape): Shape {
    return onShapes(this.device, () => ({ shape: this.#onShapes(inputs).shape })).shape;
  }

  #onShapes(inputs: Shape, options: PassOptions = {}): Tensor {
    const z = this.layout.matrices.map((_, m) => this.device.empty(this.layout.shape(m)));
    return this.forward(this.device.empty(inputs), z, options);
  }

  /** OptionError for a choice of which nothing depends: it would be drawn, paid for and told as found. */
  #checkReached(trace: readonly PlaceTrace[]): void {
    const reached = new Set(trace.map(({ holder }) => holder));
    const idle = this.holders.find((holder) => !reached.has(holder));
    if (!idle) return;
    throw new OptionError(
      `choice ${idle.name}: the network makes it, and its forward pass does not come to it: use it or leave it out`,
    );
  }

  /**
   * Makes the network again, without memory for its weights, and looks whether it is the same. OptionError where its choices are others: each child
   * is made so.
   */
  checkRepeatable(): void {
    if (this.definition.child) return;
    const again = this.device.dryRun(() => collectChoices(() => this.definition.network(this.context)), { hollow: true });
    const told = (choices: readonly Choice[]): string =>
      JSON.stringify(choices.map(({ name, optionNames }) => [name, optionNames]));
    const names = (network: Layer): string => JSON.stringify([...network.stateTensors()].map(({ name }) => name));
    if (told(again.choices) === told(this.holders) && names(again.network) === names(this.network)) return;
    throw new OptionError(
      `search space ${this.definition.name}: the function that makes the network made another one when it was called again; it must make the same ` +
        'for the same context, for each child is made by it',
    );
  }

  /**
   * A child: the network with the options of an architecture, which alone it holds and computes. Its weights are those of the context's key, or
   * with `inherit` this space's own, state by name. The caller disposes it.
   */
  child(architecture: Architecture, options: { readonly inherit?: boolean; readonly key?: Key } = {}): Layer {
    const { inherit = false, key = this.context.key } = options;
    const child = makeChild(this.definition, { ...this.context, key }, architecture, this.layout);
    if (!inherit) return child;
    const source = new Map([...this.network.stateTensors()].map((s) => [s.name, s.tensor]));
    for (const { name, tensor } of child.stateTensors()) {
      const from = source.get(name);
      if (!from) {
        child.dispose();
        throw new OptionError(`inherit: the supernet has no ${name}; was the architecture found in another search space?`);
      }
      assign(tensor, from);
    }
    return child;
  }

  dispose(): void {
    this.network.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/**
 * A child without its supernet: `layout`, where it is known, refuses an architecture of another space by name. OptionError for a choice that is
 * missing or an option that there is not.
 */
export function makeChild(
  definition: SpaceDefinition,
  context: NetworkContext,
  architecture: Architecture,
  layout?: SpaceLayout,
): Layer {
  if (layout) optionIndices(layout, architecture);
  if (definition.child) {
    if (!layout && definition.choices) optionIndices(new SpaceLayout(distinct(definition.choices())), architecture);
    return definition.child(context, architecture);
  }
  const { device } = context;
  const make = (): Layer => definition.network(context);
  // Weights without memory: what `none` would have had the shape of.
  const shapes = device.dryRun(() => collectChoices(make), { hollow: true }).choices;
  if (!layout) optionIndices(new SpaceLayout(distinct(shapes.map(({ spec }) => spec))), architecture);
  return collectChoices(make, architecture, shapes).network;
}

/** A child with the weights that `stateDict()` of another gave. */
export function loadChild(
  definition: SpaceDefinition,
  context: NetworkContext,
  architecture: Architecture,
  state: StateDict,
): Layer {
  const child = makeChild(definition, context, architecture);
  try {
    scope(() => child.loadStateDict(state));
  } catch (error) {
    child.dispose();
    throw error;
  }
  return child;
}

/** The first of each name. OptionError where another of its name has other options. */
function distinct(specs: readonly ChoiceSpec[]): ChoiceSpec[] {
  const byName = new Map<string, ChoiceSpec>();
  for (const spec of specs) {
    const known = byName.get(spec.name) ?? spec;
    byName.set(spec.name, known);
    if (JSON.stringify(known.options) === JSON.stringify(spec.options)) continue;
    throw new OptionError(
      `choice ${spec.name}: it is made twice, with the options ${known.options.join(', ')} and with ${spec.options.join(', ')}: ` +
        'choices of one name share their Z, so they have the same options in the same order',
    );
  }
  return [...byName.values()];
}

/** OptionError for a choice that the function has not made itself: a child, for which it is called again, would hold all its options. */
function checkMadeHere(network: Layer, choices: readonly Choice[]): void {
  const made = new Set<Module>(choices);
  for (const module of network.modules()) {
    if (!(module instanceof Choice) || made.has(module)) continue;
    throw new OptionError(
      `choice ${module.name}: it was made before the function that makes the network was called; make it inside, for each child is made by calling it again`,
    );
  }
}

/** OptionError for a layer with weights that the function has made and the network does not hold: a function may compute with them. */
function checkHeld(network: Layer, made: readonly Module[]): void {
  const held = new Set([...network.stateTensors()].map(({ tensor }) => tensor));
  for (const module of made) {
    const lost = [...module.stateTensors()].find(({ tensor }) => !held.has(tensor) && !tensor.disposed);
    if (!lost) continue;
    throw new OptionError(
      `search space: a ${module.constructor.name} is made and held by no layer of the network, as where a function closes over it: its ${lost.name} ` +
        'would be neither trained nor saved nor counted; make it an option or a child of a layer',
    );
  }
}

/**
 * OptionError for a layer with weights that stands in options of two choices, or in one and in the network around it: a child of one would free
 * what the other computes with. What a choice within an option holds is that choice's own.
 */
function checkOneOwner(network: Layer, choices: readonly Choice[]): void {
  const owners = new Map<Module, string>();
  const claim = (module: Module, owner: string, seen: Set<Module>): void => {
    if (seen.has(module)) return;
    seen.add(module);
    if (module instanceof Choice) return;
    const other = owners.get(module);
    if (other !== undefined && other !== owner && [...module.stateTensors()].length > 0) {
      throw new OptionError(
        `search space: one layer stands in ${other} and in ${owner}; give each layers of its own, or use one choice in both places`,
      );
    }
    owners.set(module, owner);
    for (const [, child] of module.children()) claim(child, owner, seen);
  };
  for (const choice of choices) {
    const seen = new Set<Module>();
    for (const layer of choice.layers) if (layer) claim(layer, `choice ${choice.name}`, seen);
  }
  claim(network, 'the network around its choices', new Set());
}

/** OptionError for two tensors of one name: one would be saved and inherited for both. */
function checkStateNames(network: Layer): void {
  const names = new Set<string>();
  for (const { name } of network.stateTensors()) {
    if (names.has(name))
      throw new OptionError(`search space: two tensors of the network are named ${name}; name its parts otherwise`);
    names.add(name);
  }
}
