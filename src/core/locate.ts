/** @file locateNonFinite: the first operation of a step whose output is not finite while its inputs are, and where in the network it is. */
import { showShape, type Shape } from '../contract/shape.ts';
import { concat, max, neg, reshape } from './ops.ts';
import { noGrad } from './grad-mode.ts';
import { type Observer, withObserver } from './observe.ts';
import { keep, scope } from './scope.ts';
import { Tensor } from './tensor.ts';

/** A tensor's values, as far as they tell: NaN and NaN if one is NaN. */
export interface Range {
  readonly shape: Shape;
  readonly min: number;
  readonly max: number;
}

/** Where a number stopped being finite. */
export interface NonFinite {
  /** The operation's name. */
  readonly operation: string;
  /** Which of the step's operations it is, counted from 0. */
  readonly index: number;
  /** In the backward pass: the operation that is differentiated. */
  readonly backwardOf: string | undefined;
  /** Dotted names of the modules that it is in ('net.cells.0'); undefined outside all of them. */
  readonly place: string | undefined;
  readonly inputs: readonly Range[];
  readonly outputs: readonly Range[];
  /** False where an input was not finite already when the step began: then this is the first operation that read it. */
  readonly inputsFinite: boolean;
  /** All of that in one line. */
  readonly message: string;
}

/** A tree of modules, as `Module` of reparam/nn is one. */
export interface ModuleTree {
  children(): Iterable<readonly [string, ModuleTree]>;
}

export interface LocateOptions {
  /** Modules by name, whose names the place is told with: { net }. */
  readonly modules?: Readonly<Record<string, ModuleTree>>;
}

interface Entry {
  readonly operation: string;
  readonly place: string | undefined;
  readonly backwardOf: string | undefined;
  /** Indices of measured ranges. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

/**
 * Runs `step` once, looking at every operation, forward and backward, and tells the first whose output holds a NaN or an infinity although
 * its inputs do not; undefined if all is finite. A captured step is run as it is written. What the step changes in place it changes: to find a
 * NaN in a training step, restore its state first. Slow, and for that: two reductions for each tensor.
 */
export async function locateNonFinite(step: () => unknown, options: LocateOptions = {}): Promise<NonFinite | undefined> {
  const watch = new Watch();
  const unwrap = watch.name(options.modules ?? {});
  try {
    await withObserver(watch, step);
  } finally {
    unwrap();
  }
  return watch.first();
}

class Watch implements Observer {
  readonly #entries: Entry[] = [];
  readonly #shapes: Shape[] = [];
  /** [2]: largest value and largest negated value. */
  readonly #measured: Tensor[] = [];
  readonly #known = new Map<object, { readonly version: number; readonly index: number }>();
  readonly #places: string[] = [];
  #backwardOf: string | undefined;

  operation(op: string, inputs: readonly object[], outputs: readonly object[]): () => void {
    const before = this.#floats(inputs).map((t) => this.#measure(t, true));
    const entry = { operation: op, place: this.#places.at(-1), backwardOf: this.#backwardOf };
    return () => {
      const after = this.#floats(outputs).map((t) => this.#measure(t, false));
      this.#entries.push({ ...entry, inputs: before, outputs: after });
    };
  }

  backward<Vjp extends (...args: never[]) => unknown>(op: string, vjp: Vjp): Vjp {
    const place = this.#places.at(-1);
    const wrapped = (...args: never[]): unknown => {
      const outer = this.#backwardOf;
      this.#backwardOf = op;
      if (place !== undefined) this.#places.push(place);
      try {
        return vjp(...args);
      } finally {
        this.#backwardOf = outer;
        if (place !== undefined) this.#places.pop();
      }
    };
    return wrapped as Vjp;
  }

  /** Puts wrappers around the methods of modules, which say where we are; returns what takes them off again. */
  name(roots: Readonly<Record<string, ModuleTree>>): () => void {
    const wrapped: (() => void)[] = [];
    const seen = new Set<object>();
    const visit = (path: string, module: ModuleTree): void => {
      if (seen.has(module)) return;
      seen.add(module);
      for (const method of methodsOf(module)) wrapped.push(this.#wrap(module, method, path));
      for (const [name, child] of module.children()) visit(`${path}.${name}`, child);
    };
    for (const [name, module] of Object.entries(roots)) visit(name, module);
    return () => {
      for (const undo of wrapped) undo();
    };
  }

  #wrap(module: ModuleTree, method: string, path: string): () => void {
    const owner = module as unknown as Record<string, (...args: unknown[]) => unknown>;
    const original = owner[method]!;
    const places = this.#places;
    Object.defineProperty(module, method, {
      configurable: true,
      enumerable: false,
      value: (...args: unknown[]): unknown => {
        places.push(path);
        try {
          return original.apply(module, args);
        } finally {
          places.pop();
        }
      },
    });
    return () => {
      delete owner[method];
    };
  }

  #floats(tensors: readonly object[]): Tensor[] {
    return tensors.filter((t) => t instanceof Tensor).filter((t) => t.dtype !== 'uint32' && t.size > 0);
  }

  /** The index of the tensor's range; values that were measured and have not been written since are not measured again. */
  #measure(t: Tensor, readAgain: boolean): number {
    const { storage } = t;
    const known = this.#known.get(storage);
    if (readAgain && known?.version === storage.version) return known.index;
    const range = withObserver(undefined, () =>
      noGrad(() =>
        keep(
          scope(() => {
            const flat = reshape(t, [t.size]);
            return concat([reshape(max(flat), [1]), reshape(max(neg(flat)), [1])], 0);
          }),
        ),
      ),
    );
    const index = this.#measured.push(range) - 1;
    this.#shapes.push(t.shape);
    // An operation in place counts its write after it has run, so what was measured then is measured again when it is read.
    this.#known.set(storage, { version: storage.version, index });
    return index;
  }

  async first(): Promise<NonFinite | undefined> {
    const ranges = await this.#read();
    const finite = (i: number): boolean => Number.isFinite(ranges[i]!.min) && Number.isFinite(ranges[i]!.max);
    const at = this.#entries.findIndex((e) => !e.outputs.every(finite));
    const entry = this.#entries[at];
    if (!entry) return undefined;
    const inputs = entry.inputs.map((i) => ranges[i]!);
    const outputs = entry.outputs.map((i) => ranges[i]!);
    const found = {
      operation: entry.operation,
      index: at,
      backwardOf: entry.backwardOf,
      place: entry.place,
      inputs,
      outputs,
      inputsFinite: entry.inputs.every(finite),
    };
    return { ...found, message: describe(found) };
  }

  /** All ranges, with one read-back for each device. */
  async #read(): Promise<Range[]> {
    const numbers = new Map<Tensor, ArrayLike<number>>();
    for (const device of new Set(this.#measured.map((t) => t.device))) {
      const mine = this.#measured.filter((t) => t.device === device);
      for (let from = 0; from < mine.length; from += 128) {
        const part = mine.slice(from, from + 128);
        const all = noGrad(() => concat(part, 0));
        const data = await all.data();
        all.dispose();
        for (const [i, t] of part.entries()) numbers.set(t, data.subarray(2 * i, 2 * i + 2));
      }
    }
    return this.#measured.map((t, i) => {
      const [most, least] = Array.from(numbers.get(t)!) as [number, number];
      t.dispose();
      return { shape: this.#shapes[i]!, min: -least, max: most };
    });
  }
}

/** Names of a module's own methods, up to the class that all modules share; what makes iterators or promises is left alone. */
function methodsOf(module: object): string[] {
  const names = new Set<string>();
  let prototype: object | null = Object.getPrototypeOf(module) as object | null;
  while (prototype && Object.getPrototypeOf(Object.getPrototypeOf(prototype) as object) !== null) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (name === 'constructor' || typeof value !== 'function') continue;
      if ((value as () => unknown).constructor.name === 'Function') names.add(name);
    }
    prototype = Object.getPrototypeOf(prototype) as object | null;
  }
  return [...names].filter((name) => !Object.hasOwn(module, name));
}

/** Four digits: who reads it looks for the size. */
function short(x: number): string {
  return String(Number(x.toPrecision(4)));
}

function describe({ operation, index, backwardOf, place, inputs, outputs, inputsFinite }: Omit<NonFinite, 'message'>): string {
  const show = ({ shape, min, max: most }: Range): string =>
    Number.isNaN(min) || Number.isNaN(most)
      ? `${showShape(shape)} with NaN`
      : `${showShape(shape)} in [${short(min)}, ${short(most)}]`;
  const where = place === undefined ? '' : ` in ${place}`;
  const pass = backwardOf === undefined ? '' : ` in the backward pass of ${backwardOf}`;
  const from = inputs.length === 0 ? 'nothing' : inputs.map(show).join(', ');
  const began = inputsFinite ? '' : ' (an input was not finite before)';
  return `operation ${index}, ${operation}${pass}${where}, made ${outputs.map(show).join(', ')} of ${from}${began}`;
}
