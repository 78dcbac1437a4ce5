/** @file All experiments, in the order of the article. */
import { comparisonExperiments } from './comparison.ts';
import { decodingExperiments } from './decoding.ts';
import type { Experiment } from './experiment.ts';
import { gapExperiment } from './gap.ts';
import { lossExperiment } from './loss-for-accuracy.ts';
import { penaltyExperiments } from './penalty.ts';
import { retrainingExperiments } from './retraining.ts';
import { rivalExperiments } from './rivals.ts';
import { splitExperiment } from './split-cost.ts';

export const EXPERIMENTS: readonly Experiment[] = [
  lossExperiment,
  gapExperiment,
  splitExperiment,
  ...decodingExperiments,
  ...rivalExperiments,
  ...comparisonExperiments,
  ...penaltyExperiments,
  ...retrainingExperiments,
];
