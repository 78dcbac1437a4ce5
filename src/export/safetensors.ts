/**
 * @file The safetensors format, read and written: weights that PyTorch, JAX and the Hugging Face tools open.
 *
 * Layout: the header's length as a little-endian 64-bit integer; the header, JSON padded with spaces, that maps each name to
 * `{ dtype, shape, data_offsets: [begin, end] }` counted from the end of the header, and `__metadata__` to strings; then the elements, little-endian
 * and row-major, without holes. Source: the README of github.com/huggingface/safetensors.
 *
 * With a checksum, the metadata hold under `reparam.sha256` the SHA-256 of the whole file (prefix, header and padding too) in which the digits of
 * the checksum itself are zeros, and under `reparam.checksum` a text that says so: damage to one name leaves the other, and a file that has but
 * one of them is refused.
 */
import type { TypedArray } from '../contract/backend.ts';
import type { NamedBytes } from '../data/dataset.ts';
import { DataFormatError, OptionError } from '../contract/errors.ts';
import type { StateDict } from '../nn/module.ts';
import { sizeOf } from '../contract/shape.ts';
import { type Sha256, sha256 } from './sha256.ts';

/** What a safetensors file holds. */
export interface Safetensors {
  readonly tensors: StateDict;
  readonly metadata: Readonly<Record<string, string>>;
  /** The SHA-256 that the file holds of itself and that was found right; undefined for a file without one. */
  readonly checksum: string | undefined;
}

export interface ChecksumOptions {
  /** Computes the checksum. Default: plain TypeScript; node:crypto is faster. */
  readonly sha256?: Sha256;
}

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

const PREFIX = 8;
const METADATA = '__metadata__';
const MAX_HEADER = 100_000_000;
const CHECKSUM = 'reparam.sha256';
const MARK = 'reparam.checksum';
const MARK_TEXT = 'SHA-256 of the whole file with zeros for its own 64 digits';
const NO_DIGITS = '0'.repeat(64);

/** The bytes of a file with these tensors. Names keep their order, but that float64 comes first, to keep all elements aligned. */
export function writeSafetensors(tensors: StateDict, metadata: Readonly<Record<string, string>> = {}): Uint8Array<ArrayBuffer> {
  const named = Object.entries(tensors);
  if (METADATA in tensors) throw new OptionError(`writeSafetensors: no tensor can have the name ${METADATA}`);
  for (const [name, { shape, data }] of named) {
    if (data.length !== sizeOf(shape))
      throw new OptionError(`writeSafetensors: ${name} has ${data.length} elements for [${shape.join(', ')}]`);
  }
  const ordered = [
    ...named.filter(([, t]) => t.data.BYTES_PER_ELEMENT === 8),
    ...named.filter(([, t]) => t.data.BYTES_PER_ELEMENT !== 8),
  ];
  const header: [string, unknown][] = Object.keys(metadata).length > 0 ? [[METADATA, metadata]] : [];
  let end = 0;
  for (const [name, { shape, data }] of ordered) {
    header.push([name, { dtype: dtypeOf(data), shape, data_offsets: [end, (end += data.byteLength)] } satisfies Entry]);
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const length = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(PREFIX + length + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.fill(0x20, PREFIX, PREFIX + length);
  bytes.set(json, PREFIX);
  let at = PREFIX + length;
  for (const [, { data }] of ordered) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

/** The same with a checksum of every byte, which `readSafetensors` checks. */
export function writeCheckedSafetensors(
  tensors: StateDict,
  metadata: Readonly<Record<string, string>> = {},
  options: ChecksumOptions = {},
): Uint8Array<ArrayBuffer> {
  const bytes = writeSafetensors(tensors, { ...metadata, [MARK]: MARK_TEXT, [CHECKSUM]: NO_DIGITS });
  const at = digitsIn(bytes, NO_DIGITS)!;
  bytes.set(new TextEncoder().encode((options.sha256 ?? sha256)(bytes)), at);
  return bytes;
}

/** Where the digits of the checksum start. */
function digitsIn(bytes: Uint8Array, digits: string): number | undefined {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, PREFIX).getBigUint64(0, true));
  // One character a byte, so that places in the text are places in the file.
  const header = new TextDecoder('latin1').decode(bytes.subarray(PREFIX, PREFIX + length));
  const field = `"${CHECKSUM}":"`;
  const at = header.indexOf(`${field}${digits}"`);
  return at < 0 ? undefined : PREFIX + at + field.length;
}

/** The checksum if there is one and it is right. DataFormatError if it is wrong, or was there and is damaged. */
function checkedSum(file: string, bytes: Uint8Array, metadata: Readonly<Record<string, string>>, hash: Sha256): string | undefined {
  const digits = metadata[CHECKSUM];
  if (digits === undefined && metadata[MARK] === undefined) return undefined;
  const at = digits !== undefined && /^[0-9a-f]{64}$/.test(digits) && MARK in metadata ? digitsIn(bytes, digits) : undefined;
  if (digits === undefined || at === undefined) throw new DataFormatError(file, PREFIX, 'damaged: its checksum cannot be read');
  const found = hash(bytes.subarray(0, at), new TextEncoder().encode(NO_DIGITS), bytes.subarray(at + NO_DIGITS.length));
  if (found !== digits) throw new DataFormatError(file, at, 'damaged: the content does not fit its checksum');
  return digits;
}

/**
 * Reads a file of F32, F64 and U32 tensors. DataFormatError naming file and offset if it is truncated, its header is not what the format asks for,
 * the tensors leave holes, overlap or end beside the end of the file, or it has a checksum that does not fit.
 */
export function readSafetensors({ name: file, bytes }: NamedBytes, options: ChecksumOptions = {}): Safetensors {
  if (bytes.length < PREFIX)
    throw new DataFormatError(file, bytes.length, 'truncated: a safetensors file starts with 8 bytes of header length');
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, PREFIX).getBigUint64(0, true));
  if (length > MAX_HEADER) throw new DataFormatError(file, 0, `a header of ${length} bytes is longer than the format allows`);
  const start = PREFIX + length;
  if (bytes.length < start) throw new DataFormatError(file, bytes.length, `truncated: the header takes ${length} bytes`);
  const header = parseHeader(file, bytes.subarray(PREFIX, start));
  let metadata: Record<string, string> = {};
  const entries: [string, Entry][] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name !== METADATA) entries.push([name, checkEntry(file, name, value)]);
    else if (isRecord(value)) metadata = Object.fromEntries(Object.entries(value).map(([k, v]) => [k, String(v)]));
  }
  entries.sort(([, a], [, b]) => a.data_offsets[0] - b.data_offsets[0] || a.data_offsets[1] - b.data_offsets[1]);
  let end = 0;
  const tensors = entries.map(
    ([
      name,
      {
        dtype,
        shape,
        data_offsets: [from, to],
      },
    ]) => {
      if (from !== end)
        throw new DataFormatError(file, start + from, `${name} starts at ${from} where the tensor before it ends at ${end}`);
      if (start + to > bytes.length) throw new DataFormatError(file, bytes.length, `truncated: ${name} ends at byte ${start + to}`);
      end = to;
      // A copy by value: slice of a Node Buffer would share the memory of the whole file.
      return [name, { shape, data: arrayOf(dtype, Uint8Array.from(bytes.subarray(start + from, start + to)).buffer) }] as const;
    },
  );
  if (start + end !== bytes.length) throw new DataFormatError(file, start + end, 'oversized: bytes after the last tensor');
  const checksum = checkedSum(file, bytes, metadata, options.sha256 ?? sha256);
  return { tensors: Object.fromEntries(tensors), metadata, checksum };
}

function parseHeader(file: string, bytes: Uint8Array): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new DataFormatError(file, PREFIX, 'the header is not JSON', { cause });
  }
  if (!isRecord(header)) throw new DataFormatError(file, PREFIX, 'the header is not a JSON object');
  return header;
}

function checkEntry(file: string, name: string, value: unknown): Entry {
  const fail = (rule: string): DataFormatError => new DataFormatError(file, PREFIX, `header of ${name}: ${rule}`);
  if (!isRecord(value)) throw fail('not an object');
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== 'string' || !(dtype in BYTES))
    throw fail(`dtype ${String(dtype)} is not one of ${Object.keys(BYTES).join(', ')}`);
  if (!isCounts(shape)) throw fail('shape is not a list of sizes');
  if (!isCounts(offsets) || offsets.length !== 2) throw fail('data_offsets are not two integers');
  const [from = 0, to = 0] = offsets;
  const size = sizeOf(shape) * (BYTES[dtype] ?? 0);
  if (to - from !== size) throw fail(`[${shape.join(', ')}] of ${dtype} takes ${size} bytes, data_offsets span ${to - from}`);
  return { dtype, shape, data_offsets: [from, to] };
}

const BYTES: Readonly<Record<string, number>> = { F32: 4, F64: 8, U32: 4 };

function dtypeOf(data: TypedArray): string {
  if (data instanceof Float64Array) return 'F64';
  return data instanceof Float32Array ? 'F32' : 'U32';
}

function arrayOf(dtype: string, buffer: ArrayBuffer): TypedArray {
  if (dtype === 'F64') return new Float64Array(buffer);
  return dtype === 'F32' ? new Float32Array(buffer) : new Uint32Array(buffer);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}
