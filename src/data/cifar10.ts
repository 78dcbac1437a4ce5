/**
 * @file CIFAR-10's binary format: entries of one label byte and 3072 pixel bytes, 32 x 32 in red, green and blue planes.
 *
 * Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009, and the data set's page.
 */
import { DataFormatError } from '../contract/errors.ts';
import type { Dataset, NamedBytes } from './dataset.ts';

const SIDE = 32;
const PIXELS = 3 * SIDE * SIDE;

/** Reads one batch file with any number of entries. DataFormatError if the last entry is cut short or a label is above 9. */
export function parseCifar10(file: NamedBytes): Dataset {
  return readCifar(file, [10], 0);
}

/** Reads entries of one label byte for each of `classes`, of which the one at `chosen` is the class, and the pixels. */
export function readCifar({ name, bytes }: NamedBytes, classes: readonly number[], chosen: number): Dataset {
  const entry = classes.length + PIXELS;
  const count = Math.floor(bytes.length / entry);
  if (bytes.length === 0) throw new DataFormatError(name, 0, `truncated: an entry takes ${entry} bytes, the file is empty`);
  if (count * entry !== bytes.length) {
    const rest = bytes.length - count * entry;
    throw new DataFormatError(
      name,
      count * entry,
      `entry ${count} has ${rest} of ${entry} bytes: truncated, or bytes too many at the end`,
    );
  }
  const images = new Uint8Array(count * PIXELS);
  const labels = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    classes.forEach((below, which) => {
      const label = bytes[i * entry + which]!;
      if (label >= below) throw new DataFormatError(name, i * entry + which, `label ${label} of image ${i} is not below ${below}`);
      if (which === chosen) labels[i] = label;
    });
    images.set(bytes.subarray(i * entry + classes.length, (i + 1) * entry), i * PIXELS);
  }
  return { images, labels, channels: 3, height: SIDE, width: SIDE, classes: classes[chosen]! };
}
