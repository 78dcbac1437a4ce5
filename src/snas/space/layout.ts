/** @file The choices of a search space in their order, and the matrices that hold a number for each of their options. */
import { OptionError, ShapeError } from '../../contract/errors.ts';
import { showShape } from '../../contract/shape.ts';
import { noGrad } from '../../core/grad-mode.ts';
import { reshape, slice } from '../../core/ops.ts';
import { foldIn, type Key } from '../../core/random.ts';
import type { Device, Tensor } from '../../core/tensor.ts';

/**
 * Where a choice's random numbers come from: the key of the occasion (a step, the start of log alpha), folded with each of `folds` in turn, gives
 * a sequence; the choice takes as many of it as it has options, from `offset` on. By default the folds follow from the choice's name, so that
 * another choice in the space changes nobody's numbers.
 */
export interface NoiseSource {
  readonly folds: readonly number[];
  readonly offset: number;
}

/** A choice of a space: one option of several, at one place of the network or at many. */
export interface ChoiceSpec {
  readonly name: string;
  /** Names of the options, in the order of Z's columns. */
  readonly options: readonly string[];
  readonly noise: NoiseSource;
}

/** All choices of one size: a matrix [choices, options]. */
export interface ChoiceMatrix {
  readonly options: number;
  /** Indices of the choices, one a row. */
  readonly choices: readonly number[];
}

/**
 * Z, or anything of its shape (log alpha, probabilities, costs, dL/dZ): one tensor [choices, options] for each number of options that a space
 * has, in the order of `SpaceLayout.matrices`.
 */
export type ChoiceWeights = readonly Tensor[];

/** The noise of a choice by its name: two words of a hash, so that two names hardly ever share a sequence. */
export function noiseOfName(name: string): NoiseSource {
  return { folds: [hash(name, 0x811c9dc5), hash(name, 0x9e3779b9)], offset: 0 };
}

/** FNV-1a over UTF-16 code units, from another basis for each word, with a final mix. */
function hash(text: string, basis: number): number {
  let h = basis;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  return (h ^ (h >>> 13)) >>> 0;
}

/** The ordered choices of a space. Choices of one size are rows of one matrix, so that a kernel serves all of them. */
export class SpaceLayout {
  readonly choices: readonly ChoiceSpec[];
  /** In the order in which their sizes first occur. */
  readonly matrices: readonly ChoiceMatrix[];
  readonly #places: readonly { readonly matrix: number; readonly row: number }[];
  readonly #indices: ReadonlyMap<string, number>;

  /** OptionError for no choice at all, a name that occurs twice, or a choice of fewer than two options. */
  constructor(choices: readonly ChoiceSpec[]) {
    if (choices.length === 0) throw new OptionError('search space: the network has no choice; make one with choice(name, options)');
    this.choices = choices;
    this.#indices = new Map(choices.map(({ name }, i) => [name, i]));
    if (this.#indices.size < choices.length) throw new OptionError('search space: two choices of one name must be given once');
    for (const { name, options } of choices) {
      if (options.length < 2) throw new OptionError(`choice ${name}: ${options.length} options; a choice needs two or more`);
      if (new Set(options).size < options.length) throw new OptionError(`choice ${name}: two options have one name`);
    }
    const sizes = [...new Set(choices.map(({ options }) => options.length))];
    this.matrices = sizes.map((options) => ({
      options,
      choices: choices.flatMap((choice, i) => (choice.options.length === options ? [i] : [])),
    }));
    this.#places = choices.map(({ options }, i) => {
      const matrix = sizes.indexOf(options.length);
      return { matrix, row: this.matrices[matrix]!.choices.indexOf(i) };
    });
  }

  /** The index of a choice by its name. OptionError, naming those there are, for another. */
  indexOf(name: string): number {
    const index = this.#indices.get(name);
    if (index === undefined) {
      const names = this.choices.slice(0, 8).map((c) => c.name);
      throw new OptionError(`search space: no choice ${name}; it has ${names.join(', ')}${this.choices.length > 8 ? ', ...' : ''}`);
    }
    return index;
  }

  /** Which matrix and row hold a choice. */
  place(choice: number): { readonly matrix: number; readonly row: number } {
    return this.#places[choice]!;
  }

  /** The shape [choices, options] of a matrix. */
  shape(matrix: number): readonly [number, number] {
    const { choices, options } = this.matrices[matrix]!;
    return [choices.length, options];
  }

  /** Options of all choices together. */
  get size(): number {
    return this.choices.reduce((n, { options }) => n + options.length, 0);
  }

  /**
   * Numbers for each option, matrix by matrix and row by row, from each choice's own source: `make(key, n)` gives the first n of a key's
   * sequence.
   */
  draw(key: Key, make: (key: Key, n: number) => ArrayLike<number>): Float64Array[] {
    const longest = new Map<string, number>();
    for (const { noise, options } of this.choices) {
      const source = noise.folds.join(' ');
      longest.set(source, Math.max(longest.get(source) ?? 0, noise.offset + options.length));
    }
    const drawn = new Map<string, ArrayLike<number>>();
    return this.matrices.map(({ choices, options }) => {
      const out = new Float64Array(choices.length * options);
      choices.forEach((choice, row) => {
        const { folds, offset } = this.choices[choice]!.noise;
        const source = folds.join(' ');
        const numbers =
          drawn.get(source) ??
          make(
            folds.reduce((k, fold) => foldIn(k, fold), key),
            longest.get(source)!,
          );
        drawn.set(source, numbers);
        for (let i = 0; i < options; i++) out[row * options + i] = numbers[offset + i]!;
      });
      return out;
    });
  }

  /** One number for each choice: those that share a source take its first numbers in turn. */
  drawOne(key: Key, make: (key: Key, n: number) => ArrayLike<number>): number[] {
    const sources = this.choices.map(({ noise }) => noise.folds.join(' '));
    const drawn = new Map<string, { readonly numbers: ArrayLike<number>; next: number }>();
    return this.choices.map(({ noise }, c) => {
      const source = sources[c]!;
      const sequence = drawn.get(source) ?? {
        numbers: make(
          noise.folds.reduce((k, fold) => foldIn(k, fold), key),
          sources.filter((other) => other === source).length,
        ),
        next: 0,
      };
      drawn.set(source, sequence);
      return sequence.numbers[sequence.next++]!;
    });
  }

  /** Numbers by choice as numbers by matrix, row-major. */
  toMatrices(rows: readonly ArrayLike<number>[]): Float64Array[] {
    return this.matrices.map(({ choices, options }) =>
      Float64Array.from({ length: choices.length * options }, (_, i) => rows[choices[Math.floor(i / options)]!]![i % options]!),
    );
  }

  /** Numbers by matrix, row-major, as numbers by choice. */
  toRows(matrices: readonly ArrayLike<number>[]): number[][] {
    return this.choices.map(({ options }, choice) => {
      const { matrix, row } = this.place(choice);
      return options.map((_, i) => matrices[matrix]![row * options.length + i]!);
    });
  }

  /** The same numbers for each option as tensors, [choices, options] a matrix. */
  upload(device: Device, matrices: readonly ArrayLike<number>[]): ChoiceWeights {
    return this.matrices.map((_, m) => device.tensor(matrices[m]!, this.shape(m)));
  }

  /** ShapeError, in `op`'s name, for tensors of other shapes than this space's. */
  check(op: string, weights: ChoiceWeights): void {
    const wanted = this.matrices.map((_, m) => showShape(this.shape(m)));
    if (weights.length === wanted.length && weights.every((t, m) => showShape(t.shape) === wanted[m])) return;
    throw new ShapeError(
      `${op}: ${weights.map((t) => showShape(t.shape)).join(', ') || 'nothing'} does not fit the space, which needs ${wanted.join(', ')}`,
    );
  }

  /** The rows of all choices as tensors [options], in the order of choices. */
  rows(weights: ChoiceWeights): Tensor[] {
    return this.choices.map((_, choice) => this.row(weights, choice));
  }

  /** The row of one choice, [options]. */
  row(weights: ChoiceWeights, choice: number): Tensor {
    const { matrix, row } = this.place(choice);
    const { options } = this.matrices[matrix]!;
    return reshape(slice(weights[matrix]!, [row], [row + 1]), [options]);
  }
}

/** Numbers of all options on the host, by choice; the tensors stay. */
export async function hostRows(layout: SpaceLayout, weights: ChoiceWeights): Promise<number[][]> {
  return layout.toRows(await Promise.all(weights.map((t) => t.data())));
}

/** Frees tensors of Z's shapes. */
export function disposeWeights(weights: ChoiceWeights): void {
  for (const t of weights) t.dispose();
}

/** One-hot Z of an option for each choice, by index; on the device. */
export function oneHotWeights(device: Device, layout: SpaceLayout, options: readonly number[]): ChoiceWeights {
  const rows = layout.choices.map((choice, c) => choice.options.map((_, k) => (k === options[c] ? 1 : 0)));
  return noGrad(() => layout.upload(device, layout.toMatrices(rows)));
}
