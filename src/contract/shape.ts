/** @file Shapes: sizes, strides, broadcasting, axes and reading dimensions by name. */
import { LimitError, OptionError, ShapeError } from './errors.ts';

/** Dimensions of a tensor, outermost first. `[]` is a scalar. */
export type Shape = readonly number[];

/** Number of elements of a tensor of this shape. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const d of shape) size *= d;
  return size;
}

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = shape.map(() => 1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = strides[i + 1]! * shape[i + 1]!;
  return strides;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((d, i) => d === b[i]);
}

/** `[2, 3]`, as it stands in messages. */
export function showShape(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}

/** A value from the host as it stands in messages. */
export function showValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(showValue).join(', ')}]`;
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'object' && value !== null) return Object.prototype.toString.call(value);
  return Object.is(value, -0) ? '-0' : String(value);
}

/** Refuses a value from the host that is not an integer of a range: an OptionError that names operation, argument and value. */
export function checkInteger(
  op: string,
  name: string,
  value: number,
  least: number = -Number.MAX_SAFE_INTEGER,
  most: number = Number.MAX_SAFE_INTEGER,
): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  const from = least === -Number.MAX_SAFE_INTEGER ? '' : ` >= ${least}`;
  const to = most < Number.MAX_SAFE_INTEGER ? ` and <= ${most}` : Number.isInteger(value) && value >= least ? ' below 2^53' : '';
  throw new OptionError(`${op}: ${name} ${showValue(value)} must be an integer${from}${to}`);
}

/** Refuses what is not a list of dimensions. */
export function checkShape(op: string, shape: Shape, name = 'shape'): void {
  if (!Array.isArray(shape)) throw new OptionError(`${op}: ${name} ${showValue(shape)} must be an array of integers >= 0`);
  for (const [i, d] of shape.entries()) {
    if (Number.isSafeInteger(d) && d >= 0) continue;
    throw new OptionError(
      `${op}: ${name} ${showValue(shape)} has ${showValue(d)} as dimension ${i}: dimensions are integers >= 0 below 2^53`,
    );
  }
}

/** Refuses what is not an array. */
export function checkList(op: string, name: string, list: readonly unknown[]): void {
  if (!Array.isArray(list)) throw new OptionError(`${op}: ${name} ${showValue(list)} must be an array`);
}

/** Numbers 0, 1, ... of a function on the host. A LimitError if the host has no memory for them. */
export function hostNumbers(op: string, n: number, at: (i: number) => number): Float64Array<ArrayBuffer> {
  let out: Float64Array<ArrayBuffer>;
  try {
    out = new Float64Array(n);
  } catch (cause) {
    throw new LimitError(`${op}: the host has no memory for ${n} numbers`, { cause });
  }
  for (let i = 0; i < n; i++) out[i] = at(i);
  return out;
}

/** NumPy's rule: align at the right; each pair of dimensions is equal or one of them is 1. */
export function broadcastShapes(op: string, a: Shape, b: Shape): Shape {
  if (sameShape(a, b)) return a;
  const rank = Math.max(a.length, b.length);
  const out: number[] = [];
  for (let i = 0; i < rank; i++) {
    const da = a[a.length - rank + i] ?? 1;
    const db = b[b.length - rank + i] ?? 1;
    if (da !== db && da !== 1 && db !== 1) {
      throw new ShapeError(
        `${op}: ${showShape(a)} and ${showShape(b)} do not broadcast: ` +
          `aligned at the right, each pair of dimensions must be equal or have a 1 (here ${da} and ${db})`,
      );
    }
    out.push(da === 1 ? db : da);
  }
  return out;
}

/** Non-negative, sorted, distinct axes; `undefined` means all of them. */
export function normalizeAxes(op: string, axes: number | readonly number[] | undefined, rank: number): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, i) => i);
  const list: readonly number[] = Array.isArray(axes) ? axes : [axes as number];
  const out = list.map((axis) => normalizeAxis(op, axis, rank)).sort((p, q) => p - q);
  if (new Set(out).size !== out.length) throw new OptionError(`${op}: axes [${list.join(', ')}] name an axis twice`);
  return out;
}

/** One axis, counted from the end where negative. */
export function normalizeAxis(op: string, axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw new OptionError(`${op}: axis ${showValue(axis)} must be an integer that names one of ${rank} axes`);
  }
  return axis < 0 ? axis + rank : axis;
}

/** Reads a shape by name: `dims('conv2d', x, 'n c h w')` is `{ n, c, h, w }`, or an error saying what was expected. */
export function dims<S extends string>(op: string, x: { readonly shape: Shape }, names: S): Record<Names<S>, number> {
  const list = names.split(' ');
  if (list.length !== x.shape.length) {
    throw new ShapeError(`${op}: expected a tensor of shape [${list.join(', ')}], got ${showShape(x.shape)}`);
  }
  const sizes: Record<string, number> = {};
  for (let i = 0; i < list.length; i++) sizes[list[i]!] = x.shape[i]!;
  return sizes;
}

/** The names in a string, separated by spaces. */
export type Names<S extends string> = S extends `${infer Head} ${infer Tail}` ? Head | Names<Tail> : S;
