/**
 * @file CIFAR-100's binary format: entries of a coarse label byte (of 20 superclasses), a fine label byte (of 100 classes) and 3072 pixel bytes.
 *
 * Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009, and the data set's page.
 */
import { readCifar } from './cifar10.ts';
import type { Dataset, NamedBytes } from './dataset.ts';

/** Which of an image's two labels is its class. */
export type Cifar100Labels = 'fine' | 'coarse';

/** Reads one file with any number of entries. DataFormatError if the last entry is cut short or either label is not below its classes. */
export function parseCifar100(file: NamedBytes, labels: Cifar100Labels = 'fine'): Dataset {
  return readCifar(file, [20, 100], labels === 'fine' ? 1 : 0);
}
