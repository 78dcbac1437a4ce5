/**
 * @file Reading a zip archive: its directory, and single files of it, inflated by the platform's own DecompressionStream, bounded and checked.
 *
 * Source: PKWARE's APPNOTE. Sizes and checksums are those of the central directory at the end. Encryption, several disks and archives of
 * 4 GiB and more are refused.
 */
import { DataFormatError, LimitError } from '../contract/errors.ts';
import { quote } from '../contract/quote.ts';
import { crc32 } from './crc32.ts';
import type { NamedBytes } from './dataset.ts';

/** One file in an archive. */
export interface ZipEntry {
  readonly name: string;
  /** Bytes when it is decompressed, as the archive declares them. */
  readonly size: number;
  readonly compressedSize: number;
  readonly crc: number;
  /** 0: stored; 8: deflate. */
  readonly method: number;
  /** Where the entry's own header stands. */
  readonly offset: number;
}

const LOCAL_HEADER = 0x04034b50;
const CENTRAL_HEADER = 0x02014b50;
const END_OF_CENTRAL = 0x06054b50;
const END_SIZE = 22;
const MAX_COMMENT = 0xffff;
const ENCRYPTED = 1;
/** Deflate cannot say more than this many bytes with one. */
const DEFLATE_RATIO = 1032;

/** The files that the archive's directory lists. DataFormatError if it is damaged, or of a kind that is not read. */
export function zipEntries({ name, bytes }: NamedBytes): ZipEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = endOfCentral(view);
  if (end === undefined)
    throw new DataFormatError(name, bytes.length, 'no zip archive, or a truncated one: its directory is missing');
  const count = view.getUint16(end + 10, true);
  const size = view.getUint32(end + 12, true);
  const start = view.getUint32(end + 16, true);
  if (count === 0xffff || size === 0xffffffff || start === 0xffffffff)
    throw new DataFormatError(name, end, 'a zip archive of 4 GiB and more (zip64) is not read: save fewer arrays a file');
  if (view.getUint16(end + 4, true) !== 0 || view.getUint16(end + 8, true) !== count)
    throw new DataFormatError(name, end, 'a zip archive over several files is not read');
  if (start + size !== end) throw new DataFormatError(name, end, 'damaged zip archive: its directory is not where it should be');
  const entries: ZipEntry[] = [];
  let at = start;
  for (let i = 0; i < count; i++) {
    if (at + 46 > end || view.getUint32(at, true) !== CENTRAL_HEADER)
      throw new DataFormatError(name, at, `damaged zip archive: entry ${i} of its directory is not there`);
    const nameLength = view.getUint16(at + 28, true);
    const next = at + 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    if (next > end) throw new DataFormatError(name, at, `damaged zip archive: entry ${i} of its directory is cut short`);
    const entry = {
      name: new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength)),
      method: view.getUint16(at + 10, true),
      crc: view.getUint32(at + 16, true),
      compressedSize: view.getUint32(at + 20, true),
      size: view.getUint32(at + 24, true),
      offset: view.getUint32(at + 42, true),
    };
    if ((view.getUint16(at + 8, true) & ENCRYPTED) !== 0)
      throw new DataFormatError(name, at, `${quote(entry.name)} is encrypted: decrypt the archive first`);
    entries.push(entry);
    at = next;
  }
  if (at !== end) throw new DataFormatError(name, at, 'damaged zip archive: its directory does not end where it says');
  return entries;
}

/** The record at the end, after which only the archive's comment may follow. */
function endOfCentral(view: DataView): number | undefined {
  const last = view.byteLength - END_SIZE;
  for (let at = last; at >= Math.max(0, last - MAX_COMMENT); at--) {
    if (view.getUint32(at, true) === END_OF_CENTRAL && view.getUint16(at + 20, true) === last - at) return at;
  }
  return undefined;
}

/**
 * One file of the archive, of no more than `maxBytes`, a copy. DataFormatError if it is damaged (its size and CRC-32 are checked) or declares
 * what deflate cannot say; LimitError if it would be larger. No more memory is taken than the smaller of both.
 */
export async function readZipEntry(
  { name: file, bytes }: NamedBytes,
  entry: ZipEntry,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const { name, size, compressedSize, offset, method, crc } = entry;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const damaged = (what: string): DataFormatError => new DataFormatError(file, offset, `${quote(name)} ${what}`);
  if (method !== 0 && method !== 8) throw damaged(`is compressed by method ${method}, not stored (0) or deflated (8)`);
  if (offset + 30 > bytes.length || view.getUint32(offset, true) !== LOCAL_HEADER)
    throw damaged('has no header: damaged zip archive');
  const start = offset + 30 + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
  if (start + compressedSize > bytes.length) throw damaged('is cut short: damaged zip archive');
  if (method === 0 ? size !== compressedSize : size > DEFLATE_RATIO * compressedSize)
    throw damaged(`declares ${size} bytes, and ${compressedSize} compressed ones cannot hold them: damaged zip archive, or a bomb`);
  if (size > maxBytes)
    throw new LimitError(
      `${file}: ${quote(name)} decompresses to ${size} bytes, more than ${maxBytes}, as a zip bomb does; if it is none, save it uncompressed (numpy.savez)`,
    );
  const packed = bytes.subarray(start, start + compressedSize);
  const out = method === 0 ? new Uint8Array(packed) : await inflateRaw(packed, size);
  if (out === undefined || crc32(out) !== crc) throw damaged('is damaged: its bytes are not those of its checksum (CRC-32)');
  return out;
}

/** The bytes of a deflate stream if they are exactly `size`, else undefined: it is left as soon as it goes on beyond them. */
async function inflateRaw(packed: Uint8Array, size: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const out = new Uint8Array(size);
  let length = 0;
  try {
    const stream = new Blob([new Uint8Array(packed)]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
    const reader = stream.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      if (length + part.value.length > size) {
        await reader.cancel();
        return undefined;
      }
      out.set(part.value, length);
      length += part.value.length;
    }
  } catch {
    return undefined;
  }
  return length === size ? out : undefined;
}
