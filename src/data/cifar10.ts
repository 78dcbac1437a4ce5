/**
 * @file CIFAR-10's binary format: entries of one label byte and 3072 pixel bytes, 32 x 32 in red, green and blue planes.
 *
 * Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009, and the data set's page.
 */
import { DataFormatError } from '../contract/errors.ts';
import type { Dataset, NamedBytes } from './dataset.ts';

const SIDE = 32;
const PIXELS = 3 * SIDE * SIDE;
const ENTRY = 1 + PIXELS;
const CLASSES = 10;

/** Reads one batch file with any number of entries. DataFormatError if the last entry is cut short or a label is above 9. */
export function parseCifar10({ name, bytes }: NamedBytes): Dataset {
  const count = Math.floor(bytes.length / ENTRY);
  if (bytes.length === 0) throw new DataFormatError(name, 0, `truncated: an entry takes ${ENTRY} bytes, the file is empty`);
  if (count * ENTRY !== bytes.length) {
    const rest = bytes.length - count * ENTRY;
    throw new DataFormatError(
      name,
      count * ENTRY,
      `entry ${count} has ${rest} of ${ENTRY} bytes: truncated, or bytes too many at the end`,
    );
  }
  const images = new Uint8Array(count * PIXELS);
  const labels = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const label = bytes[i * ENTRY]!;
    if (label >= CLASSES) throw new DataFormatError(name, i * ENTRY, `label ${label} of image ${i} is not below ${CLASSES}`);
    labels[i] = label;
    images.set(bytes.subarray(i * ENTRY + 1, (i + 1) * ENTRY), i * PIXELS);
  }
  return { images, labels, channels: 3, height: SIDE, width: SIDE, classes: CLASSES };
}
