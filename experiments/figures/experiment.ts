/** @file What an experiment is: claims of the article, a measurement at a size that fits, and what the data say of each claim. */
import type { Device } from 'reparam';
import type { Judgement } from 'reparam/credit';
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

/** One comparison: a figure, the region in which the claim says it lies, and what the data say. */
export interface Part {
  /** What is compared, in words: "SNAS less ENAS, mean over epochs". */
  readonly name: string;
  readonly judgement: Judgement;
  /** Decimals of its figures in print. */
  readonly digits: number;
}

export interface Finding {
  /** By which other pages name it, unique in its experiment. */
  readonly id: string;
  /** What the article says, in one sentence. */
  readonly claim: string;
  /** What was measured beside the comparisons: sizes, means and intervals. */
  readonly seen: string;
  /** The claim is held where all of them are. */
  readonly parts: readonly Part[];
}

/** What the data say, computed from nothing else. */
export interface Report {
  readonly findings: readonly Finding[];
  /** SVG documents by name; the name is added to the experiment's. */
  readonly pictures: Readonly<Record<string, string>>;
  /** A Markdown table, where numbers say more than a picture. */
  readonly table?: string;
}

/** What was measured: the sizes in words, and plain JSON. */
export interface Measured<Data = unknown> {
  readonly setting: string;
  readonly data: Data;
}

export interface Experiment {
  readonly name: string;
  /** Of the article. */
  readonly figure: string;
  readonly summary: string;
  /** When the published run was to stop, stated before it. */
  readonly plan: string;
  /** On the CPU device it computes in float64. */
  readonly float64?: boolean;
  readonly measure: (context: ExperimentContext) => Promise<Measured>;
  readonly report: (measured: Measured) => Report;
}

/** An experiment whose report reads the data that its measurement wrote. */
export function experiment<Data>(
  definition: Omit<Experiment, 'measure' | 'report'> & {
    readonly measure: (context: ExperimentContext) => Promise<Measured<Data>>;
    readonly report: (measured: Measured<Data>) => Report;
  },
): Experiment {
  return { ...definition, report: (measured) => definition.report(measured as Measured<Data>) };
}
