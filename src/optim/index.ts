/** @file Optimisers, schedules and clipping. */
export { Adam, type AdamOptions } from './adam.ts';
export { type ClippedGradients, clipGradNorm } from './clip.ts';
export { Optimizer, type StepOptions } from './optimizer.ts';
export { cosine, exponential, linearSchedule } from './schedule.ts';
export { SGD, type SGDOptions } from './sgd.ts';
