/**
 * @file Random crop with padding, horizontal flip and cutout, drawn from a key: the recipe of CIFAR-10 searches.
 *
 * Sources: He et al. 2016 (crop and flip), DeVries and Taylor 2017 (cutout). Padding is black, as in torchvision; cutout erases to the channel's
 * mean, because it comes after standardising.
 */
import { bits, type Key } from '../core/random.ts';

/** What is done to a training image. */
export interface Augmentation {
  /** Pad by this many black pixels on each side and crop back at a uniformly random offset. Default 0. */
  readonly crop?: number;
  /** Mirror left to right with probability 1/2. Default false. */
  readonly flip?: boolean;
  /** Side of a square erased around a uniformly random pixel, cut off at the border. Default 0. */
  readonly cutout?: number;
}

/** One image's draw: shift in pixels, mirrored or not, and the erased rectangle (bottom and right excluded). */
export interface Placement {
  readonly dy: number;
  readonly dx: number;
  readonly mirrored: boolean;
  readonly erased: { readonly top: number; readonly bottom: number; readonly left: number; readonly right: number };
}

/** The placement of no augmentation. */
export const UNCHANGED: Placement = { dy: 0, dx: 0, mirrored: false, erased: { top: 0, bottom: 0, left: 0, right: 0 } };

/** Draws what happens to one image of the given size. */
export function place(key: Key, height: number, width: number, augment: Augmentation): Placement {
  const [wordY = 0, wordX = 0, wordFlip = 0, wordTop = 0, wordLeft = 0] = bits(key, 5);
  const below = (word: number, bound: number): number => Math.floor((word / 2 ** 32) * bound);
  const crop = augment.crop ?? 0;
  const cutout = augment.cutout ?? 0;
  const top = below(wordTop, height) - Math.floor(cutout / 2);
  const left = below(wordLeft, width) - Math.floor(cutout / 2);
  return {
    dy: below(wordY, 2 * crop + 1) - crop,
    dx: below(wordX, 2 * crop + 1) - crop,
    mirrored: augment.flip === true && wordFlip >= 2 ** 31,
    erased: {
      top: Math.max(0, top),
      bottom: Math.min(height, top + cutout),
      left: Math.max(0, left),
      right: Math.min(width, left + cutout),
    },
  };
}
