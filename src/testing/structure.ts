/**
 * @file Numbers in the structures that people keep them in: a number, arrays and typed arrays nested to any depth, plain objects and class
 * instances ({ x, y, z }). A structure is read into one flat array, and built again around other numbers.
 */
import { OptionError } from '../contract/errors.ts';

/** One value, and where the numbers in it are. */
export interface Structure {
  /** How many numbers. */
  readonly size: number;
  /** The numbers, in the order of arrays' indices and objects' keys. */
  read(): Float64Array;
  /** A fresh copy of the value with other numbers in it; what is no float is kept as it is. */
  build(numbers: Float64Array): unknown;
  /** Numbers of another value of the same structure: a gradient of this one. `what` names it in errors. */
  readLike(other: unknown, what: string): Float64Array;
  /** Where the i-th number is: '[1].y', '' for a number alone. */
  pathOf(i: number): string;
  /** What storing the numbers makes of them: float32 where they are in a Float32Array. */
  store(numbers: Float64Array): Float64Array;
}

type Node =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'floats'; readonly value: Float64Array | Float32Array }
  | { readonly kind: 'list'; readonly items: readonly Node[]; readonly size: number }
  | {
      readonly kind: 'object';
      readonly value: object;
      readonly entries: readonly (readonly [string, Node])[];
      readonly size: number;
    }
  | { readonly kind: 'constant'; readonly value: unknown };

/** Finds the numbers of a value. Integer typed arrays, strings, booleans, functions, maps and dates hold none: they are constants. */
export function structureOf(value: unknown, what: string): Structure {
  const root = parse(value, what, new Set());
  const size = sizeOf(root);
  return {
    size,
    read: () => {
      const out = new Float64Array(size);
      write(root, out, 0);
      return out;
    },
    build: (numbers) => build(root, { numbers, at: 0 }),
    readLike: (other, name) => {
      const out = new Float64Array(size);
      readLike(root, other, name, out, 0);
      return out;
    },
    pathOf: (i) => pathOf(root, i),
    store: (numbers) => {
      const out = numbers.slice();
      round(root, out, 0);
      return out;
    },
  };
}

function parse(value: unknown, what: string, above: Set<object>): Node {
  if (typeof value === 'number') return { kind: 'number', value };
  if (value instanceof Float64Array || value instanceof Float32Array) return { kind: 'floats', value };
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return { kind: 'constant', value };
  if (value instanceof Map || value instanceof Set || value instanceof Date || value instanceof Promise)
    return { kind: 'constant', value };
  if (above.has(value))
    throw new OptionError(`${what} refers to itself, so it is no structure of numbers; pass the part that holds them`);
  above.add(value);
  let node: Node;
  if (Array.isArray(value)) {
    const items = value.map((item: unknown, i) => parse(item, `${what}[${i}]`, above));
    node = { kind: 'list', items, size: total(items) };
  } else {
    const entries = Object.entries(value).map(([key, item]) => [key, parse(item, `${what}.${key}`, above)] as const);
    node = { kind: 'object', value, entries, size: total(entries.map(([, item]) => item)) };
  }
  above.delete(value);
  return node;
}

function total(nodes: readonly Node[]): number {
  return nodes.reduce((sum, node) => sum + sizeOf(node), 0);
}

function sizeOf(node: Node): number {
  if (node.kind === 'number') return 1;
  if (node.kind === 'floats') return node.value.length;
  return node.kind === 'constant' ? 0 : node.size;
}

function write(node: Node, out: Float64Array, at: number): number {
  if (node.kind === 'number') out[at] = node.value;
  else if (node.kind === 'floats') out.set(node.value, at);
  else if (node.kind !== 'constant') {
    let next = at;
    for (const child of childrenOf(node)) next = write(child, out, next);
  }
  return at + sizeOf(node);
}

function childrenOf(node: Node): readonly Node[] {
  if (node.kind === 'list') return node.items;
  return node.kind === 'object' ? node.entries.map(([, child]) => child) : [];
}

function build(node: Node, from: { readonly numbers: Float64Array; at: number }): unknown {
  switch (node.kind) {
    case 'number':
      return from.numbers[from.at++]!;
    case 'floats': {
      const part = from.numbers.subarray(from.at, (from.at += node.value.length));
      return node.value instanceof Float32Array ? Float32Array.from(part) : Float64Array.from(part);
    }
    case 'list':
      return node.items.map((item) => build(item, from));
    case 'object': {
      const made = Object.create(Object.getPrototypeOf(node.value) as object | null) as Record<string, unknown>;
      for (const [key, child] of node.entries) made[key] = build(child, from);
      return made;
    }
    default: {
      // A copy, so that a function which writes into its input changes nobody else's.
      const { value } = node;
      return ArrayBuffer.isView(value) && 'slice' in value ? (value as Int32Array).slice() : value;
    }
  }
}

/** The length of an array or a typed array; undefined for anything else. */
function lengthOf(value: unknown): number | undefined {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && 'length' in value)
    ? (value as ArrayLike<unknown>).length
    : undefined;
}

function readLike(node: Node, other: unknown, what: string, out: Float64Array, at: number): void {
  const size = sizeOf(node);
  if (node.kind === 'constant' || size === 0) return;
  if (node.kind === 'number') {
    if (typeof other !== 'number') throw new OptionError(`${what} is ${show(other)}, where a number was expected`);
    out[at] = other;
    return;
  }
  const length = lengthOf(other);
  if (node.kind === 'object' && length === undefined) {
    if (typeof other !== 'object' || other === null)
      throw new OptionError(`${what} is ${show(other)}, where an object was expected`);
    let next = at;
    for (const [key, child] of node.entries) {
      readLike(child, (other as Record<string, unknown>)[key], `${what}.${key}`, out, next);
      next += sizeOf(child);
    }
    return;
  }
  if (length === undefined) throw new OptionError(`${what} is ${show(other)}, where ${size} numbers were expected`);
  const list = other as ArrayLike<unknown>;
  const children = node.kind === 'floats' ? undefined : childrenOf(node);
  const nested = children !== undefined && length === children.length && typeof list[0] !== 'number';
  if (nested || (children && length === children.length && children.every((child) => child.kind === 'number'))) {
    let next = at;
    children.forEach((child, i) => {
      readLike(child, list[i], `${what}[${i}]`, out, next);
      next += sizeOf(child);
    });
    return;
  }
  // Flat, where the input is nested or the other way round: row-major order is one order.
  const flat = flatten(other, what);
  if (flat.length !== size) throw new OptionError(`${what} holds ${flat.length} numbers, where ${size} were expected`);
  out.set(flat, at);
}

/** All numbers in a value. */
export function flatten(value: unknown, what: string): Float64Array {
  if (ArrayBuffer.isView(value) && 'length' in value) return Float64Array.from(value as Float64Array);
  return structureOf(value, what).read();
}

function pathOf(node: Node, i: number): string {
  if (node.kind === 'floats') return `[${i}]`;
  let rest = i;
  for (const [at, child] of childrenOf(node).entries()) {
    const size = sizeOf(child);
    if (rest < size) {
      const key = node.kind === 'object' ? node.entries[at]![0] : undefined;
      const step = key === undefined ? `[${at}]` : /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
      return step + pathOf(child, rest);
    }
    rest -= size;
  }
  return '';
}

function round(node: Node, out: Float64Array, at: number): void {
  if (node.kind === 'floats' && node.value instanceof Float32Array)
    out.set(Float32Array.from(out.subarray(at, at + node.value.length)), at);
  let next = at;
  for (const child of childrenOf(node)) {
    round(child, out, next);
    next += sizeOf(child);
  }
}

/** A value as JavaScript source of it. */
export function literal(value: unknown): string {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (ArrayBuffer.isView(value) && 'length' in value) {
    const list = value as Float64Array;
    return `${list.constructor.name}.of(${Array.from(list, literal).join(', ')})`;
  }
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(
      ([key, item]) => `${/^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key)}: ${literal(item)}`,
    );
    const text = entries.length > 0 ? `{ ${entries.join(', ')} }` : '{}';
    const prototype = Object.getPrototypeOf(value) as { constructor?: { name?: string } } | null;
    const name = prototype?.constructor?.name;
    return prototype === null || prototype === Object.prototype || !name
      ? text
      : `Object.assign(Object.create(${name}.prototype), ${text})`;
  }
  if (typeof value === 'function') return value.name || '(a function)';
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

function show(value: unknown): string {
  if (value === undefined || value === null || typeof value === 'number') return String(value);
  return lengthOf(value) === undefined ? `a ${typeof value}` : `an array of ${lengthOf(value)}`;
}
