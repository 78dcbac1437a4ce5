/** @file Public names of `reparam/jobs`: searches and trainings as data, run in Node, several at once on the CPU device. */
export type { JobKind, Jobs } from './job.ts';
export { type Finished, type PoolOptions, runJobs } from './pool.ts';
export { type DecodedChild, runSearchJob, type SearchJob, type SearchRun } from './search-job.ts';
export { architectureSettings, CANDIDATES, chooseCandidate, learns, samples, strategyFor } from './strategies.ts';
export { runTrainingJob, type TrainedCell, type TrainingJob } from './training-job.ts';
