/** @file What an experiment is: a claim of the article, a measurement at a size that fits, and an honest account of both. */
import type { Device } from 'reparam';
import type { SearchJob, SearchRun, TrainedCell, TrainingJob } from 'reparam/jobs';

/** `smoke` proves that it runs, in seconds; `default` fits two cores; `paper` is the authors' size and needs a GPU. */
export const SCALE_NAMES = ['smoke', 'default', 'paper'] as const;
export type ScaleName = (typeof SCALE_NAMES)[number];

export interface ExperimentContext {
  readonly device: Device;
  readonly scale: ScaleName;
  readonly seeds: readonly number[];
  /** 'mnist', or a folder of IDX files or of CIFAR-10's binary batches. */
  readonly data: string;
  /** A second data set, for the transfer of cells. */
  readonly transfer: string;
  /** Runs searches, several at a time where the device allows it, and reuses those that an earlier experiment left behind. */
  readonly search: (jobs: readonly SearchJob[]) => Promise<SearchRun[]>;
  /** Trains cells from scratch, several at a time where the device allows it. */
  readonly train: (jobs: readonly TrainingJob[]) => Promise<TrainedCell[]>;
  readonly say: (line: string) => void;
}

/** Whether the direction of the claim was seen: in every comparison's interval, in the means alone, or not. */
export type Verdict = 'held' | 'held in the mean, within the noise' | 'did not hold';

export interface Finding {
  /** What the article says, in one sentence. */
  readonly claim: string;
  /** What was measured: sizes, n, means and intervals. */
  readonly seen: string;
  readonly verdict: Verdict;
}

export interface ExperimentResult {
  readonly findings: readonly Finding[];
  /** What the figures were made from, as JSON. */
  readonly data: unknown;
  /** SVG documents by name; the name is added to the experiment's. */
  readonly pictures: Readonly<Record<string, string>>;
  /** A Markdown table, where numbers say more than a picture. */
  readonly table?: string;
}

export interface Experiment {
  readonly name: string;
  /** Of the article. */
  readonly figure: string;
  readonly summary: string;
  readonly run: (context: ExperimentContext) => Promise<ExperimentResult>;
}
