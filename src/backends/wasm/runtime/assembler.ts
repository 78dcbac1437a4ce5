/** @file Assembles functions into a WebAssembly module that imports one memory and exports the functions by name. */
import type { Names } from '../../../contract/shape.ts';
import { choose, type Code, doWhile, f32, f32x4, i32, multiplyAdds, unsigned, v128, type ValueType, when } from './instructions.ts';

/** Pages of 64 KiB in 4 GiB. */
export const MOST_PAGES = 65_536;

const TYPE_CODES: Readonly<Record<ValueType, number>> = { i32: 0x7f, f32: 0x7d, f64: 0x7c, v128: 0x7b };

/** A variable of a function. */
export class Local {
  readonly type: ValueType;
  readonly index: number;
  /** Pushes the value. */
  readonly get: Code;

  constructor(type: ValueType, index: number) {
    this.type = type;
    this.index = index;
    this.get = [0x20, ...unsigned(index)];
  }

  set(value: Code): Code {
    return [...value, 0x21, ...unsigned(this.index)];
  }

  /** Adds a number of bytes or steps to an integer. */
  advance(amount: Code | number): Code {
    return this.set(i32.add(this.get, typeof amount === 'number' ? i32.const(amount) : amount));
  }
}

/** Named variables: of the names in a string such as `'row column end'`. */
export type Locals<S extends string> = Readonly<Record<Names<S>, Local>>;

/** A function while it is written: gives out its variables. */
export class FunctionWriter {
  readonly #types: ValueType[];
  readonly #parameters: number;

  constructor(parameters: readonly ValueType[]) {
    this.#types = [...parameters];
    this.#parameters = parameters.length;
  }

  get parameters(): Local[] {
    return this.#types.slice(0, this.#parameters).map((type, i) => new Local(type, i));
  }

  local(type: ValueType): Local {
    this.#types.push(type);
    return new Local(type, this.#types.length - 1);
  }

  /** One variable for each name in a string: `const { row, end } = f.locals('i32', 'row end')`. */
  locals<const S extends string>(type: ValueType, names: S): Locals<S> {
    const list = names.split(' ');
    return nameLocals(list, this.localArray(type, list.length)) as Locals<S>;
  }

  /** Variables without names, for unrolled loops. */
  localArray(type: ValueType, count: number): Local[] {
    return Array.from({ length: count }, () => this.local(type));
  }

  i32(): Local {
    return this.local('i32');
  }

  v128(): Local {
    return this.local('v128');
  }

  /** for (i = from; i < to; i += step) body; `to` is computed before each turn. */
  loop(i: Local, from: Code, to: Code, step: number, body: Code): Code {
    return [...i.set(from), ...when(i32.lessThan(i.get, to), doWhile([...body, ...i.advance(step)], i32.lessThan(i.get, to)))];
  }

  /** The same where `i` is an address: from `from` to below `to`, which may lie beyond 2 GiB. A step is at most OVERREAD bytes. */
  walk(i: Local, from: Code, to: Code, step: number, body: Code): Code {
    const more = i32.lessThanUnsigned(i.get, to);
    return [...i.set(from), ...when(more, doWhile([...body, ...i.advance(step)], more))];
  }

  /** The body's code with the declaration of variables in front, as the code section wants it. @internal */
  assemble(body: Code): Code {
    const declared = this.#types.slice(this.#parameters).map((type) => [1, TYPE_CODES[type]]);
    const code = [...unsigned(declared.length), ...declared.flat(), ...body, 0x0b];
    return [...unsigned(code.length), ...code];
  }
}

/** A function of a module, to be called by others of the same module. */
export interface FunctionReference {
  readonly index: number;
}

/** Pushes the arguments and calls. */
export function call(target: FunctionReference, ...parameters: readonly Code[]): Code {
  return [...parameters.flat(), 0x10, ...unsigned(target.index)];
}

/** min(a, b) of signed integers that are cheap to compute twice. */
export function minimum(a: Code, b: Code): Code {
  return choose(a, b, i32.lessThan(a, b));
}

/** The lower of two addresses. */
export function lower(a: Code, b: Code): Code {
  return choose(a, b, i32.lessThanUnsigned(a, b));
}

function nameLocals(names: readonly string[], locals: readonly Local[]): Record<string, Local | undefined> {
  return Object.fromEntries(names.map((name, i) => [name, locals[i]]));
}

/** The bytes of a module, and the names of the functions that it exports. */
export interface WasmModule<Exports extends string> {
  /** For memory that is shared between threads, or that is not. */
  readonly bytes: (shared: boolean) => Uint8Array<ArrayBuffer>;
  readonly exports: readonly Exports[];
}

/** A parameter is an i32 unless its name is followed by another type, as in `eps:f64`. */
type ParameterName<Word extends string> = Word extends `${infer Name}:${ValueType}` ? Name : Word;
type Parameters<S extends string> = Readonly<Record<ParameterName<Names<S>>, Local>>;

/** A module under construction. Its functions return nothing; results go to memory. */
export class ModuleWriter<const Exports extends string> {
  readonly #exports: readonly Exports[];
  readonly #functions: { readonly types: readonly ValueType[]; readonly name: Exports | undefined; readonly code: Code }[] = [];

  /** `exports` are the names of the functions that may be called from outside. */
  constructor(...exports: readonly Exports[]) {
    this.#exports = exports;
  }

  /**
   * Adds a function; `write` gets its parameters as variables and returns its body. `more` i32 parameters without names follow the
   * named ones. A name exports the function.
   */
  add<const S extends string>(
    name: Exports | undefined,
    parameters: S,
    write: (f: FunctionWriter, parameters: Parameters<S>, more: readonly Local[]) => Code,
    more = 0,
  ): FunctionReference {
    const words = parameters
      .split(' ')
      .filter(Boolean)
      .map((word) => word.split(':') as [string, ValueType?]);
    const types = [...words.map(([, type = 'i32']) => type), ...Array.from({ length: more }, () => 'i32' as const)];
    const writer = new FunctionWriter(types);
    const locals = writer.parameters;
    const named = nameLocals(
      words.map(([word]) => word),
      locals,
    ) as Parameters<S>;
    const body = write(writer, named, locals.slice(words.length));
    this.#functions.push({ types, name, code: writer.assemble(body) });
    return { index: this.#functions.length - 1 };
  }

  assemble(): WasmModule<Exports> {
    return { bytes: (shared) => this.#bytes(shared), exports: this.#exports };
  }

  #bytes(shared: boolean): Uint8Array<ArrayBuffer> {
    // Shared memory has a largest size.
    const limits = shared ? [3, ...unsigned(1), ...unsigned(MOST_PAGES)] : [0, ...unsigned(1)];
    const functions = this.#functions;
    const exported = functions.flatMap(({ name }, index) => (name === undefined ? [] : [[...text(name), 0, ...unsigned(index)]]));
    return Uint8Array.from([
      0x00,
      0x61,
      0x73,
      0x6d,
      1,
      0,
      0,
      0,
      ...section(
        1,
        functions.map(({ types }) => [0x60, ...vector(types.map((type) => [TYPE_CODES[type]])), 0]),
      ),
      ...section(2, [[...text('reparam'), ...text('memory'), 2, ...limits]]),
      ...section(
        3,
        functions.map((_, i) => unsigned(i)),
      ),
      ...section(7, exported),
      ...section(
        10,
        functions.map(({ code }) => code),
      ),
    ]);
  }
}

function vector(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()];
}

function section(id: number, items: readonly Code[]): Code {
  const body = vector(items);
  return [id, ...unsigned(body.length), ...body];
}

function text(name: string): Code {
  return vector([...new TextEncoder().encode(name)].map((byte) => [byte]));
}

/** A function that uses 128-bit SIMD, to ask an engine with. */
export function simdProbe(): Uint8Array<ArrayBuffer> {
  const module = new ModuleWriter('probe');
  module.add('probe', '', (f) => f.v128().set(v128.zero));
  return module.assemble().bytes(false);
}

/** `probe(at)` leaves (1 + u)(1 + u) - (1 + 2 u) at an address, for u = 2^-12: u^2 if relaxed_madd rounds once, 0 if twice. */
export function relaxedProbe(): WasmModule<'probe'> {
  const u = 2 ** -12;
  const constant = (value: number): Code => f32x4.splat(f32.const(value));
  const module = new ModuleWriter('probe');
  module.add('probe', 'at', (_f, { at }) => {
    return v128.store(at.get, multiplyAdds.relaxed(constant(1 + u), constant(1 + u), constant(-1 - 2 * u)));
  });
  return module.assemble();
}
