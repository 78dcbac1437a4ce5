/** @file The kinds of job: what each is asked, what it answers, and the function that does it. */
import type { StopSignal } from '../contract/stop-signal.ts';
import type { Device } from '../core/tensor.ts';
import { runSearchJob, type SearchJob, type SearchRun } from './search-job.ts';
import { runTrainingJob, type TrainedCell, type TrainingJob } from './training-job.ts';

/** What jobs there are, what each is asked and what it answers: both are plain JSON, so that a process of its own can run it. */
export interface Jobs {
  readonly search: { readonly asked: SearchJob; readonly answer: SearchRun };
  readonly training: { readonly asked: TrainingJob; readonly answer: TrainedCell };
}

export type JobKind = keyof Jobs;

export interface JobOptions {
  /** Ends the job after the step that is under way, by throwing the signal's reason. */
  readonly signal?: StopSignal | undefined;
}

/** Does one job on a device. */
export const runJob: {
  readonly [K in JobKind]: (device: Device, asked: Jobs[K]['asked'], options?: JobOptions) => Promise<Jobs[K]['answer']>;
} = {
  search: runSearchJob,
  training: runTrainingJob,
};
