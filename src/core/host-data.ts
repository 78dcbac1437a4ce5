/** @file Numbers from the host as a tensor takes them: nested arrays measured and flattened, each element looked at. */
import type { FloatType, TypedArray } from '../contract/backend.ts';
import { DTypeError, LimitError, ShapeError } from '../contract/errors.ts';
import { checkShape, type Shape, showShape, sizeOf } from '../contract/shape.ts';
import type { NestedArray } from './tensor.ts';

export interface HostData {
  readonly shape: Shape;
  readonly array: TypedArray;
}

/** Elements row-major and their shape, given or measured. A ShapeError names the position of what does not fit. */
export function hostData(data: NestedArray | ArrayLike<number>, given: Shape | undefined, dtype: FloatType): HostData {
  if (given) checkShape('tensor', given);
  const shape = given ?? measured(data);
  const flat = given === undefined && Array.isArray(data) && shape.length > 1 ? flattened(data, shape) : listOf(data);
  if (flat.length !== sizeOf(shape)) {
    throw new ShapeError(`tensor: ${flat.length} elements do not fill the shape ${showShape(shape)}, which has ${sizeOf(shape)}`);
  }
  if (flat instanceof BigInt64Array || flat instanceof BigUint64Array) {
    throw new DTypeError('tensor: elements are bigints; convert them: Float64Array.from(data, Number)');
  }
  if (!ArrayBuffer.isView(flat)) checkNumbers(flat);
  return { shape, array: hostArray(flat, dtype) };
}

function hostArray(flat: ArrayLike<number>, dtype: FloatType): TypedArray {
  try {
    if (flat instanceof Uint32Array) return new Uint32Array(flat);
    return dtype === 'float32' ? Float32Array.from(flat) : Float64Array.from(flat);
  } catch (cause) {
    throw new LimitError(`tensor: the host has no memory for ${flat.length} elements; split the tensor`, { cause });
  }
}

function measured(data: NestedArray | ArrayLike<number>): number[] {
  if (typeof data === 'number') return [];
  const shape: number[] = [];
  let level: unknown = data;
  while (Array.isArray(level)) {
    shape.push(level.length);
    level = level[0];
  }
  return shape.length > 0 ? shape : [listOf(data).length];
}

function listOf(data: unknown): ArrayLike<number> {
  if (typeof data === 'number') return [data];
  if (typeof data !== 'object' || data === null || typeof (data as { length?: unknown }).length !== 'number') {
    throw new ShapeError(`tensor: ${shown(data)} is neither a number nor an array of numbers`);
  }
  return data as ArrayLike<number>;
}

/** What is not a number where one is expected would be NaN, or another number, without a word. */
function checkNumbers(flat: ArrayLike<number>): void {
  for (let i = 0; i < flat.length; i++) {
    const value: unknown = flat[i];
    if (typeof value !== 'number') throw ragged([i], `${shown(value)} stands where a number is expected`);
  }
}

function flattened(data: readonly unknown[], shape: Shape): ArrayLike<number> {
  const out = new Float64Array(sizeOf(shape));
  let length = 0;
  /** Whether all below is of the shape. Without a list of where it is, which only a refusal needs. */
  const copy = (level: readonly unknown[], depth: number): boolean => {
    if (level.length !== shape[depth]) return false;
    const last = depth === shape.length - 1;
    for (let i = 0; i < level.length; i++) {
      const value = level[i];
      if (last) {
        if (typeof value !== 'number') return false;
        out[length++] = value;
      } else if (!Array.isArray(value) || !copy(value, depth + 1)) return false;
    }
    return true;
  };
  if (!copy(data, 0)) throw misfit(data, shape);
  return out;
}

/** The error of the first element that does not fit the shape. */
function misfit(data: readonly unknown[], shape: Shape): ShapeError {
  let level = data;
  const at: number[] = [];
  for (let depth = 1; depth < shape.length; depth++) {
    const expected = shape[depth]!;
    const i = level.findIndex((value) => !isOf(value, shape, depth));
    const value = level[i];
    at.push(i);
    if (!Array.isArray(value)) return ragged(at, `${shown(value)} stands where an array of ${expected} is expected`);
    if (value.length !== expected) return ragged(at, `an array of ${value.length} stands where others have ${expected}`);
    level = value;
  }
  const i = level.findIndex((value) => typeof value !== 'number');
  return ragged([...at, i], `${shown(level[i])} stands where a number is expected`);
}

function isOf(value: unknown, shape: Shape, depth: number): boolean {
  if (depth === shape.length) return typeof value === 'number';
  // A hole of a list is undefined to findIndex, and skipped by every.
  return Array.isArray(value) && value.length === shape[depth] && !Array.from(value).some((v) => !isOf(v, shape, depth + 1));
}

function ragged(at: readonly number[], what: string): ShapeError {
  const position = at.length > 0 ? `at [${at.join('][')}] ` : '';
  return new ShapeError(`tensor: ${position}${what}; nested arrays must all have one shape and hold numbers`);
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (ArrayBuffer.isView(value)) return `a ${Object.prototype.toString.call(value).slice(8, -1)}`;
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
