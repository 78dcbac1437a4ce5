/** @file A forward pass under an architecture: where choices find their Z, and where what they do is seen, scaled and dropped. */
import { OptionError, OptionShapeError, ReparamError } from '../../contract/errors.ts';
import { sameShape, showShape, type Shape, showValue } from '../../contract/shape.ts';
import { resumedInCheckpoints } from '../../core/checkpoint.ts';
import { dropPath } from '../../core/composites.ts';
import { mixedSum } from '../../core/mixed-sum.ts';
import { addAll, concat, slice } from '../../core/ops.ts';
import { shareEqual } from '../../core/share-equal.ts';
import { type NotAsync, synchronous } from '../../core/synchronous.ts';
import { Tensor } from '../../core/tensor.ts';
import type { Layer } from '../../nn/module.ts';
import type { ChoiceWeights, SpaceLayout } from './layout.ts';

/** A layer that is a choice between options. */
export interface ChoiceHolder extends Layer {
  readonly name: string;
  readonly optionNames: readonly string[];
  /** An option as it is computed, by number; undefined for `none`. */
  optionAt(option: number): Layer | ((x: Tensor) => Tensor) | undefined;
  /** Whether drop path leaves an option alone. */
  isNeverDropped(option: number): boolean;
}

/** An option that a choice stands in: nested choices have them. */
export interface PathStep {
  /** Index of the outer choice, and the number of its option. */
  readonly choice: number;
  readonly option: number;
}

/** What one place did in a forward pass: all that a credit needs. A place is one evaluation of a choice. */
export interface PlaceTrace {
  /** Which of the pass's evaluations, in order. */
  readonly place: number;
  /** Index of the choice. */
  readonly choice: number;
  /** The choice that was evaluated: its object, one for each spot in the network that holds one. */
  readonly holder: ChoiceHolder;
  /** From the outermost. */
  readonly path: readonly PathStep[];
  readonly input: Tensor;
  /** The row of Z as it entered the sum, [options]. */
  readonly z: Tensor;
  /** Outputs of the options that were computed (`none` is absent: it is zero). */
  readonly options: readonly { readonly option: number; readonly output: Tensor }[];
  /** O~ = sum_k Z_k O_k(x), as it went on. */
  readonly output: Tensor;
  /** The sum that the output is a term of (`sumOfPlaces`), or else the output itself. */
  node: Tensor;
}

/** The mask [n] of `dropPath` for an option's output, or undefined where nothing is dropped. */
export type PathMask = (place: number, option: number) => Tensor | undefined;

export interface PassOptions {
  /** Collects what every place did. */
  readonly trace?: PlaceTrace[] | undefined;
  /** Replaces the output O~ of a place before it goes on: what scaling or ablating a place needs. */
  readonly tap?: ((place: number, output: Tensor) => Tensor) | undefined;
  /** Replaces the row of Z of a place, [options]: with an `alias`, each place of a choice has a gradient of its own. */
  readonly rowTap?: ((place: number, z: Tensor) => Tensor) | undefined;
  readonly pathMask?: PathMask | undefined;
  /** Called around each option that is computed; returns what is called after it. */
  readonly around?: ((place: number, option: number) => () => void) | undefined;
}

/** A pass under Z. */
class Pass {
  readonly #layout: SpaceLayout;
  readonly #z: ChoiceWeights;
  readonly #options: PassOptions;
  #rows = new Map<number, Tensor>();
  #computed = new Map<Tensor, Tensor>();
  #path: PathStep[] = [];
  #places = 0;

  constructor(layout: SpaceLayout, z: ChoiceWeights, options: PassOptions) {
    layout.check('forward', z);
    this.#layout = layout;
    this.#z = z;
    this.#options = options;
  }

  evaluate(holder: ChoiceHolder, x: Tensor): Tensor {
    const { name, optionNames } = holder;
    const { tap, rowTap, pathMask, trace, around } = this.#options;
    const place = this.#places++;
    const choice = this.#layout.indexOf(name);
    const row = this.#row(choice);
    const z = rowTap ? rowTap(place, row) : row;
    const path = [...this.#path];
    const computed: { option: number; output: Tensor }[] = [];
    for (const option of optionNames.keys()) {
      const run = holder.optionAt(option);
      if (!run) continue;
      this.#path.push({ choice, option });
      const done = around?.(place, option);
      const y = this.#applied(run, x, name, optionNames[option]!);
      done?.();
      this.#path.pop();
      const mask = pathMask?.(place, option);
      computed.push({ option, output: mask ? dropPath(y, mask) : y });
    }
    checkShapes(name, optionNames, computed);
    const weights = this.#weightsOf(
      z,
      computed.map(({ option }) => option),
    );
    const mixed = mixedSum(
      weights,
      computed.map(({ output }) => output),
    );
    const output = tap ? tap(place, mixed) : mixed;
    trace?.push({ place, choice, holder, path, input: x, z, options: computed, output, node: output });
    return output;
  }

  /** The output of an option. What is wrong with the option itself is told with its name: in the pass on shapes, before anything runs. */
  #applied(run: Layer | ((x: Tensor) => Tensor), x: Tensor, choice: string, option: string): Tensor {
    let y: unknown;
    try {
      y = typeof run === 'function' ? run(x) : run.forward(x);
    } catch (cause) {
      if (!x.device.dry || cause instanceof OptionShapeError) throw cause;
      if (cause instanceof ReparamError) {
        cause.message = `choice ${choice}, option ${option}: ${cause.message}`;
        throw cause;
      }
      const told = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
      throw new OptionError(`choice ${choice}: option ${option} fails: ${told}`, { cause });
    }
    if (y instanceof Tensor) return y;
    throw new OptionError(`choice ${choice}: option ${option} returned ${showValue(y)}; it must return a tensor`);
  }

  sum(outputs: readonly Tensor[]): Tensor {
    const node = addAll(outputs);
    for (const entry of this.#options.trace ?? []) if (outputs.includes(entry.output)) entry.node = node;
    return node;
  }

  /** For a checkpoint: runs a body as from the place that is next now, with rows of its own. 'run plainly' where somebody looks at places. */
  resume(): (<T>(body: () => T) => T) | 'run plainly' {
    if (this.#options.trace) return 'run plainly';
    const [places, path] = [this.#places, [...this.#path]];
    return (body) => {
      const now = { places: this.#places, path: this.#path, rows: this.#rows, computed: this.#computed };
      this.#places = places;
      this.#path = [...path];
      this.#rows = new Map();
      this.#computed = new Map();
      try {
        return withPass(this, body);
      } finally {
        this.#places = now.places;
        this.#path = now.path;
        this.#rows = now.rows;
        this.#computed = now.computed;
      }
    };
  }

  #row(choice: number): Tensor {
    const known = this.#rows.get(choice);
    // A checkpoint frees what was first taken inside of it.
    if (known && !known.disposed) return known;
    const row = this.#layout.row(this.#z, choice);
    this.#rows.set(choice, row);
    return row;
  }

  /** The entries of a row that belong to the options that are computed. */
  #weightsOf(z: Tensor, options: readonly number[]): Tensor {
    if (options.length === z.size) return z;
    const known = this.#computed.get(z);
    if (known && !known.disposed) return known;
    const runs: [from: number, to: number][] = [];
    for (const option of options) {
      const last = runs.at(-1);
      if (last?.[1] === option) last[1]++;
      else runs.push([option, option + 1]);
    }
    const parts = runs.map(([from, to]) => slice(z, [from], [to]));
    const weights = parts.length === 1 ? parts[0]! : concat(parts, 0);
    this.#computed.set(z, weights);
    return weights;
  }
}

let current: Pass | undefined;

function withPass<T>(pass: Pass, body: () => T): T {
  const before = current;
  current = pass;
  try {
    return body();
  } finally {
    current = before;
  }
}

// A part of a network that is computed again finds its architecture.
resumedInCheckpoints(() => current?.resume());

/**
 * Runs `body`, which must be synchronous, under Z: each choice that is evaluated in it finds its row there. ShapeError for a Z of another
 * space's shape.
 */
export function underArchitecture<T>(layout: SpaceLayout, z: ChoiceWeights, body: () => NotAsync<T>, options: PassOptions = {}): T {
  return withPass(new Pass(layout, z, options), () => shareEqual(() => synchronous('forward', 'the network', body())));
}

/** O~ of a choice under the pass that is going on. OptionError outside of one. */
export function evaluateChoice(choice: ChoiceHolder, x: Tensor): Tensor {
  if (!current) {
    throw new OptionError(
      `choice ${choice.name}: used outside of an architecture's forward pass: call forward(x, Z) of the search space, or forward(x) of a child`,
    );
  }
  return current.evaluate(choice, x);
}

/** The sum of outputs of choices, all of one shape, as a node of a cell is one: credits and conservation are told where the outputs went. */
export function sumOfPlaces(outputs: readonly Tensor[]): Tensor {
  return current ? current.sum(outputs) : addAll(outputs);
}

function checkShapes(
  choice: string,
  names: readonly string[],
  computed: readonly { readonly option: number; readonly output: Tensor }[],
): void {
  const [first, ...others] = computed;
  for (const { option, output } of others) {
    if (sameShape(output.shape, first!.output.shape)) continue;
    const shapes: readonly [Shape, Shape] = [output.shape, first!.output.shape];
    throw new OptionShapeError(
      `choice ${choice}: option ${names[option]} makes ${showShape(shapes[0])}, but option ${names[first!.option]} makes ${showShape(shapes[1])}: ` +
        'all options of a choice must have one output shape',
      choice,
      names[option]!,
      shapes,
    );
  }
}
