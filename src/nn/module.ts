/** @file Module: a tree of parameters and state with PyTorch's dotted names. */
/// <reference lib="esnext.disposable" preserve="true" />
import type { TypedArray } from '../contract/backend.ts';
import { OptionError, ShapeError } from '../contract/errors.ts';
import { refuseOtherCopy } from '../contract/one-copy.ts';
import { assign } from '../core/ops.ts';
import { scope } from '../core/scope.ts';
import { sameShape, type Shape, showShape, sizeOf } from '../contract/shape.ts';
import { Tensor } from '../core/tensor.ts';

/** An error, and not false, for a module of another copy of this package, whose parameters would go untrained. */
function isModule(value: unknown): value is Module {
  return value instanceof Module || refuseOtherCopy('module', value);
}

/** One tensor of a module's state. */
export interface StateTensor {
  readonly name: string;
  readonly tensor: Tensor;
  /** Whether an optimiser may train it: false for running statistics. */
  readonly trainable: boolean;
  /** Names under which its rows (first axis) are saved one by one; otherwise it is saved whole. */
  readonly rows?: readonly string[];
}

/** State on the host: what is saved and loaded. */
export type StateDict = Record<string, { readonly shape: Shape; readonly data: TypedArray }>;

/** The numbers of a saved tensor, whatever its type, as many as its shape says. */
export function stateNumbers(op: string, name: string, { shape, data }: StateDict[string]): Float64Array {
  const given: ArrayLike<number | bigint> = data;
  if (given.length !== sizeOf(shape)) {
    throw new ShapeError(`${op}: ${name} has ${given.length} elements, its shape ${showShape(shape)} has ${sizeOf(shape)}`);
  }
  return Float64Array.from(given, Number);
}

/** Modules that are made, while somebody asks; undefined almost always. */
let making: Module[] | undefined;

/** Runs `body` and tells which modules were made in it, in order of construction. @internal */
export function withMadeModules<T>(body: () => T): { readonly result: T; readonly modules: readonly Module[] } {
  const before = making;
  const modules: Module[] = [];
  making = modules;
  try {
    return { result: body(), modules };
  } finally {
    making = before;
    before?.push(...modules);
  }
}

/**
 * Base of all layers and networks. Its tensors, modules and arrays of modules held in properties make up its tree; a
 * property's name is the name in `stateDict()`.
 */
export abstract class Module {
  /** Whether batch norm uses batch statistics (and updates its running ones) and dropout drops. See `train` and `eval`. */
  training = true;

  constructor() {
    making?.push(this);
  }

  /** By which another copy of this package tells what this is. @internal */
  get 'reparam module'(): true {
    return true;
  }

  /** Names of tensor properties that are state but not trained. */
  protected stateNames(): readonly string[] {
    return [];
  }

  /** This module's own tensors (not its children's), by name. */
  protected *ownTensors(): Iterable<StateTensor> {
    const state = this.stateNames();
    for (const [name, value] of Object.entries(this)) {
      if (value instanceof Tensor) yield { name, tensor: value, trainable: !state.includes(name) };
    }
  }

  /** Child modules with their names, once for each place that holds one. */
  *children(): Iterable<readonly [string, Module]> {
    for (const [name, value] of Object.entries(this)) {
      if (isModule(value)) yield [name, value];
      else if (Array.isArray(value)) {
        for (const [i, item] of value.entries()) if (isModule(item)) yield [`${name}.${i}`, item];
      }
    }
  }

  /** This module and all below it, depth first; one that is reached in two ways comes once. */
  *modules(): Iterable<Module> {
    for (const [, module] of this.#tree()) yield module;
  }

  /** The same with their dotted names: '' for this one, 'layers.0' for those below. */
  *namedModules(): Iterable<readonly [string, Module]> {
    for (const [path, module] of this.#tree()) yield [path.replace(/\.$/, ''), module];
  }

  /** The modules of the tree with the dotted names under which they are reached first. */
  *#tree(prefix = '', seen: Set<Module> = new Set()): Iterable<readonly [string, Module]> {
    if (seen.has(this)) return;
    seen.add(this);
    yield [prefix, this];
    for (const [name, child] of this.children()) yield* child.#tree(`${prefix}${name}.`, seen);
  }

  /** All tensors of the tree with dotted names; one that is reached in two ways comes once, under its first name. */
  *stateTensors(prefix = ''): Iterable<StateTensor> {
    const seen = new Set<Tensor>();
    for (const [path, module] of this.#tree(prefix)) {
      for (const tensor of module.ownTensors()) {
        if (seen.has(tensor.tensor)) continue;
        seen.add(tensor.tensor);
        yield { ...tensor, name: path + tensor.name };
      }
    }
  }

  /** Trainable tensors with their dotted names. */
  namedParameters(): [string, Tensor][] {
    return [...this.stateTensors()].filter((s) => s.trainable).map((s) => [s.name, s.tensor]);
  }

  parameters(): Tensor[] {
    return this.namedParameters().map(([, tensor]) => tensor);
  }

  /** Number of trainable elements. */
  parameterCount(): number {
    return this.parameters().reduce((n, p) => n + p.size, 0);
  }

  /** Training mode, here and below. */
  train(on = true): this {
    for (const m of this.modules()) m.training = on;
    return this;
  }

  /** Evaluation mode, here and below. */
  eval(): this {
    return this.train(false);
  }

  /** A copy of all state on the host, by dotted name. */
  async stateDict(): Promise<StateDict> {
    const out: StateDict = {};
    for (const { name, tensor, rows } of this.stateTensors()) {
      const data = await tensor.data();
      if (!rows) {
        out[name] = { shape: tensor.shape, data };
        continue;
      }
      const shape = tensor.shape.slice(1);
      const length = sizeOf(shape);
      const parent = name.slice(0, name.lastIndexOf('.') + 1);
      for (const [i, row] of rows.entries()) {
        out[parent + row] = { shape, data: data.slice(i * length, (i + 1) * length) };
      }
    }
    return out;
  }

  /**
   * Copies state in, in place, converted to the float type of the device. Every tensor must be present, of the right shape, and nothing
   * else may be; all of it is checked before the first is copied.
   */
  loadStateDict(state: StateDict): void {
    const expected = new Set<string>();
    const read = (name: string, shape: Shape): Float64Array => {
      expected.add(name);
      const entry = state[name];
      if (!entry) throw new OptionError(`loadStateDict: ${name} is missing`);
      if (!sameShape(entry.shape, shape)) {
        throw new ShapeError(`loadStateDict: ${name} has shape ${showShape(entry.shape)}, this module needs ${showShape(shape)}`);
      }
      return stateNumbers('loadStateDict', name, entry);
    };
    const loads = [...this.stateTensors()].map(({ name, tensor, rows }) => {
      tensor.operand('loadStateDict');
      if (!rows) return { tensor, data: read(name, tensor.shape) };
      const parent = name.slice(0, name.lastIndexOf('.') + 1);
      const length = sizeOf(tensor.shape.slice(1));
      const data = new Float64Array(tensor.size);
      for (const [i, row] of rows.entries()) data.set(read(parent + row, tensor.shape.slice(1)), i * length);
      return { tensor, data };
    });
    const extra = Object.keys(state).filter((name) => !expected.has(name));
    if (extra.length > 0) throw new OptionError(`loadStateDict: this module has no ${extra.slice(0, 5).join(', ')}`);
    for (const { tensor, data } of loads) scope(() => assign(tensor, tensor.device.tensor(data, tensor.shape)));
  }

  /** Frees all tensors of the tree. */
  dispose(): void {
    for (const { tensor } of this.stateTensors()) tensor.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** A module with one input and one output. */
export abstract class Layer extends Module {
  abstract forward(x: Tensor): Tensor;
}
