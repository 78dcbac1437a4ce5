/**
 * @file The IDX format of MNIST and Fashion-MNIST: a magic number, big-endian sizes, then the bytes.
 *
 * Magic: two zero bytes, the element type (8: unsigned byte, the only one read here) and the number of dimensions; each size is a
 * 32-bit integer. Source: LeCun, Cortes and Burges, "The MNIST database of handwritten digits".
 */
import { DataFormatError } from '../contract/errors.ts';
import type { Dataset, NamedBytes } from './dataset.ts';

/** The array of an IDX file. `data` is a view of the file's bytes. */
export interface IdxArray {
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

const UNSIGNED_BYTE = 8;

/** Reads an IDX file of unsigned bytes. DataFormatError where the header is wrong or the file is shorter or longer than it says. */
export function parseIdx({ name, bytes }: NamedBytes): IdxArray {
  if (bytes.length < 4) throw new DataFormatError(name, bytes.length, 'truncated: an IDX file starts with 4 bytes of magic number');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint16(0) !== 0) throw new DataFormatError(name, 0, 'not an IDX file: it starts with two zero bytes');
  if (bytes[2] !== UNSIGNED_BYTE) throw new DataFormatError(name, 2, `element type ${bytes[2]} is not 8 (unsigned byte)`);
  const rank = bytes[3]!;
  const header = 4 + 4 * rank;
  if (bytes.length < header)
    throw new DataFormatError(name, bytes.length, `truncated: a header of ${rank} sizes takes ${header} bytes`);
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const expected = header + shape.reduce((a, b) => a * b, 1);
  if (bytes.length < expected) {
    throw new DataFormatError(
      name,
      bytes.length,
      `truncated: [${shape.join(', ')}] takes ${expected} bytes, the file has ${bytes.length}`,
    );
  }
  if (bytes.length > expected) {
    throw new DataFormatError(name, expected, `oversized: [${shape.join(', ')}] ends here, the file has ${bytes.length} bytes`);
  }
  return { shape, data: bytes.subarray(header) };
}

/**
 * Grey images `[n, h, w]` and their labels `[n]` from two IDX files. DataFormatError if the counts differ or a label is not below `classes`.
 */
export function parseIdxDataset(imageFile: NamedBytes, labelFile: NamedBytes, classes = 10): Dataset {
  const images = parseIdx(imageFile);
  const labels = parseIdx(labelFile);
  const [count, height, width] = images.shape;
  if (images.shape.length !== 3 || count === undefined || height === undefined || width === undefined) {
    throw new DataFormatError(imageFile.name, 3, `images have 3 dimensions [n, h, w], not [${images.shape.join(', ')}]`);
  }
  if (labels.shape.length !== 1) {
    throw new DataFormatError(labelFile.name, 3, `labels have 1 dimension [n], not [${labels.shape.join(', ')}]`);
  }
  if (labels.shape[0] !== count) {
    throw new DataFormatError(labelFile.name, 4, `${labels.shape[0]} labels for the ${count} images of ${imageFile.name}`);
  }
  const wrong = labels.data.findIndex((label) => label >= classes);
  if (wrong >= 0) {
    throw new DataFormatError(labelFile.name, 8 + wrong, `label ${labels.data[wrong]} of image ${wrong} is not below ${classes}`);
  }
  return { images: images.data, labels: labels.data, channels: 1, height, width, classes };
}
