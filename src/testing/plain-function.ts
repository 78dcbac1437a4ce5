/** @file A function of anybody's on plain numbers, seen as a function of flat arrays; and the three forms in which its derivative is given. */
import { OptionError } from '../contract/errors.ts';
import { literal, flatten, type Structure, structureOf } from './structure.ts';

/**
 * The derivative of f(...inputs), as one writes it by hand. Give one of the three; each may return a promise. A gradient has the
 * structure of the inputs: a list with one gradient for each differentiated input, or that one gradient alone.
 */
export interface GradientRule<Inputs extends readonly unknown[], Output> {
  /** The gradient of a function of one number: gradF(...inputs). */
  readonly gradF?: (...inputs: Inputs) => unknown;
  /** The backward pass of a function of many: vjpF(...inputs, cotangent), the cotangent in the structure of f's output. */
  readonly vjpF?: (...inputsAndCotangent: [...Inputs, Output]) => unknown;
  /**
   * All derivatives: jacobianF(...inputs) gives for each input an m x n matrix, a row for each output (nested arrays, or flat and
   * row-major); of a function of one input that matrix alone.
   */
  readonly jacobianF?: (...inputs: Inputs) => unknown;
}

/** f and its derivative on flat arrays. */
export interface PlainFunction {
  readonly name: string;
  /** The differentiated inputs, in order. */
  readonly structures: readonly Structure[];
  readonly point: readonly Float64Array[];
  readonly form: 'gradF' | 'vjpF' | 'jacobianF';
  readonly outputs: number;
  evaluate(point: readonly Float64Array[]): Promise<readonly Float64Array[]>;
  /** The gradient of the outputs contracted with the cotangent. */
  gradient(point: readonly Float64Array[], cotangent: Float64Array): Promise<readonly Float64Array[]>;
  /** The Jacobian's rows, one gradient for each output. */
  rows(point: readonly Float64Array[]): Promise<readonly (readonly Float64Array[])[]>;
  store(point: readonly Float64Array[]): readonly Float64Array[];
  /** 'input 0 (positions)[1].y', of 'output [2]' where there are several. */
  componentOf(input: number, element: number, output?: number): string;
  /** The inputs with other numbers in them. */
  inputsAt(point: readonly Float64Array[]): readonly unknown[];
  /** The inputs, and the call of the checker with them, as JavaScript source. */
  source(point: readonly Float64Array[]): { readonly inputs: string; readonly call: string };
}

type AnyFunction = (...inputs: never[]) => unknown;

/** Reads the structures of inputs and output; f is called once. */
export async function plainFunction(
  f: AnyFunction,
  rule: AnyFunction | GradientRule<never[], never>,
  inputs: readonly unknown[],
  options: { readonly name?: string; readonly wrt?: readonly number[] },
): Promise<PlainFunction> {
  const name = options.name ?? (f.name || 'f');
  const { form, derivative } = formOf(name, rule);
  const parameters = parameterNames(f);
  const called = (i: number): string => (parameters?.[i] === undefined ? `input ${i}` : `input ${i} (${parameters[i]})`);
  const all = inputs.map((input, i) => structureOf(input, `${name}: ${called(i)}`));
  const wrt = options.wrt ?? all.flatMap(({ size }, i) => (size > 0 ? [i] : []));
  for (const i of wrt) {
    if (!all[i]?.size)
      throw new OptionError(`${name}: input ${i} holds no floats to differentiate by; wrt lists the inputs that do`);
  }
  if (wrt.length === 0)
    throw new OptionError(`${name}: no input holds a float to differentiate by; inputs is the list of f's arguments`);
  const structures = wrt.map((i) => all[i]!);
  const inputsAt = (point: readonly Float64Array[]): unknown[] => {
    const built = all.map((structure) => structure.build(structure.read()));
    wrt.forEach((i, k) => (built[i] = structures[k]!.build(point[k]!)));
    return built;
  };
  const call = async (g: AnyFunction, point: readonly Float64Array[], ...more: unknown[]): Promise<unknown> =>
    await (g as (...inputs: unknown[]) => unknown)(...inputsAt(point), ...more);
  const point = structures.map((s) => s.store(s.read()));
  const first = await call(f, point);
  const output = structureOf(first, `${name}: the output`);
  if (output.size === 0)
    throw new OptionError(
      `${name}: f gave ${literal(first)}, which holds no float; inputs is the list of f's arguments, so [[1, 2]] for one array`,
    );
  if (output.read().every(Number.isNaN))
    throw new OptionError(
      `${name}: f gave NaN, so there is nothing to compare; inputs is the list of f's arguments, so [[1, 2]] for one array`,
    );
  if (form === 'gradF' && output.size > 1)
    throw new OptionError(`${name}: f gives ${output.size} numbers, so a gradient is not enough: give { vjpF } or { jacobianF }`);
  const gradientOf = (value: unknown): Float64Array[] => {
    const parts = partsOf(value, structures.length, `${name}: ${form}`);
    return structures.map((s, k) => s.readLike(parts[k], `${name}: ${form}'s derivative by ${called(wrt[k]!)}`));
  };
  const rows = async (p: readonly Float64Array[]): Promise<Float64Array[][]> => {
    const parts = partsOf(await call(derivative, p), structures.length, `${name}: jacobianF`);
    const flat = parts.map((part, k) => {
      const numbers = flatten(part, `${name}: jacobianF`);
      const size = output.size * structures[k]!.size;
      if (numbers.length !== size)
        throw new OptionError(
          `${name}: jacobianF's matrix for ${called(wrt[k]!)} holds ${numbers.length} numbers, where ${output.size} x ${structures[k]!.size} were expected`,
        );
      return numbers;
    });
    return Array.from({ length: output.size }, (_, j) =>
      flat.map((numbers, k) => numbers.slice(j * structures[k]!.size, (j + 1) * structures[k]!.size)),
    );
  };
  return {
    name,
    structures,
    point,
    form,
    outputs: output.size,
    evaluate: async (p) => [output.readLike(await call(f, p), `${name}: the output`)],
    gradient: async (p, cotangent) => {
      if (form === 'gradF')
        return gradientOf(await call(derivative, p)).map((g) => (cotangent[0] === 1 ? g : g.map((v) => v * cotangent[0]!)));
      if (form === 'vjpF') return gradientOf(await call(derivative, p, output.build(cotangent)));
      const found = await rows(p);
      return structures.map((s, k) =>
        Float64Array.from({ length: s.size }, (_, i) => found.reduce((sum, row, j) => sum + cotangent[j]! * row[k]![i]!, 0)),
      );
    },
    rows,
    store: (p) => structures.map((s, k) => s.store(p[k]!)),
    componentOf: (k, element, j) =>
      called(wrt[k]!) +
      structures[k]!.pathOf(element) +
      (j === undefined || output.size === 1 ? '' : `, of output${output.pathOf(j)}`),
    inputsAt,
    source: (p) => {
      const list = literal(inputsAt(p));
      const given =
        form === 'gradF' && typeof rule === 'function' ? derivative.name || 'gradF' : `{ ${form}${rename(form, derivative.name)} }`;
      return { inputs: list, call: `checkGradFunction(${f.name || 'f'}, ${given}, ${list}` };
    },
  };
}

function rename(form: string, name: string): string {
  return name === form || name === '' ? '' : `: ${name}`;
}

function formOf(
  name: string,
  rule: AnyFunction | GradientRule<never[], never>,
): { readonly form: PlainFunction['form']; readonly derivative: AnyFunction } {
  if (typeof rule === 'function') return { form: 'gradF', derivative: rule };
  const given = (['gradF', 'vjpF', 'jacobianF'] as const).flatMap((form) => {
    const derivative = (rule as GradientRule<never[], never> | undefined)?.[form];
    return typeof derivative === 'function' ? [{ form, derivative }] : [];
  });
  if (given.length !== 1)
    throw new OptionError(
      `${name}: give the derivative as a function, or one of { gradF }, { vjpF } and { jacobianF }; ${given.length} were given`,
    );
  return given[0]!;
}

/** One part for each input: a list of them, or the only one alone. */
function partsOf(value: unknown, count: number, what: string): readonly unknown[] {
  if (count === 1) {
    // A list of one gradient, unless the gradient itself is a list of one number.
    if (Array.isArray(value) && value.length === 1 && typeof value[0] !== 'number') return value as readonly unknown[];
    return [value];
  }
  if (Array.isArray(value) && value.length === count) return value as readonly unknown[];
  const got = Array.isArray(value)
    ? `an array of ${value.length}`
    : String(value === undefined || value === null ? value : `a ${typeof value}`);
  throw new OptionError(
    `${what} gave ${got}, where a list of ${count} was expected: one for each differentiated input (wrt leaves inputs out)`,
  );
}

/** The names of f's parameters, as far as its source tells. */
function parameterNames(f: AnyFunction): string[] | undefined {
  const source = Function.prototype.toString.call(f);
  const list =
    /^(?:async\s+)?(?:function\b[^(]*)?\(([^()]*)\)/.exec(source)?.[1] ?? /^(?:async\s+)?([\w$]+)\s*=>/.exec(source)?.[1];
  const names = list?.split(',').map((part) => part.trim().replace(/\s*=.*$/s, ''));
  return names?.every((part) => /^[A-Za-z_$][\w$]*$/.test(part)) ? names : undefined;
}
