/**
 * @file NumPy's .npy: a header in Python's notation, then the elements of one array in C or Fortran order and either byte order.
 *
 * Source: NumPy Enhancement Proposal 1, format versions 1.0, 2.0 and 3.0.
 */
import { DataFormatError } from '../contract/errors.ts';
import { quote } from '../contract/quote.ts';
import type { NamedBytes } from './dataset.ts';
import { emptyLike } from './empty-like.ts';

/** What kind of number an array had in its file: NumPy's letters for booleans, unsigned and signed integers and floats. */
export type NpyKind = 'b' | 'u' | 'i' | 'f';

/** The array of a .npy file: row-major, in this machine's byte order. */
export interface NpyArray {
  readonly shape: readonly number[];
  readonly kind: NpyKind;
  /** Bytes an element takes in the file. */
  readonly width: number;
  /** 64-bit integers become float64; those beyond 2^53 are refused. Half floats become float32. */
  readonly data: Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array | Float32Array | Float64Array;
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
/** NumPy itself refuses longer headers. */
const MAX_HEADER = 10_000;
const MAX_RANK = 32;

/** Reads an array of numbers or booleans. DataFormatError where the header is wrong or the file is shorter or longer than it says. */
export function parseNpy({ name, bytes }: NamedBytes): NpyArray {
  if (bytes.length < 10 || MAGIC.some((byte, i) => bytes[i] !== byte))
    throw new DataFormatError(name, 0, 'no .npy file: it does not begin with \\x93NUMPY');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = bytes[6]!;
  if (version < 1 || version > 3) throw new DataFormatError(name, 6, `.npy version ${version} is none of 1, 2 and 3`);
  const start = version === 1 ? 10 : 12;
  if (bytes.length < start) throw new DataFormatError(name, bytes.length, 'truncated: the header is cut short');
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > MAX_HEADER) throw new DataFormatError(name, 8, `a header of ${length} bytes is longer than ${MAX_HEADER}`);
  if (start + length > bytes.length) throw new DataFormatError(name, bytes.length, 'truncated: the header is cut short');
  const text = new TextDecoder().decode(bytes.subarray(start, start + length));
  const { type, fortran, shape } = header(name, start, text);
  const count = shape.reduce((a, b) => a * b, 1);
  const expected = start + length + count * type.width;
  if (bytes.length !== expected) {
    const what = bytes.length < expected ? 'truncated' : 'oversized';
    throw new DataFormatError(
      name,
      Math.min(expected, bytes.length),
      `${what}: [${shape.join(', ')}] of ${type.width} bytes takes ${expected} bytes, the file has ${bytes.length}`,
    );
  }
  const data = elements(name, start + length, bytes.subarray(start + length), type);
  return { shape, kind: type.kind, width: type.width, data: fortran ? rowMajor(data, shape) : data };
}

interface ElementType {
  readonly kind: NpyKind;
  readonly width: number;
  readonly bigEndian: boolean;
}

const FIELD = /\s*'(descr|fortran_order|shape)'\s*:\s*('[^']*'|True|False|\([\d\s,]*\)|\[[^\]]*\])\s*(?:,|(?=\}))/y;

/** The header's three fields, in any order. */
function header(name: string, at: number, text: string): { type: ElementType; fortran: boolean; shape: number[] } {
  const wrong = (what: string): DataFormatError => new DataFormatError(name, at, `${what}: ${quote(text.trim(), 80)}`);
  const body = text.trim();
  if (!body.startsWith('{') || !body.endsWith('}')) throw wrong('the header is no dictionary');
  const fields = new Map<string, string>();
  FIELD.lastIndex = 1;
  let end = 1;
  for (let field = FIELD.exec(body); field; field = FIELD.exec(body)) {
    fields.set(field[1]!, field[2]!);
    end = FIELD.lastIndex;
  }
  const [descr, order, sizes] = [fields.get('descr'), fields.get('fortran_order'), fields.get('shape')];
  if (body.slice(end).trim() !== '}' || descr === undefined || order === undefined || sizes === undefined)
    throw wrong("the header is not { 'descr', 'fortran_order', 'shape' }");
  const type = /^'([<>|=])([buif])([1248])'$/.exec(descr);
  const kind = type?.[2] as NpyKind | undefined;
  const width = Number(type?.[3]);
  if (!type || kind === undefined || (kind === 'b' && width !== 1) || (kind === 'f' && width === 1))
    throw wrong(
      `elements of type ${quote(descr.replaceAll("'", ''))} are not read, only numbers and booleans: convert them with astype`,
    );
  if (order !== 'True' && order !== 'False') throw wrong('fortran_order is neither True nor False');
  if (!/^\((?:\s*\d{1,15}\s*,)*(?:\s*\d{1,15}\s*)?\)$/.test(sizes)) throw wrong('the shape is no tuple of sizes');
  const shape = sizes
    .slice(1, -1)
    .split(',')
    .filter((size) => size.trim() !== '')
    .map(Number);
  if (shape.length > MAX_RANK) throw wrong(`${shape.length} dimensions are more than ${MAX_RANK}`);
  return { type: { kind, width, bigEndian: type[1] === '>' }, fortran: order === 'True', shape };
}

/** The elements in the order of the file. */
function elements(name: string, at: number, bytes: Uint8Array, { kind, width, bigEndian }: ElementType): NpyArray['data'] {
  // Plain arrays, also of Node's Buffer.
  const { buffer: memory, byteOffset, length } = bytes;
  if (width === 1) return kind === 'i' ? new Int8Array(memory, byteOffset, length) : new Uint8Array(memory, byteOffset, length);
  // A copy: it is aligned, and its bytes may be turned.
  const own = bytes.slice();
  if (bigEndian) turn(own, width);
  const { buffer } = own;
  if (kind === 'f') return width === 8 ? new Float64Array(buffer) : width === 4 ? new Float32Array(buffer) : halfFloats(buffer);
  if (width === 2) return kind === 'u' ? new Uint16Array(buffer) : new Int16Array(buffer);
  if (width === 4) return kind === 'u' ? new Uint32Array(buffer) : new Int32Array(buffer);
  const whole = kind === 'u' ? new BigUint64Array(buffer) : new BigInt64Array(buffer);
  const data = new Float64Array(whole.length);
  for (let i = 0; i < whole.length; i++) {
    data[i] = Number(whole[i]!);
    if (!Number.isSafeInteger(data[i])) throw new DataFormatError(name, at + 8 * i, `element ${i} is ${whole[i]}, beyond 2^53`);
  }
  return data;
}

/** Reverses the bytes of each element. */
function turn(bytes: Uint8Array, width: number): void {
  for (let i = 0; i < bytes.length; i += width) {
    for (let low = i, high = i + width - 1; low < high; low++, high--) {
      const byte = bytes[low]!;
      bytes[low] = bytes[high]!;
      bytes[high] = byte;
    }
  }
}

/** IEEE 754 binary16: 1 bit of sign, 5 of exponent, 10 of fraction. */
function halfFloats(buffer: ArrayBuffer): Float32Array {
  return Float32Array.from(new Uint16Array(buffer), (bits) => {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
}

/** Elements whose first index runs fastest, so that the last one does. */
function rowMajor(data: NpyArray['data'], shape: readonly number[]): NpyArray['data'] {
  if (shape.length < 2) return data;
  const out = emptyLike(data, data.length);
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((a, b) => a * b, 1));
  const last = shape.length - 1;
  const index = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < out.length; to++) {
    out[to] = data[from]!;
    let axis = last;
    for (; axis >= 0; axis--) {
      from += strides[axis]!;
      index[axis]!++;
      if (index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}
