/**
 * @file What a file of PNG, JPEG or WebP says of itself before it is decoded: its format and size, and whether it is whole as far as the format
 * can tell.
 *
 * A PNG's chunks carry checksums, and all of them are compared. A JPEG ends with a marker, a WebP says its length: both show where a file is cut
 * short, and neither shows that a byte within was changed. Sources: the PNG specification (ISO/IEC 15948), ITU T.81, RFC 9649.
 */
import { DataFormatError, LimitError } from '../contract/errors.ts';
import { crc32 } from './crc32.ts';
import type { NamedBytes } from './dataset.ts';

export interface ImageHeader {
  readonly format: 'PNG' | 'JPEG' | 'WebP';
  /** As stored, before an orientation turns it. */
  readonly width: number;
  readonly height: number;
  /** Whether the pixels are cyan, magenta, yellow and black (JPEG). */
  readonly cmyk: boolean;
}

/** 8192 x 8192 pixels: decoded, 200 MB in three bytes a pixel. */
export const DEFAULT_MAX_PIXELS: number = 2 ** 26;
/** A progressive JPEG has some ten scans; each costs as much as the whole image. */
const MAX_SCANS = 100;

/**
 * Reads the header and checks the file. DataFormatError where it is neither of the formats, cut short, or (PNG) damaged; LimitError above
 * `maxPixels`: nothing is decoded, so a file that only declares a large image costs nothing.
 */
export function checkImage(file: NamedBytes, maxPixels: number = DEFAULT_MAX_PIXELS): ImageHeader {
  const { name, bytes } = file;
  if (bytes.length === 0) throw new DataFormatError(name, 0, 'the file is empty');
  const header = read(file, maxPixels);
  if (!header) throw new DataFormatError(name, 0, 'neither a PNG nor a JPEG nor a WebP image, whatever its name says');
  return header;
}

const PNG_MAGIC = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

function read(file: NamedBytes, maxPixels: number): ImageHeader | undefined {
  const { bytes } = file;
  if (PNG_MAGIC.every((byte, i) => bytes[i] === byte)) return png(file, maxPixels);
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return jpeg(file, maxPixels);
  if (ascii(bytes, 0) === 'RIFF' && ascii(bytes, 8) === 'WEBP') return webp(file, maxPixels);
  return undefined;
}

/** Four letters. */
function ascii(bytes: Uint8Array, at: number): string {
  return Array.from(bytes.subarray(at, at + 4), (code) => String.fromCharCode(code)).join('');
}

function sized(
  { name, bytes }: NamedBytes,
  format: ImageHeader['format'],
  width: number,
  height: number,
  maxPixels: number,
  cmyk = false,
): ImageHeader {
  if (width === 0 || height === 0) throw new DataFormatError(name, 0, `a ${format} of ${width} x ${height} pixels`);
  if (width * height > maxPixels)
    throw new LimitError(
      `${name}: ${width} x ${height} pixels in ${bytes.length} bytes are more than ${maxPixels}: make the image smaller, or raise maxPixels`,
    );
  return { format, width, height, cmyk };
}

function png(file: NamedBytes, maxPixels: number): ImageHeader {
  const { name, bytes } = file;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const cut = (): DataFormatError => new DataFormatError(name, bytes.length, 'truncated PNG: it ends before its last chunk (IEND)');
  let header: ImageHeader | undefined;
  for (let at = 8; ;) {
    if (at + 12 > bytes.length) throw cut();
    const length = view.getUint32(at);
    if (length > bytes.length - at - 12) throw cut();
    const type = ascii(bytes, at + 4);
    if (crc32(bytes.subarray(at + 4, at + 8 + length)) !== view.getUint32(at + 8 + length))
      throw new DataFormatError(name, at, 'damaged PNG: the bytes of a chunk are not those of its checksum (CRC-32)');
    if (!header) {
      if (type !== 'IHDR' || length !== 13)
        throw new DataFormatError(name, at, 'damaged PNG: it does not begin with its sizes (IHDR)');
      header = sized(file, 'PNG', view.getUint32(at + 8), view.getUint32(at + 12), maxPixels);
    }
    if (type === 'IEND') return header;
    at += 12 + length;
  }
}

/** Markers that stand alone, without a length: TEM and the restarts. */
const standsAlone = (marker: number): boolean => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);
/** Starts of frame: the sizes. C4, C8 and CC in their midst are tables. */
const isFrame = (marker: number): boolean => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
const END = 0xd9;
const SCAN = 0xda;

function jpeg(file: NamedBytes, maxPixels: number): ImageHeader {
  const { name, bytes } = file;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let header: ImageHeader | undefined;
  let scans = 0;
  for (let at = 2; ;) {
    // In a scan and after one, whatever is no marker is data.
    at = bytes.indexOf(0xff, at);
    while (at >= 0 && bytes[at + 1] === 0xff) at++;
    if (at < 0 || at + 1 >= bytes.length) break;
    const marker = bytes[at + 1]!;
    at += 2;
    if (marker === 0 || standsAlone(marker)) continue;
    if (marker === END) {
      if (!header || scans === 0) throw new DataFormatError(name, at, 'damaged JPEG: it ends before there is an image in it');
      return header;
    }
    if (at + 2 > bytes.length) break;
    const length = view.getUint16(at);
    if (isFrame(marker) && !header) {
      if (at + 8 > bytes.length) break;
      header = sized(file, 'JPEG', view.getUint16(at + 5), view.getUint16(at + 3), maxPixels, bytes[at + 7] === 4);
    }
    if (marker === SCAN && ++scans > MAX_SCANS)
      throw new LimitError(`${name}: a JPEG of more than ${MAX_SCANS} scans is not decoded`);
    at += length;
  }
  throw new DataFormatError(name, bytes.length, 'truncated JPEG: it ends before its end marker');
}

function webp(file: NamedBytes, maxPixels: number): ImageHeader {
  const { name, bytes } = file;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 30 || bytes.length < 8 + view.getUint32(4, true))
    throw new DataFormatError(name, bytes.length, 'truncated WebP: it is shorter than it says');
  const type = ascii(bytes, 12);
  const uint24 = (at: number): number => view.getUint16(at, true) + 65536 * bytes[at + 2]!;
  if (type === 'VP8 ') return sized(file, 'WebP', view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff, maxPixels);
  if (type === 'VP8X') return sized(file, 'WebP', uint24(24) + 1, uint24(27) + 1, maxPixels);
  if (type !== 'VP8L') throw new DataFormatError(name, 12, 'damaged WebP: it does not begin with an image or its sizes');
  const bits = view.getUint32(21, true);
  return sized(file, 'WebP', (bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1, maxPixels);
}
