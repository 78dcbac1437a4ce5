/** @file What may be said of how data are read, and what reading gives: training and test items. */
import { OptionError } from '../contract/errors.ts';
import type { Dataset } from './dataset.ts';

/** Choices that a data set leaves open. One that has no meaning for the data at hand is refused. */
export interface Reading {
  /** Side of the images in pixels, [size, size]. Default: the images' own size, which must be one. */
  readonly size?: number;
  /** Needs a size. `crop` (default): the largest square in the middle is resampled; `stretch`: the whole image. */
  readonly fit?: 'crop' | 'stretch';
  /** `rgb` has 3 channels, `grey` 1 (0.299 R + 0.587 G + 0.114 B). Default: as they are; files of PNG, JPEG and WebP are `rgb`. */
  readonly colour?: 'rgb' | 'grey';
  /** .npz: which axis of [n, ?, ?, ?] is the channels, where the sizes do not say. */
  readonly layout?: 'nchw' | 'nhwc';
  /** CIFAR-100: its 100 classes (default) or its 20 superclasses. */
  readonly labels?: 'fine' | 'coarse';
  /** Where data come without a test set: the part of each class that is kept for it. Default 0.2. */
  readonly testPart?: number;
  /** Draws that part. Default 0. */
  readonly splitSeed?: number;
}

/** Training and test items as their makers divided them, or by a seeded split. */
export interface TrainTest {
  readonly train: Dataset;
  readonly test: Dataset;
  /** What was decided in reading them, for people: which labels, how they were split. */
  readonly about?: string;
}

export const FITS = ['crop', 'stretch'] as const;
export const COLOURS = ['rgb', 'grey'] as const;
export const LAYOUTS = ['nchw', 'nhwc'] as const;
export const LABELS = ['fine', 'coarse'] as const;

/** Sides beyond this are no images to learn from. */
const MAX_SIDE = 2 ** 14;

/** OptionError for values outside their range, and for choices that this kind of data does not leave open. */
export function checkReading(reading: Reading, kind: string, open: readonly (keyof Reading)[]): void {
  const { size, fit, testPart, splitSeed } = reading;
  for (const [name, value] of Object.entries(reading) as [keyof Reading, unknown][]) {
    if (value !== undefined && !open.includes(name))
      throw new OptionError(`data: ${name} ${JSON.stringify(value)} (${flagOf(name)}) has no meaning for ${kind}: leave it out`);
  }
  const oneOf = (name: keyof Reading, values: readonly string[]): void => {
    const value = reading[name];
    if (value !== undefined && !values.includes(String(value)))
      throw new OptionError(`data: ${name} ${JSON.stringify(value)} is not one of ${values.join(', ')}`);
  };
  oneOf('fit', FITS);
  oneOf('colour', COLOURS);
  oneOf('layout', LAYOUTS);
  oneOf('labels', LABELS);
  if (size !== undefined && !(Number.isInteger(size) && size >= 1 && size <= MAX_SIDE))
    throw new OptionError(`data: size ${size} must be an integer from 1 to ${MAX_SIDE}`);
  if (fit !== undefined && size === undefined) throw new OptionError(`data: fit ${fit} needs a size (--size)`);
  if (testPart !== undefined && !(testPart > 0 && testPart < 1))
    throw new OptionError(`data: testPart ${testPart} must be above 0 and below 1`);
  if (splitSeed !== undefined && !(Number.isSafeInteger(splitSeed) && splitSeed >= 0))
    throw new OptionError(`data: splitSeed ${splitSeed} must be an integer >= 0`);
}

/** `testPart` is `--test-part` on a command line. */
function flagOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
