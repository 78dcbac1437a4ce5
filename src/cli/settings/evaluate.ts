/** @file The settings of `reparam evaluate` and `reparam predict`, a row each. */
import { DATA_HELP, readingSettings } from './reading.ts';
import type { FlagsOf } from './setting.ts';

const upToData = [
  {
    flag: '--data <name>',
    value: 'text',
    help: (): string => `${DATA_HELP} (default: what the child was found on)`,
  },
] as const;

const afterData = [
  {
    flag: '--part <name>',
    value: 'part',
    default: 'test',
    help: "which images of the data: 'test', 'train' (the search has seen them), or 'all'",
  },
  { flag: '--device <name>', value: 'device', default: 'auto', help: 'webgpu, cpu, or what is there' },
  { flag: '--out <folder>', value: 'text', help: 'where confusion.svg and evaluation.json are written (default: RUN)' },
  { flag: '--quiet', value: 'yes', help: 'print only the accuracy' },
] as const;

/** In the order of --help. */
export const evaluateSettings: readonly [...typeof upToData, ...typeof readingSettings, ...typeof afterData] = [
  ...upToData,
  ...readingSettings,
  ...afterData,
];

/** In the order of --help. */
export const predictSettings = [
  {
    flag: '--fit <how>',
    value: 'fit',
    help: "brings images of another size to the child's: 'crop' takes the largest square in the middle, 'stretch' the whole image (default: as in the search, if it had --size)",
  },
  {
    flag: '--layout <axes>',
    value: 'layout',
    help: '.npz: nchw or nhwc, where a shape can mean both',
  },
  { flag: '--top <n>', value: 'count', default: 1, help: 'how many classes are named, the likeliest first' },
  { flag: '--device <name>', value: 'device', default: 'auto', help: 'webgpu, cpu, or what is there' },
] as const;

export type EvaluateFlags = FlagsOf<typeof evaluateSettings>;
export type PredictFlags = FlagsOf<typeof predictSettings>;
