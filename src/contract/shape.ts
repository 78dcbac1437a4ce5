/** @file Shapes: sizes, strides, broadcasting, axes and reading dimensions by name. */
import { OptionError, ShapeError } from './errors.ts';

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

export function checkShape(op: string, shape: Shape): void {
  for (const d of shape) {
    if (!Number.isInteger(d) || d < 0) {
      throw new ShapeError(`${op}: ${showShape(shape)} is not a shape: dimensions are integers >= 0`);
    }
  }
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
  const list = typeof axes === 'number' ? [axes] : axes;
  const out = list.map((axis) => normalizeAxis(op, axis, rank)).sort((p, q) => p - q);
  if (new Set(out).size !== out.length) throw new OptionError(`${op}: axes [${list.join(', ')}] name an axis twice`);
  return out;
}

/** One axis, counted from the end where negative. */
export function normalizeAxis(op: string, axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw new OptionError(`${op}: axis ${axis} is outside a tensor of rank ${rank}`);
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
