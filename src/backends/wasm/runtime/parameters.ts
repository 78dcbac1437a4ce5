/** @file The parameters of a kernel: named 32-bit words in memory, which tell it what its arguments do not. */
import type { FunctionWriter, Local } from './assembler.ts';
import type { Heap } from './heap.ts';
import { type Code, i32 } from './instructions.ts';

export interface ParameterLayout<Name extends string> {
  readonly bytes: number;
  /** Reads one of the parameters that lie at an address. */
  readonly read: (parameters: Local, name: Name) => Code;
  /** Variables for some of them: `load` reads them once, `get` pushes one. */
  readonly keep: <Kept extends Name>(
    f: FunctionWriter,
    parameters: Local,
    names: readonly Kept[],
  ) => { readonly load: Code; readonly get: (name: Kept) => Code };
  /** The words of the parameters, in order. */
  readonly words: (values: Readonly<Record<Name, number>>) => number[];
}

export function parameterLayout<const Name extends string>(names: readonly Name[]): ParameterLayout<Name> {
  const read = (parameters: Local, name: Name): Code => i32.load(parameters.get, names.indexOf(name) * 4);
  return {
    bytes: names.length * 4,
    read,
    keep: (f, parameters, some) => {
      const locals = f.localArray('i32', some.length);
      return {
        load: locals.flatMap((local, i) => local.set(read(parameters, some[i]!))),
        get: (name) => locals[some.indexOf(name)]!.get,
      };
    },
    words: (values) => names.map((name) => values[name]),
  };
}

/** Places tables behind parameters in one block; `words` gives the parameters once the tables' addresses are known. */
export function placeParameters<Name extends string>(
  heap: Heap,
  parameterBytes: number,
  tables: Readonly<Record<Name, readonly number[]>>,
  words: (addresses: Readonly<Record<Name, number>>) => readonly number[],
): { readonly address: number; readonly bytes: number } {
  const lists = Object.entries<readonly number[]>(tables);
  const bytes = lists.reduce((sum, [, list]) => sum + list.length * 4, parameterBytes);
  const address = heap.alloc(bytes);
  let next = address + parameterBytes;
  const placed = lists.map(([name, list]) => {
    const at = next;
    next += list.length * 4;
    return [name, at, list] as const;
  });
  const memory = new Int32Array(heap.memory.buffer);
  memory.set(words(Object.fromEntries(placed) as Record<Name, number>), address / 4);
  for (const [, at, list] of placed) memory.set(list, at / 4);
  return { address, bytes };
}
