/** @file .npy and .npz files as NumPy may write them, and zip archives that no program would. */
import { deflateRawSync } from 'node:zlib';
import { crc32 } from '../../src/data/crc32.ts';

export interface NpyHeader {
  /** '|u1', '<f4', '>i8', ... */
  readonly descr: string;
  readonly shape: readonly number[];
  readonly fortran?: boolean;
}

/** A .npy file, format 1.0, with these bytes as its elements. */
export function npyBytes({ descr, shape, fortran = false }: NpyHeader, elements: Uint8Array): Uint8Array<ArrayBuffer> {
  const sizes = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const text = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': ${sizes}, }`;
  const header = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`;
  return Uint8Array.from([
    ...[0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8],
    ...new TextEncoder().encode(header),
    ...elements,
  ]);
}

/** Bytes of unsigned 8-bit elements. */
export function npyOfBytes(shape: readonly number[], elements: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  return npyBytes({ descr: '|u1', shape }, Uint8Array.from(elements));
}

export interface ZipOptions {
  readonly deflate?: boolean;
  /** What the directory says in place of the truth. */
  readonly declaredSize?: number;
}

/** A zip archive of these files. */
export function zipBytes(
  files: Readonly<Record<string, Uint8Array>>,
  { deflate = false, declaredSize }: ZipOptions = {},
): Uint8Array<ArrayBuffer> {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(files)) {
    const packed = deflate ? deflateRawSync(content) : Buffer.from(content);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(deflate ? 8 : 0, 4);
    fields.writeUInt32LE(crc32(content), 10);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(declaredSize ?? content.length, 18);
    fields.writeUInt16LE(Buffer.byteLength(name), 22);
    const entry = Buffer.alloc(14);
    entry.writeUInt32LE(offset, 10);
    directory.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), fields, entry, Buffer.from(name));
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), fields, Buffer.from(name), packed]);
    parts.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(Object.keys(files).length, 8);
  end.writeUInt16LE(Object.keys(files).length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Uint8Array.from(Buffer.concat([...parts, central, end]));
}
