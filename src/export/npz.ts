/**
 * @file NumPy's .npz: a zip archive, uncompressed, of one .npy file a tensor, for `numpy.load`.
 *
 * Sources: NumPy Enhancement Proposal 1 (npy format 1.0), PKWARE's APPNOTE (zip).
 */
import type { TypedArray } from '../contract/backend.ts';
import { OptionError } from '../contract/errors.ts';
import { crc32 } from '../data/crc32.ts';
import type { StateDict } from '../nn/module.ts';
import { type Shape, sizeOf } from '../contract/shape.ts';

const LOCAL_HEADER = 0x04034b50;
const CENTRAL_HEADER = 0x02014b50;
const END_OF_CENTRAL = 0x06054b50;
const VERSION = 20;
const UTF8_NAMES = 1 << 11;
// 1 January 1980, the first date that zip knows: the same tensors give the same bytes at any time.
const DATE = 0x0021;

/** The bytes of a .npz file with these tensors, `name` becoming `name.npy`. Below 4 GiB in all. */
export function writeNpz(tensors: StateDict): Uint8Array<ArrayBuffer> {
  const files = Object.entries(tensors).map(([name, { shape, data }]) => {
    if (data.length !== sizeOf(shape))
      throw new OptionError(`writeNpz: ${name} has ${data.length} elements for [${shape.join(', ')}]`);
    const content = npy(shape, data);
    return { name: new TextEncoder().encode(`${name}.npy`), content, crc: crc32(content) };
  });
  const local: Uint8Array[] = [];
  const central: Uint8Array[] = [];
  let offset = 0;
  for (const { name, content, crc } of files) {
    const fileFields = [VERSION, UTF8_NAMES, 0, 0, DATE, [crc], [content.length], [content.length], name.length, 0] as const;
    const head = little([LOCAL_HEADER], ...fileFields);
    central.push(little([CENTRAL_HEADER], VERSION, ...fileFields, 0, 0, 0, [0], [offset]), name);
    local.push(head, name, content);
    offset += head.length + name.length + content.length;
  }
  const centralSize = central.reduce((n, part) => n + part.length, 0);
  if (offset + centralSize >= 2 ** 32 || files.length >= 2 ** 16)
    throw new OptionError('writeNpz: more than a zip archive holds (4 GiB, 65535 names)');
  return join([...local, ...central, little([END_OF_CENTRAL], 0, 0, files.length, files.length, [centralSize], [offset], 0)]);
}

/** One array in npy format 1.0: magic, header padded to a multiple of 64, elements row-major. */
function npy(shape: Shape, data: TypedArray): Uint8Array {
  const descr = data instanceof Float64Array ? '<f8' : data instanceof Float32Array ? '<f4' : '<u4';
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const fields = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const length = Math.ceil((10 + fields.length + 1) / 64) * 64;
  const text = `${fields.padEnd(length - 10 - 1)}\n`;
  const magic = Uint8Array.from([0x93, ...new TextEncoder().encode('NUMPY'), 1, 0]);
  return join([
    magic,
    little(text.length),
    new TextEncoder().encode(text),
    new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  ]);
}

/** Little-endian fields: a number is 16 bits, a number in brackets 32. */
function little(...fields: readonly (number | readonly [number])[]): Uint8Array {
  const bytes = fields.flatMap((field) => {
    const [value, width] = typeof field === 'number' ? [field, 2] : [field[0], 4];
    return Array.from({ length: width }, (_, i) => (value >>> (8 * i)) & 255);
  });
  return Uint8Array.from(bytes);
}

function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let end = 0;
  for (const part of parts) {
    out.set(part, end);
    end += part.length;
  }
  return out;
}
